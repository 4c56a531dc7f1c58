"""From lines on pages to headings, paragraphs, list items and rows of tables: by size, weight, gaps and indents."""

import collections
import itertools
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rag.documents.blocks import ITEM, reads_like_heading
from rag.documents.pdf_lines import Line
from rag.types import BlockKind

PAGE_NUMBER = re.compile(r"(?:page\s*)?[-–—(]?\s*\d{1,4}\s*(?:(?:/|of|\|)\s*\d{1,4})?\s*[-–—)]?", re.IGNORECASE)
ENDINGS = '.!?:…"”’)'
# Type this much larger than the text's is a heading; sizes closer than that are the same size.
LARGER, SAME = 1.1, 0.15
# A line this much further down than usual begins a paragraph; so does one indented by this share of its size.
WIDER, INDENT = 1.25, 0.8
LONGEST_HEADING = 200
LONGEST_HEADING_LINES = 3


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together. `kind` "row" stands for one row of a table."""

    lines: list[Line]
    kind: BlockKind = "prose"
    level: int = 0
    table: int = field(default=0)  # rows of one table share a number


def without_margins(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The lines of each page without page numbers and what repeats at the top or bottom of half of the pages."""
    if len(pages) < 2:
        return [list(page) for page in pages]
    edges = [{id(line) for line in _edges(page)} for page in pages]
    seen: collections.Counter[str] = collections.Counter()
    for page, edge in zip(pages, edges, strict=True):
        seen.update({_shape(line) for line in page if id(line) in edge})
    most = max(2, len(pages) / 2)
    return [
        [
            line
            for line in page
            if id(line) not in edge or not (seen[_shape(line)] >= most or PAGE_NUMBER.fullmatch(line.text.strip()))
        ]
        for page, edge in zip(pages, edges, strict=True)
    ]


def _edges(page: Sequence[Line]) -> list[Line]:
    """The two uppermost and the two lowest lines of a page."""
    by_height = sorted(page, key=lambda line: -line.bottom)
    return by_height[:2] + by_height[-2:]


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text).strip()


def paragraphs(lines: Iterable[Line]) -> list[Paragraph]:
    """The paragraphs of a whole document, in order."""
    lines = list(lines)
    if not lines:
        return []
    form = _Form(lines)
    rows = _rows(lines)
    found: list[Paragraph] = []
    for index, line in enumerate(lines):
        last = found[-1] if found else None
        if index in rows:
            found.append(Paragraph([line], "row", table=rows[index]))
        elif level := form.heading_level(line, lines[index - 1] if index else None, lines[index + 1 : index + 2]):
            if last and last.kind == "heading" and last.level == level and form.goes_on(last, line):
                last.lines.append(line)
            else:
                found.append(Paragraph([line], "heading", level))
        elif last and last.kind in ("prose", "item") and form.goes_on(last, line):
            last.lines.append(line)
        else:
            found.append(Paragraph([line], form.kind(line, last)))
    return [_checked(paragraph) for paragraph in found]


def _checked(paragraph: Paragraph) -> Paragraph:
    """The paragraph; one in large type that goes on like prose is prose."""
    if paragraph.kind == "heading" and len(paragraph.lines) > LONGEST_HEADING_LINES:
        return Paragraph(paragraph.lines)
    return paragraph


def _rows(lines: Sequence[Line]) -> dict[int, int]:
    """The lines that are rows of tables: index to the number of the table.

    Rows come at least two in succession, with equally many columns; a justified line as wide as its neighbour is none.
    """
    rows: dict[int, int] = {}
    table = 0
    gapped = [bool(line.columns) and not line.hyphen for line in lines]
    for columns, group in itertools.groupby(range(len(lines)), lambda i: len(lines[i].columns) if gapped[i] else 0):
        run = list(group)
        around = [lines[i] for i in (run[0] - 1, run[-1] + 1) if 0 <= i < len(lines)]
        first, last = lines[run[0]], lines[run[-1]]
        justified = any(_as_wide(line, edge) for line in around for edge in (first, last))
        if columns and len(run) > 1 and not justified and not ITEM.match(first.text):
            table += 1
            rows |= dict.fromkeys(run, table)
    return rows


def _as_wide(a: Line, b: Line) -> bool:
    return abs(a.left - b.left) < 1.5 and abs(a.right - b.right) < 1.5


class _Form:
    """The measures of a document's type: size of the text, sizes of headings, distance between lines."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes: collections.Counter[float] = collections.Counter()
        for line in lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
        self._body = sizes.most_common(1)[0][0] or 1.0
        self._levels: list[float] = []  # sizes of headings, largest first, one for each level
        for size in sorted((line.size for line in lines if self._is_large(line)), reverse=True):
            if not self._levels or size < self._levels[-1] * (1 - SAME / 2):
                self._levels.append(size)
        pairs = [(a, b) for a, b in itertools.pairwise(lines) if a.page == b.page and self._same_size(a, b)]
        steps = [step for above, line in pairs if 0 < (step := (above.bottom - line.bottom) / line.size) < 2.5]
        self._step = statistics.median_low(sorted(steps)) if steps else 1.2

    def heading_level(self, line: Line, above: Line | None, below: Sequence[Line]) -> int:
        """The level of a heading, 0 for other lines: larger type, or a bold line that stands apart."""
        if self._is_large(line):
            size = next(n for n, size in enumerate(self._levels, 1) if line.size >= size * (1 - SAME / 2))
            return min(size, 6)
        if not line.bold or not reads_like_heading(line.text):
            return 0
        apart = above is None or self._is_apart(above, line) or above.text[-1] in ENDINGS or self._is_large(above)
        alone = not below or not below[0].bold or self._is_apart(line, below[0])
        return min(len(self._levels) + 1, 6) if apart and alone else 0

    def goes_on(self, paragraph: Paragraph, line: Line) -> bool:
        """Whether a line continues a paragraph rather than beginning the next one."""
        above, first = paragraph.lines[-1], paragraph.lines[0]
        if above.hyphen:
            return True
        if ITEM.match(line.text) or not self._same_size(above, line):
            return False
        ended = above.text[-1] in ENDINGS
        if above.page != line.page or line.bottom > above.top:
            return not ended and paragraph.kind != "heading"
        if self._is_apart(above, line):
            return False
        if paragraph.kind == "item" and not ITEM.match(first.text):  # a list whose marks are drawings
            return not (above.text[-1] in ".;," or line.text[0].isupper())
        if paragraph.kind == "item":
            return line.left > first.left - INDENT * line.size and (line.left > first.left + 1 or not ended)
        indented = line.left > above.left + INDENT * line.size
        short = above.right < max(row.right for row in (*paragraph.lines, line)) - 3 * line.size
        return not indented and not (ended and short)

    def kind(self, line: Line, last: Paragraph | None) -> BlockKind:
        """Item or prose, for the line that begins a paragraph; `last` is the paragraph before."""
        if ITEM.match(line.text):
            return "item"
        if last is None or last.lines[-1].page != line.page:
            return "prose"
        before = last.lines[0]
        deeper = line.left > before.left + INDENT * line.size
        listed = last.kind == "item" and not ITEM.match(before.text) and abs(line.left - before.left) < 2
        apart = self._is_apart(last.lines[-1], line)
        return "item" if (deeper and last.lines[-1].text[-1] == ":") or (listed and not apart) else "prose"

    def _is_large(self, line: Line) -> bool:
        is_short = len(line.text) <= LONGEST_HEADING and sum(c.isalpha() for c in line.text) > 2
        return line.size > self._body * LARGER and is_short

    def _is_apart(self, above: Line, line: Line) -> bool:
        """Whether there is more room than usual between two lines."""
        return above.page != line.page or abs(above.bottom - line.bottom) > WIDER * self._step * line.size

    @staticmethod
    def _same_size(a: Line, b: Line) -> bool:
        return abs(a.size - b.size) <= SAME * max(a.size, b.size)
