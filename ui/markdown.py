"""An answer as Markdown, for programs that show text: numbered citations, and below them what they stand for."""

import re
import textwrap

from rag.answer.replies import OWN_WORDS
from rag.documents.passages import flat
from rag.types import Answer, Statement
from ui.numbered import Numbered, Said, page_named, where, withheld_line
from ui.searched import searched_for

QUOTE_CHARACTERS = 300
SOURCES = "**Sources**"
NOTE = "*Note: "
BELOW = tuple(f"\n\n{begins}" for begins in (SOURCES, NOTE))


def plain(text: str) -> str:
    """Text of documents and models without pictures, HTML, code, and links that hide where they lead.

    Code would swallow the marks and sources that follow it, and some front ends show code in HTML as a page.
    """
    return re.sub(r"[\\\[\]<`~]", r"\\\g<0>", text)


class Writing:
    """Writes an answer's statements as they come; joined, the pieces are the whole text."""

    def __init__(self) -> None:
        self._numbered = Numbered(plain)
        self._last: Said | None = None

    def statement(self, statement: Statement) -> str:
        """The next statement, with what stands between it and the one before."""
        said, last = self._numbered.said(statement), self._last
        self._last = said
        if last is None:
            return said.text
        if not said.begins_paragraph:
            return f" {said.text}"
        return f"\n{said.text}" if last.is_item and said.is_item else f"\n\n{said.text}"

    def rest(self, answer: Answer) -> str:
        """What stands below the statements of a finished answer; the refusal when there are none."""
        paragraphs = [] if self._last else [plain(answer.text)]
        if self._numbered.cited:
            paragraphs.append("\n".join([SOURCES, "", *self._sources(answer)]))
        return "\n\n".join(([""] if self._last else []) + paragraphs + _notes(answer))

    def _sources(self, answer: Answer) -> list[str]:
        said, lines = flat(answer.text), []
        for number, cited in enumerate(self._numbered.cited, 1):
            page = page_named(cited.page, cited.page_label)
            line = f"- [{number}] {plain(where(cited.document, cited.heading, page, cited.start, cited.end))}"
            if flat(cited.quote) not in said:
                line += f": “{plain(textwrap.shorten(cited.quote, QUOTE_CHARACTERS, placeholder=' …'))}”"
            lines.append(line)
        return lines


def markdown(answer: Answer) -> str:
    """The whole answer."""
    writing = Writing()
    return "".join([*map(writing.statement, answer.statements), writing.rest(answer)])


def spoken(text: str) -> str:
    """The words of an answer that came back in a conversation: what we wrote below and between them is left out."""
    cut = min((place for begins in BELOW if (place := text.find(begins)) >= 0), default=None)
    if cut is None:
        return text
    return re.sub(r"\\([\\\[\]<`~])", r"\1", re.sub(r" (\[\d+\])+", "", text[:cut]))


def _notes(answer: Answer) -> list[str]:
    """How the answer came about, a line each."""
    notes = [searched_for(answer.question, answer.search_question)]
    notes += [notice.message for notice in answer.notices if notice.code not in OWN_WORDS]
    notes += [f"{withheld_line(answer.withheld)}."] if answer.withheld else []
    return [f"{NOTE}{plain(flat(note)).replace('*', '')}*" for note in notes if note]
