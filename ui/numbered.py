"""An answer's statements as text for people, with numbered marks for what they cite."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.documents.passages import flat
from rag.types import Citation, Disagreement, Statement
from ui.verdicts import verdict_words


@dataclass(frozen=True, slots=True)
class Said:
    """A statement with its marks and what to be careful about; whether it begins a paragraph or a list item."""

    text: str
    begins_paragraph: bool
    is_item: bool


class Numbered:
    """Numbers what is cited in the order it comes; the same words keep their number throughout an answer.

    All text but the marks passes through `escape`.
    """

    def __init__(self, escape: Callable[[str], str] = str) -> None:
        self._escape = escape
        self._places: dict[tuple[str, int, int], Citation] = {}
        self._last: Said | None = None

    @property
    def cited(self) -> list[Citation]:
        """What the numbers stand for, from 1."""
        return list(self._places.values())

    def said(self, statement: Statement) -> Said:
        """The next statement of the answer."""
        marks = "".join(map(self._mark, statement.citations))
        parts = (self._escape(statement.text), marks, self._escape(caution(statement)))
        text = " ".join(part for part in parts if part)
        item = statement.text.startswith("- ")
        self._last = Said(text, item or self._last is None or self._last.is_item, item)
        return self._last

    def _mark(self, citation: Citation) -> str:
        place = (citation.document, citation.start, citation.end)
        self._places.setdefault(place, citation)
        return f"[{list(self._places).index(place) + 1}]"


def caution(statement: Statement) -> str:
    """What to be careful about, in brackets; empty for a supported statement."""
    if statement.verdict == "supported":
        return ""
    why = "; ".join(map(_disagreement, statement.disagreements)) or statement.reason or ""
    return f"({verdict_words(statement)}{': ' + flat(why) if why else ''})"


def where(document: str, headings: Sequence[str], page: str, start: int, end: int) -> str:
    """Where words stand, for people: the nearest heading only. `page` is as `page_named` gives it."""
    heading = f" › {flat(headings[-1])}" if headings else ""
    return f"{document}{heading}{f', {page}' if page else ''}, characters {start}-{end}"


def page_named(page: int | None, label: str | None) -> str:
    """A page as people know it, by the number printed on it where that is another; empty when there is none."""
    if page is None:
        return ""
    if label is None or label == str(page):
        return f"page {page}"
    ending = "th" if page % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(page % 10, "th")
    return f"page {flat(label)} ({page}{ending} of the file)"


def withheld_line(withheld: Sequence[Statement]) -> str:
    """How many statements were withheld, by verdict."""
    kinds = Counter(statement.verdict for statement in withheld)
    words = " and ".join(f"{count} {verdict}" for verdict, count in kinds.items())
    return f"{words} statement{'' if len(withheld) == 1 else 's'} withheld"


def _disagreement(found: Disagreement) -> str:
    if found.source is None:
        return f"“{found.claim}” is not in the cited words"
    return f"“{found.claim}” here, “{found.source}” in the source"
