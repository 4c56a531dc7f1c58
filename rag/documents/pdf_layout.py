"""What stands where on a PDF's pages: LiteParse's blocks and table cells, filled with PDFium's characters.

LiteParse finds columns, tables, headings and lists, but writes plain marks for typographic ones; PDFium's characters
are the document's own. Characters in no block become lines of their own, so that none is lost.
"""

import collections
import functools
import itertools
import statistics
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rag.documents.blocks import ITEM
from rag.documents.pdf_tables import (
    Gutter,
    Rules,
    cell_characters,
    edges_of,
    gutters,
    narrowed,
    open_rows,
    prose_columns,
    ruled_rows,
    visual_lines,
)
from rag.documents.pdf_tables import Row as Cells
from rag.documents.pdf_text import Box, Segment, page_words
from rag.errors import ReadError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

ADDED = -1  # the index of a character that the page does not hold
BATCH_PAGES = 100
# Smaller than its line by this and higher by this share of it, a mark is raised.
SMALLER, RAISED = 0.85, 0.12
# Words that stand further apart than this share of their height have a space between them.
APART = 0.12
# A gap this many times as wide as a line is high may part the cells of a table, where those of one column are short and
# none are long: else it is running text.
PART_GAP, SHORT_CELL, LONG_CELL = 1.5, 15, 45
# A line this many times as far away as the lines of a table from each other may still be one of it.
NEAR = 2.2

Row: TypeAlias = "list[list[Line]]"  # cells of lines
Kind = Literal["heading", "paragraph", "item", "table", "contents"]
KINDS: dict[str, Kind] = {"heading": "heading", "list_item": "item"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line on a page, counted from 0. `indices` holds PDFium's number of each character, or ADDED.

    `hyphen` says that its last word goes on.
    """

    page: int
    text: str
    indices: tuple[int, ...]
    box: Box
    bold: bool = False
    hyphen: bool = False


@dataclass(slots=True)
class Region:
    """A part of a page: lines of text, or the rows of a table, each a list of cells, each a list of lines."""

    kind: Kind
    box: Box
    lines: list[Line] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    level: int = 0  # of a heading
    headed: bool = False  # whether the first of them is set apart from the others

    def every_line(self) -> Iterator[Line]:
        """Its lines, or those of its rows."""
        yield from self.lines
        yield from (line for row in self.rows for cell in row for line in cell)


@dataclass(slots=True)
class Page:
    """The regions of a page in reading order, and how many pictures stand on it."""

    regions: list[Region]
    pictures: int = 0


def pages(pdf: "PdfDocument", data: bytes, name: str) -> Iterator[Page]:
    """All pages in order. Raises ReadError when one is damaged."""
    for first in range(0, len(pdf), BATCH_PAGES):
        numbers = range(first, min(first + BATCH_PAGES, len(pdf)))
        parsed = _parsed(data, numbers, [])
        turned = {number: angle for number in numbers if (angle := _turned(parsed.get(number)))}
        if turned:
            parsed |= _parsed(data, list(turned), [(number + 1, angle) for number, angle in turned.items()])
        for number in numbers:
            try:
                words = page_words(pdf, number, turned.get(number, 0))
            except ReadError as error:
                raise ReadError(f"{name}: {error}.") from None
            yield _page(number, parsed.get(number), words)


def _parsed(data: bytes, numbers: Sequence[int], corrections: list[tuple[int, int]]) -> dict[int, Any]:
    """LiteParse's pages by index; those that it cannot read are missing."""
    from liteparse import LiteParse, ParseError

    parser = LiteParse(
        ocr_enabled=False,
        quiet=True,
        extract_blocks=True,
        extract_vector_graphics=True,
        keep_headers_footers=True,
        preserve_very_small_text=True,
        continue_on_page_error=True,
        num_workers=1,
        max_pages=numbers[-1] + 1,
        target_pages=",".join(str(number + 1) for number in numbers),
        page_orientation_corrections=corrections,
    )
    try:
        return {page.page_num - 1: page for page in parser.parse(data).pages}
    except ParseError:
        return {}


def _turned(page: Any) -> int:
    """By how much most of the text of a page is turned, in degrees: 0, 90, 180 or 270."""
    angles: collections.Counter[int] = collections.Counter()
    for item in page.text_items if page else ():
        angles[round(item.rotation / 90) % 4 * 90] += len(item.text)
    return angles.most_common(1)[0][0] if angles else 0


def _page(number: int, parsed: Any, words: Sequence[Segment]) -> Page:
    """The page with that index, from LiteParse's page, None where it gave none, and PDFium's words."""
    blocks = [block for block in getattr(parsed, "blocks", None) or () if block.bbox]
    graphics = getattr(parsed, "vector_graphics", None)
    rules = Rules.of([(line.x1, line.y1, line.x2, line.y2) for line in graphics.lines] if graphics else [])
    free = {id(word): word for word in words}
    tables = [_table_region(number, *table) for table in _ruled_tables(free, rules)]
    for block in blocks:
        if block.kind == "table":
            tables += _open_table(number, block, free, rules)
    tables += _missed_tables(number, free, rules)
    boxes = [(_box(block.bbox), block) for block in blocks if block.kind not in ("figure", "rule")]
    inside: dict[int, list[Segment]] = collections.defaultdict(list)
    stray: list[Segment] = []
    for word in free.values():
        around = [
            (box.height * (box.right - box.left), i)
            for i, (box, _) in enumerate(boxes)
            if box.holds(word.box.middle, 1.0)
        ]
        (inside[min(around)[1]] if around else stray).append(word)
    regions: list[Region] = []
    for i, (box, block) in enumerate(boxes):
        for table in [table for table in tables if table.box.holds(box.middle) or box.holds(table.box.middle)]:
            regions.append(table)
            tables.remove(table)
        if i in inside:
            kind = KINDS.get(block.kind, "paragraph")
            regions.append(Region(kind, box, _lines(number, inside[i]), level=block.level or 0))
    rest = tables + [Region("paragraph", line.box, [line]) for run in _runs(stray) for line in _lines(number, run)]
    for region in rest:
        above = [i for i, other in enumerate(regions) if other.box.bottom <= region.box.middle[1]]
        regions.insert(above[-1] + 1 if above else 0, region)
    return Page([r for r in regions if r.lines or r.rows], sum(block.kind == "figure" for block in blocks))


def _box(rect: Any) -> Box:
    return Box(rect.x, rect.y, rect.x + rect.width, rect.y + rect.height)


def _ruled_tables(free: dict[int, Segment], rules: Rules) -> Iterator[tuple[Box, list[Cells]]]:
    """The tables whose cells are parted by rules; their words are no longer free."""
    for box in rules.grids():
        words = [word for word in free.values() if box.holds(word.box.middle)]
        if words and (rows := ruled_rows(words, box, rules)):
            for word in words:
                del free[id(word)]
            yield box, rows


def _open_table(page: int, block: Any, free: dict[int, Segment], rules: Rules) -> Iterator[Region]:
    """The table that LiteParse found, with the lines around it that stand in its columns; or columns of text."""
    box = _box(block.bbox)
    words = [word for word in free.values() if box.holds(word.box.middle, 1.0)]
    lines = visual_lines(words)
    gaps = gutters(lines) if lines else []
    if len(gaps) < len(given := _cell_gutters(block)):  # narrower than is safe to take for a gutter
        gaps = given
    if len(lines) < 2 or not gaps:
        return
    every = [line for whole in visual_lines(list(free.values())) if (line := _reaching(whole, box))]
    own = {id(word) for word in words}
    first = next(i for i, line in enumerate(every) if any(id(word) in own for word in line))
    last = next(i for i in reversed(range(len(every))) if any(id(word) in own for word in every[i]))
    tops = [statistics.fmean(word.box.middle[1] for word in line) for line in every]
    step = (
        statistics.median(below - above for above, below in itertools.pairwise(tops[first : last + 1]))
        if last > first
        else 0
    )
    while first > 0 and tops[first] - tops[first - 1] < NEAR * step and (left := narrowed(gaps, every[first - 1])):
        first, gaps = first - 1, left
    while (
        last < len(every) - 1
        and tops[last + 1] - tops[last] < NEAR * step
        and (left := narrowed(gaps, every[last + 1]))
    ):
        last, gaps = last + 1, left
    edges = edges_of(gaps)
    lines = every[first : last + 1]
    if columns := prose_columns(lines, edges):
        yield from (Region("paragraph", _around(column), _lines(page, column)) for column in columns)
    else:
        words = [word for line in lines for word in line]
        yield _table_region(page, box.joined(_around(words)), open_rows(lines, edges, rules), bool(block.header))
    for word in (word for line in lines for word in line):
        del free[id(word)]


def _reaching(line: list[Segment], box: Box) -> list[Segment]:
    """The words of a line that stand above or below a box, and those that go on from them."""
    inside = [i for i, word in enumerate(line) if box.left - 4 <= word.box.middle[0] <= box.right + 4]
    if not inside:
        return []
    first, last = inside[0], inside[-1]
    while first > 0 and line[first].box.left - line[first - 1].box.right < line[first].box.height:
        first -= 1
    while last < len(line) - 1 and line[last + 1].box.left - line[last].box.right < line[last].box.height:
        last += 1
    return line[first : last + 1]


def _cell_gutters(block: Any) -> list[Gutter]:
    """What parts the columns of a table for LiteParse; nothing where its cells reach into each other."""
    rows = [*([block.header] if block.header else []), *block.rows]
    cells = [[row[c].bbox for row in rows if c < len(row) and row[c].bbox] for c in range(max(map(len, rows)))]
    gaps = []
    for left, right in itertools.pairwise(cells):
        end, start = max((b.x + b.width for b in left), default=0.0), min((b.x for b in right), default=0.0)
        if end >= start:
            return []
        gaps.append((end, start))
    return gaps


def _missed_tables(page: int, free: dict[int, Segment], rules: Rules) -> Iterator[Region]:
    """Tables that LiteParse took for columns of text: short words stand wide apart in the same places, line by line."""
    run: list[list[Segment]] = []
    for line in [*visual_lines(list(free.values())), []]:
        if (
            line
            and _has_parts(line)
            and (not run or line[0].box.top - run[-1][0].box.bottom < NEAR * line[0].box.height)
        ):
            run.append(line)
            continue
        edges = edges_of(gutters(run, PART_GAP)) if len(run) > 1 else []
        counts = cell_characters(run, edges) if edges and len(run) + len(edges) > 3 else [LONG_CELL]
        if min(counts) < SHORT_CELL and max(counts) < LONG_CELL:
            words = [word for line in run for word in line]
            yield _table_region(page, _around(words), open_rows(run, edges, rules))
            for word in words:
                del free[id(word)]
        run = [line] if line and _has_parts(line) else []


def _has_parts(line: Sequence[Segment]) -> bool:
    """Whether a line has a wide gap, which is not the one after the mark of a list item."""
    gaps = [
        i for i, (a, b) in enumerate(itertools.pairwise(line), 1) if b.box.left - a.box.right > PART_GAP * a.box.height
    ]
    return bool(gaps) and not ITEM.fullmatch("".join(word.text for word in line[: gaps[0]]))


def _table_region(page: int, box: Box, rows: list[Cells], headed: bool = False) -> Region:
    made: dict[int, list[Line]] = {}  # a merged cell is one in all its places
    for cell in (cell for row in rows for cell in row):
        made.setdefault(id(cell), _lines(page, cell))
    return Region("table", box, [], [[made[id(cell)] for cell in row] for row in rows], headed=headed)


def _around(words: Iterable[Segment]) -> Box:
    return functools.reduce(Box.joined, (word.box for word in words))


def _runs(words: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Words that PDFium gives one after the other, on one line."""
    run: list[Segment] = []
    for word in words:
        if run and word.box.beside(run[-1].box) <= 0.5:
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _lines(page: int, words: Sequence[Segment]) -> list[Line]:
    return [_line(page, line) for line in visual_lines(words)]


def _line(page: int, words: Sequence[Segment]) -> Line:
    glyphs = [glyph for word in words for glyph in word.glyphs]
    leftwards = sum(unicodedata.bidirectional(glyph.text[0]) in ("R", "AL") for glyph in glyphs)
    if leftwards * 2 > len(glyphs):
        words = sorted(words, key=lambda word: word.glyphs[0].index)
    height = statistics.median(glyph.box.height for glyph in glyphs)
    foot = statistics.median(glyph.box.bottom for glyph in glyphs)
    text: list[str] = []
    indices: list[int] = []
    was_raised = False
    for before, word in itertools.pairwise((None, *words)):
        assert word
        if before and (
            word.spaced or max(word.box.left - before.box.right, before.box.left - word.box.right) > APART * height
        ):
            text.append(" ")
            indices.append(ADDED)
        for glyph in word.glyphs:
            raised = glyph.box.height < SMALLER * height and glyph.box.bottom < foot - RAISED * height
            if text and raised != was_raised and _is_apart("".join(text[-3:]), glyph.text, raised):
                text.append(" ")
                indices.append(ADDED)
            was_raised = raised
            text.append(glyph.text)
            indices.append(glyph.index)
    box = _around(words)
    return Line(page, "".join(text), tuple(indices), box, all(glyph.bold for glyph in glyphs), words[-1].hyphen)


def _is_apart(before: str, text: str, raised: bool) -> bool:
    """Whether a raised mark would otherwise read as part of a number, or as the end of a word."""
    if raised:
        ends_word = len(before) == 3 and before.isalpha() and text.isdigit()
        return ends_word or (before[-1].isdigit() and not text.isalpha())
    return before[-1].isdigit() and text.isalnum()
