"""What stands on the pages of a PDF for the reader's way about: running heads, page numbers, lines of contents."""

import collections
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence, Set

from rag.documents.pdf_layout import Line, Page, Region, Row

# So many lines from the top of a page and from its bottom may be running heads or page numbers.
EDGE_LINES = 2
SAME_PLACE = 3.0  # points
# On so many pages a line is furniture, however long the document is.
MOST_REPEATED = 8.0
# A line of more words that differs in a number may be content: two pages alone do not make it a running head.
SHORT_WORDS = 4
NUMBER = "\0"  # in place of a page's number
LEADER = re.compile(r"(?:[.·…_]\s?){4,}\s*[\divxlcIVXLC]+$|…{2,}\s*[\divxlcIVXLC]+$")
PAGE_AT_END = re.compile(r"[\s.·…]+(?:\d{1,4}|[ivxlcIVXLC]{1,7})$")
MIN_ENTRIES = 3


def take_out_margins(pages: Sequence[Page], labels: Sequence[str]) -> int:
    """Take out lines that repeat at the edges of pages, and page numbers; returns how many.

    A line goes when it is literally the same at the same height of half of the pages, or the same but for the page's
    own number, or a heading with that number. Rows of tables and type larger than the text's stay.
    """
    size = text_size(pages)
    headings = {_title(region.lines) for page in pages for region in page.regions if region.kind == "heading"}
    seen: collections.Counter[tuple[str, int]] = collections.Counter()
    found: list[tuple[Region, Line, set[str], int]] = []
    for number, page in enumerate(pages):
        for region, line in _edges(page):
            if line.box.height <= size * 1.1:
                shapes, place = set(_shapes(line.text, number, labels[number])), _place(line)
                seen.update((shape, place) for shape in shapes)
                found.append((region, line, shapes, place))
    most = max(2.0, min(len(pages) / 2, MOST_REPEATED))
    count = 0
    for region, line, shapes, place in found:
        repeated = any(
            sum(seen[shape, near] for near in (place - 1, place, place + 1))
            >= (most if NUMBER not in shape or len(shape.split()) <= SHORT_WORDS else max(3.0, most))
            for shape in shapes
        )
        if repeated or any(
            " ".join(shape.replace(NUMBER, " ").casefold().split()) in headings for shape in shapes - {line.text}
        ):
            region.lines.remove(line)
            count += 1
    for page in pages:
        page.regions = [region for region in page.regions if region.lines or region.rows]
    return count


def text_size(pages: Sequence[Page]) -> float:
    """The height of most of the text."""
    sizes: collections.Counter[float] = collections.Counter()
    for page in pages:
        for region in page.regions:
            for line in region.every_line():
                sizes[round(line.box.height * 2) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def _edges(page: Page) -> Iterator[tuple[Region, Line]]:
    """The uppermost and the lowest lines of a page that are not in a table; all that stand beside them too."""
    lines = [(region, line) for region in page.regions for line in region.lines]
    places = sorted({_place(line) for _, line in lines})
    edges = {*places[:EDGE_LINES], *places[-EDGE_LINES:]}
    return ((region, line) for region, line in lines if _place(line) in edges)


def _place(line: Line) -> int:
    return round(line.box.top / SAME_PLACE)


def _shapes(text: str, number: int, label: str) -> Iterator[str]:
    """What a line may have in common with others: its text, and its text without what may be the page's number."""
    yield text
    for found in re.finditer(r"\w+", text):
        rest = f"{text[: found.start()]}{NUMBER}{text[found.end() :]}"
        if found[0] == label:
            yield rest
        elif found[0].isdecimal() and len(found[0]) < 6:
            yield f"{rest}{NUMBER}{int(found[0]) - number}"


def mark_contents(pages: Sequence[Page]) -> int:
    """Make the lines of tables of contents regions of their own; returns on how many pages there are such.

    They end in a leader and a number, or are several that stand on later pages as headings.
    """
    headings: dict[str, int] = {}
    for number, page in enumerate(pages):
        for region in page.regions:
            if region.kind == "heading":
                headings[_title(region.lines)] = number
    return sum(_mark(page, number, headings) for number, page in enumerate(pages))


def _mark(page: Page, number: int, headings: Mapping[str, int]) -> bool:
    entries = [[line] for region in page.regions if region.kind != "heading" for line in region.lines]
    entries += [_lines(row) for region in page.regions for row in region.rows]
    sure = [lines for lines in entries if LEADER.search(_joined(lines))]
    named = [lines for lines in entries if lines not in sure and headings.get(_title(lines), -1) > number]
    if len(sure) + len(named) >= MIN_ENTRIES:
        sure += named
    contents = {id(line) for lines in sure for line in lines}
    page.regions = [part for region in page.regions for part in _parts(region, contents)]
    return bool(contents)


def _parts(region: Region, contents: Set[int]) -> Iterator[Region]:
    """A region as it is, or in runs of lines or rows that are entries of a table of contents or not."""
    if not any(id(line) in contents for line in region.every_line()):
        yield region
        return
    rows = region.rows or [[[line]] for line in region.lines]
    for is_contents, some in itertools.groupby(rows, lambda row: any(id(line) in contents for line in _lines(row))):
        part = list(some)
        if is_contents:
            yield from (Region("contents", region.box, _lines(row)) for row in part)
        elif region.rows:
            yield Region("table", region.box, [], part)
        else:
            yield Region(region.kind, region.box, [line for row in part for line in _lines(row)])


def _lines(row: Row) -> list[Line]:
    return [line for cell in row for line in cell]


def _title(lines: Sequence[Line]) -> str:
    """The words of a heading or of an entry, without the page's number."""
    return " ".join(PAGE_AT_END.sub("", _joined(lines)).casefold().split())


def _joined(lines: Sequence[Line]) -> str:
    return " ".join(line.text for line in lines)
