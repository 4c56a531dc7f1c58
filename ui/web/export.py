"""A conversation to take along: as Markdown, HTML, Word with footnotes, or JSON."""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response

from rag.errors import PinciteError
from rag.types import Answer, Citation
from ui.markdown import markdown, plain
from ui.numbered import caution, withheld_line
from ui.web.conversation import Chat, Conversation, Exchange
from ui.web.conversations import Conversations
from ui.web.markup import escape, where

# Characters that XML cannot hold, and so no Word document.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
STYLE = (
    "body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:16px/1.6 Georgia,serif;color:#1c2429}"
    "h1,h2{font-family:system-ui,sans-serif;line-height:1.3}h2{font-size:1.1rem;margin-top:2.2rem}"
    "ol{font-size:.9rem;border-top:1px solid #ccc;padding-top:.8rem}.by,.caution{font-size:.85rem;color:#59656c}"
)

Titles = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """A statement, which notes it rests on, and what to be careful about; without notes a line about the answer."""

    text: str
    notes: tuple[int, ...] = ()
    caution: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """One question with one answer: what it says, and its notes, which are numbered from 1."""

    question: str
    by: str
    said: tuple[Said, ...]
    notes: tuple[Citation, ...]


def conversation_routes(chat: Chat, conversations: Conversations) -> APIRouter:
    """`GET /conversations/ID.KIND`. The id cannot be guessed: who has it was given it."""
    routes = APIRouter(prefix="/conversations")

    @routes.get("/{name}")
    def taken_along(name: str) -> Response:
        key, _, kind = name.rpartition(".")
        title, exchanges = conversations.title(key), conversations.exchanges(key)
        if kind not in KINDS or title is None or not exchanges:
            return Response("There is no such conversation.", 404, media_type="text/plain")
        media, export = KINDS[kind]
        headers = {"content-disposition": f'attachment; filename="{file_name(title)}.{kind}"'}
        return Response(export(title, exchanges, _titles(chat)), headers=headers, media_type=media)

    return routes


def as_markdown(title: str, exchanges: Conversation, titles: Titles) -> bytes:
    """As Markdown, with sources below each answer."""
    parts = [f"# {plain(title)}"]
    for column in (column for exchange in exchanges for column in exchange.columns):
        parts += [f"## {plain(column.question)}", markdown(column.answer) if column.answer else _without_answer(column)]
    return "\n\n".join(parts).encode() + b"\n"


def as_html(title: str, exchanges: Conversation, titles: Titles) -> bytes:
    """As one HTML file that loads nothing."""
    parts = [f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>']
    parts.append(f"<style>{STYLE}</style><h1>{escape(title)}</h1>")
    for number, one in enumerate(_written(exchanges)):
        parts.append(f'<h2>{escape(one.question)}</h2><p class="by">{escape(one.by)}</p>')
        for said in one.said:
            marks = "".join(f'<sup><a href="#n{number}-{note}">{note}</a></sup>' for note in said.notes)
            careful = f' <span class="caution">{escape(said.caution)}</span>' if said.caution else ""
            parts.append(f"<p>{escape(said.text)}{marks}{careful}</p>")
        notes = "".join(
            f'<li id="n{number}-{note}">“{escape(cited.quote)}” {escape(_place(cited, titles))}</li>'
            for note, cited in enumerate(one.notes, 1)
        )
        parts.append(f"<ol>{notes}</ol>" if notes else "")
    return "".join(parts).encode("utf-8", "replace")


def as_json(title: str, exchanges: Conversation, titles: Titles) -> bytes:
    """The answer records, with the receipts that `pincite verify` reads."""
    asked = [
        {"question": c.question, "record": c.answer.record() if c.answer else None, "receipt": c.receipt}
        for exchange in exchanges
        for c in exchange.columns
    ]
    value = {"schema": "pincite.conversation/1", "title": title, "exchanges": asked}
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def as_docx(title: str, exchanges: Conversation, titles: Titles) -> bytes:
    """As a Word document whose footnotes hold each quote, its document, page and characters."""
    import docx
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import OxmlElement
    from docx.oxml.ns import nsdecls, qn

    document = docx.Document()
    document.add_heading(_xml(title), 0)
    notes: list[str] = []
    for one in _written(exchanges):
        document.add_heading(_xml(one.question), 1)
        document.add_paragraph(_xml(one.by))
        for said in one.said:
            text = said.text.removeprefix("- ")
            paragraph = document.add_paragraph(_xml(text), "List Bullet" if text != said.text else None)
            for number in said.notes:
                cited = one.notes[number - 1]
                notes.append(f"“{cited.quote}” {_place(cited, titles)}")
                run = paragraph.add_run()
                run.font.superscript = True
                reference = OxmlElement("w:footnoteReference")
                reference.set(qn("w:id"), str(len(notes)))
                run._r.append(reference)
            if said.caution:
                paragraph.add_run(f" {_xml(said.caution)}").italic = True
    rows = "".join(
        f'<w:footnote w:id="{number}"><w:p><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:footnoteRef/></w:r>'
        f'<w:r><w:t xml:space="preserve"> {escape(_xml(note))}</w:t></w:r></w:p></w:footnote>'
        for number, note in enumerate(notes, 1)
    )
    separators = "".join(
        f'<w:footnote w:type="{kind}" w:id="{number}"><w:p><w:r><w:{kind}/></w:r></w:p></w:footnote>'
        for kind, number in (("separator", -1), ("continuationSeparator", 0))
    )
    blob = f'<?xml version="1.0" encoding="UTF-8"?><w:footnotes {nsdecls("w")}>{separators}{rows}</w:footnotes>'
    part = Part(PackURI("/word/footnotes.xml"), f"{WORD}.footnotes+xml", blob.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


Export = Callable[[str, Conversation, Titles], bytes]
KINDS: dict[str, tuple[str, Export]] = {
    "md": ("text/markdown", as_markdown),
    "html": ("text/html", as_html),
    "docx": (f"{WORD}.document", as_docx),
    "json": ("application/json", as_json),
}


def file_name(title: str) -> str:
    """A title as the name of a file on every system, and in a header."""
    return re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")[:60] or "conversation"


def _written(exchanges: Conversation) -> Iterator[Written]:
    for column in (column for exchange in exchanges for column in exchange.columns):
        if column.answer is None:
            yield Written(column.question, "", (Said(_without_answer(column)),), ())
        else:
            yield _of(column.answer, column.question)


def _of(answer: Answer, question: str) -> Written:
    numbers: dict[tuple[str, int, int], int] = {}
    notes: list[Citation] = []
    said = []
    for statement in answer.statements:
        for cited in statement.citations:
            if numbers.setdefault((cited.document, cited.start, cited.end), len(notes) + 1) > len(notes):
                notes.append(cited)
        marks = tuple(dict.fromkeys(numbers[c.document, c.start, c.end] for c in statement.citations))
        said.append(Said(statement.text, marks, caution(statement)))
    if not said:
        said = [Said(answer.error or answer.text)]
    if answer.withheld:
        said.append(Said(f"{withheld_line(answer.withheld)}."))
    of = f", asked of {', '.join(answer.scope)}" if answer.scope else ""
    return Written(question, f"Answered by {answer.answered_by or 'Pincite'}{of}.", tuple(said), tuple(notes))


def _without_answer(exchange: Exchange) -> str:
    return exchange.error or "This question was stopped before it was answered."


def _place(cited: Citation, titles: Titles) -> str:
    title = titles.get(cited.document, cited.document)
    page = f", page {cited.page}" if cited.page else ""
    return f"{where(title, cited.heading)} ({cited.document}{page}, characters {cited.start}–{cited.end})"


def _titles(chat: Chat) -> Titles:
    try:
        return {document.id: document.title for document in chat.documents()}
    except PinciteError:
        return {}


def _xml(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)
