"""The conversation as HTML: pure functions. All text of documents and models is escaped, and none is Markdown."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.answer.checking import is_shown
from rag.answer.replies import OWN_WORDS
from rag.types import Answer, Chunk, Passage
from ui.markdown import markdown
from ui.searched import searched_for
from ui.verdicts import verdict_words
from ui.web.conversation import Exchange
from ui.web.markup import count, escape, excerpt, named, place, where
from ui.web.statements import Numbers, Titles, statements, withheld

NEAREST = 4
# Notices without which the answer, or the refusal, below would be misread.
IN_FRONT = {"sources_disagree", "language", "weak_evidence"}


@dataclass(frozen=True, slots=True)
class Around:
    """What an answer is shown with: titles and hashes by document, the setting `show`, how good the verifier is.

    `last` says that it can be asked anew, `invites` that a model can be connected.
    """

    titles: Titles
    show: str = "withhold"
    quality: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    last: bool = False
    invites: bool = False


def brand() -> str:
    """The name at the top."""
    return '<span class="logo" aria-hidden="true"></span><h1 class="name">Pincite</h1>'


def note(message: str, warning: bool = False) -> str:
    """One line above the question box."""
    return f'<p class="note{" warning" if warning else ""}" role="status">{escape(message)}</p>'


def leaving(specs: Sequence[str]) -> str:
    """That backends run elsewhere, before the first question is sent to them."""
    run = "runs on another machine" if len(specs) == 1 else "run on other machines"
    return note(f"{' and '.join(specs)} {run}: each question, and the passages found for it, will be sent there.")


def welcome(documents: int, examples: Sequence[str]) -> str:
    """The empty page: what this is, and questions to begin with."""
    cards = "".join(
        f'<li><button type="button" class="example" data-question="{escape(q)}">{escape(q)}</button></li>'
        for q in examples
    )
    return (
        '<section class="welcome"><h2>Ask your documents</h2>'
        "<p>Every sentence of an answer is pinned to the exact words it rests on in your "
        f"{count(documents, 'document')}, and checked against them before you see it. "
        "What the documents do not say, Pincite declines to say.</p>"
        f'<ul class="examples" aria-label="Questions to begin with">{cards}</ul></section>'
    )


def exchanges(items: Iterable[Exchange], around: Around, first: int = 0) -> str:
    """Several exchanges, oldest first; `first` is the place of the oldest in its conversation."""
    return "".join(exchange(item, around, place) for place, item in enumerate(items, first))


def exchange(item: Exchange, around: Around, at: int = 0) -> str:
    """A question and what has arrived of its answer, or of both its answers in two columns."""
    if item.beside is None:
        answers = f'<div class="answer">{_column(item, around)}{_doings(item, around, at, 0)}</div>'
    else:
        columns = enumerate(item.columns)
        answers = "".join(_named_column(one, around, _doings(one, around, at, n)) for n, one in columns)
        answers = f'<div class="beside">{answers}</div>'
    return (
        '<article class="exchange"><div class="question"><span class="sr">You asked: </span>'
        f"{escape(item.question)}</div>{_asked_of(item.scope, around)}{answers}</article>"
    )


def _asked_of(scope: Sequence[str], around: Around) -> str:
    """What a question was limited to: titles of documents, and names of folders."""
    if not scope:
        return ""
    return f'<p class="asked-of">Asked of {escape(named([around.titles.get(one, one) for one in scope]))}</p>'


def _doings(item: Exchange, around: Around, at: int, column: int) -> str:
    """What can be done with an answer: copy it, ask it anew, say what one thinks of it."""
    place_ = f'data-position="{at}" data-column="{column}"'
    asked = f'{place_} data-text="{escape(item.question)}"'
    buttons, below = [], ""
    if item.answer and item.answer.status != "failed":
        buttons.append(f'<button type="button" data-copy="{escape(markdown(item.answer))}">Copy</button>')
    if around.last and not item.unfinished and column == 0:
        buttons.append(f'<button type="button" data-edit {asked}>Edit question</button>')
        buttons.append(f'<button type="button" data-again {asked}>Ask again</button>')
    if item.answer and item.answer.status != "failed":
        good = item.feedback.good if item.feedback else None
        for rate, pressed, name in (("good", good is True, "Good answer"), ("bad", good is False, "Bad answer")):
            state = "true" if pressed else "false"
            buttons.append(
                f'<button type="button" class="{rate}" data-rate="{rate}" aria-pressed="{state}" aria-label="{name}" '
                f'title="{name}" {place_}></button>'
            )
        if item.feedback and not item.feedback.good:
            below = (
                f'<input type="text" class="reason" {place_} maxlength="500" aria-label="What is wrong with it" '
                f'placeholder="What is wrong with it? (optional)" value="{escape(item.feedback.reason)}">'
            )
        if around.invites and item.answer.answered_by == "offline" and item.answer.statements:
            below += (
                '<p class="quoted">These are quotations from the documents. '
                '<button type="button" data-connect>Have a language model write the answer</button></p>'
            )
    group = f'<div class="doings" role="group" aria-label="This answer">{"".join(buttons)}</div>' if buttons else ""
    return group + below


def _named_column(item: Exchange, around: Around, doings: str) -> str:
    """One of two answers, below the name of the backend that was asked, and how many statements fared how."""
    name = escape(item.backend or "")
    tally = ""
    if item.answer and item.answer.statements + item.answer.withheld:
        kinds = Counter(verdict_words(s) for s in item.answer.statements)
        parts = [f"{n} {words}" for words, n in kinds.items()]
        parts += [f"{len(item.answer.withheld)} withheld"] if item.answer.withheld else []
        tally = f'<p class="tally">{", ".join(parts)}</p>'
    return (
        f'<section class="answer" aria-label="Answer by {name}"><h3 class="by">{name}</h3>{tally}'
        f"{_column(item, around)}{doings}</section>"
    )


def _column(item: Exchange, around: Around) -> str:
    if item.error is not None:
        return failure(item.error)
    return _unfinished(item, around) if item.answer is None else answer(item.answer, around)


def _unfinished(item: Exchange, around: Around) -> str:
    """The statements so far and what is going on; `strict` shows none before all are checked."""
    shown = [s for s in item.statements if around.show != "strict" and is_shown(s, around.show)]
    searched = _searched(item.question, item.searched.search_question) if item.searched else ""
    body = f'{searched}<div class="body">{statements(shown, around.titles, {})}</div>'
    if item.stopped:
        return f'{body}<p class="aside">Stopped. Nothing more was shown.</p>'
    pulse = '<span class="pulse" aria-hidden="true"></span>'
    return f'{body}<p class="progress" aria-live="off">{pulse}{escape(_progress(item, around.show))}</p>'


def _progress(item: Exchange, show: str) -> str:
    if item.searched is None:
        return "Searching the documents…"
    if show == "strict":
        return "Checking the whole answer before any of it is shown…"
    if item.statements:
        return f"Checking the next statement… {count(len(item.statements), 'statement')} checked so far."
    passages = item.searched.passages
    documents = len({p.chunk.document for p in passages})
    return f"Reading {count(len(passages), 'passage')} from {count(documents, 'document')}…"


def answer(item: Answer, around: Around) -> str:
    """A finished answer by its status, with what was withheld, the notices and who made it."""
    numbers: Numbers = {}
    if item.status == "failed":
        body = failure(item.error or item.text)
    elif OWN_WORDS & {notice.code for notice in item.notices}:
        return f'<div class="body"><p class="plain">{escape(item.text)}</p></div>'
    elif item.status == "abstained":
        body = f'<div class="abstained"><p>{escape(item.text)}</p>{_nearest(item.passages)}</div>'
    elif item.statements:
        body = f'<div class="body">{statements(item.statements, around.titles, numbers)}</div>'
    else:
        body = f'<div class="body"><p class="plain">{escape(item.text)}</p></div>'
    cautions = [notice.message for notice in item.notices if notice.code in IN_FRONT]
    front = _searched(item.question, item.search_question)
    front += "".join(f'<p class="caution">{escape(line)}</p>' for line in cautions)
    below = withheld(item.withheld, around.titles, numbers) + _changed(item, numbers, around.hashes)
    below += _asides(item) + _colophon(item, around.quality)
    return front + body + below


def _searched(question: str, search_question: str) -> str:
    line = searched_for(question, search_question)
    return f'<p class="searched">{escape(line)}</p>' if line else ""


def _nearest(passages: Sequence[Passage]) -> str:
    """The nearest passages of an abstention, openable, and said to be no answer."""
    if not passages:
        return ""
    rows = "".join(
        f'<li><button type="button" class="passage" '
        f"{place(p.chunk.document, p.chunk.start, p.chunk.end, p.chunk.sha256, 'passage')}>"
        f'<span class="where">{escape(where(p.chunk.title, p.chunk.headings))}</span>'
        f'<span class="excerpt">{escape(excerpt(_prose(p.chunk)))}</span></button></li>'
        for p in passages[:NEAREST]
    )
    return f'<h3>Nearest passages <em>not an answer</em></h3><ul class="nearest">{rows}</ul>'


def _prose(chunk: Chunk) -> str:
    """A chunk from its first sentence on, without the heading above it."""
    return chunk.text[chunk.sentences[0].start - chunk.start :] if chunk.sentences else chunk.text


def failure(message: str) -> str:
    """What went wrong, in the words that say what to do."""
    return f'<div class="failed" role="alert"><strong>No answer.</strong> {escape(message)}</div>'


def _changed(item: Answer, numbers: Numbers, hashes: Mapping[str, str]) -> str:
    """Which citations point into documents that are not as they were cited any more."""
    cited = (citation for statement in item.statements for citation in statement.citations)
    changed = {numbers[c.document, c.start, c.end] for c in cited if hashes.get(c.document, c.sha256) != c.sha256}
    gone = {
        numbers[c.document, c.start, c.end]
        for statement in item.statements
        for c in statement.citations
        if hashes and c.document not in hashes
    }
    lines = [
        f"{'A document' if len(which) == 1 else 'Documents'} cited here {'has' if len(which) == 1 else 'have'} {what}"
        f" since this answer: see {', '.join(f'[{number}]' for number in sorted(which))}."
        for which, what in ((changed, "changed"), (gone, "been removed"))
        if which
    ]
    return "".join(f'<p class="aside changed">{line}</p>' for line in lines)


def _asides(item: Answer) -> str:
    """Notices, and markers that named nothing."""
    lines = [notice.message for notice in item.notices if notice.code not in IN_FRONT]
    if item.dangling:
        named = ", ".join(f"[{marker}]" for marker in item.dangling)
        lines.append(f"{count(len(item.dangling), 'marker')} named no sentence and cited nothing: {named}")
    return "".join(f'<p class="aside">{escape(line)}</p>' for line in lines)


def _colophon(item: Answer, quality: str) -> str:
    """Who answered, who checked, how long it took, how many tokens, and the answer record to keep."""
    parts = [f"Answered by {item.answered_by}" if item.answered_by else ""]
    parts.append(f"{item.timings.total / 1000:.1f} s")
    read, written = item.usage.input_tokens, item.usage.output_tokens
    parts.append(f"{read:,} tokens read, {written:,} written" if read is not None and written is not None else "")
    cost = item.usage.cost_usd
    charged = "cost unknown" if cost is None else f"${cost:.4f}" if cost else "free of charge"
    parts.append(charged if item.answered_by else "")
    record = json.dumps(item.record(), ensure_ascii=False, indent=2).encode()
    save = (
        f'<a class="save" download="{_file_name(item)}" '
        f'href="data:application/json;base64,{base64.b64encode(record).decode()}">Save answer record</a>'
    )
    line = " · ".join([*(escape(part) for part in parts if part), save])
    if not item.statements + item.withheld:
        return f'<footer class="colophon">{line}</footer>'
    by = f"Checked by {escape(item.verifier)}"
    how = f"<details><summary>{by}</summary><p>{escape(quality)}</p></details>" if quality else f" · {by}"
    return f'<footer class="colophon">{line}{how}</footer>'


def _file_name(item: Answer) -> str:
    """A name for the answer record's file, which tells the answers of two backends apart."""
    by = re.sub(r"[^A-Za-z0-9.]+", "-", item.answered_by or "").strip("-.")
    return f"answer-{by}.json" if by else "answer.json"
