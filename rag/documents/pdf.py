"""PDF. Every character of the canonical text remembers its place on the page, for `boxes` to find."""

import array
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from rag.documents.blocks import ITEM, reads_like_heading
from rag.documents.draft import Draft
from rag.documents.grids import Cell, cell_of, labelled
from rag.documents.pdf_furniture import mark_contents, take_out_margins, text_size
from rag.documents.pdf_layout import ADDED, Line, Page, Region, Row, pages
from rag.documents.pdf_text import Box, opened
from rag.errors import ReadError
from rag.types import BlockKind, Document

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

# Above this share of characters that mean nothing, the fonts of a file do not say what their shapes stand for.
LARGEST_UNKNOWN_SHARE = 0.3
UNKNOWN = re.compile("[\ufffd\ue000-\uf8ff]")
ENDINGS = '.!?:;…"”’)'
LONGEST_HEADING, LONGEST_HEADING_LINES = 200, 3
LARGER = 1.2
# Below a colon, a line that begins further right by this share of its height is an item of a list.
INDENT = 0.8

# Where a character of the text comes from: its page, counted from 0, times PAGE plus its number there; or ADDED.
Origins: TypeAlias = "array.array[int]"
PAGE = 1 << 32


@dataclass(frozen=True, slots=True)
class Layout:
    """A PDF as a document, with the origin of each character of its text and the pages that hold pictures only."""

    document: Document
    origins: Origins
    pictures: list[int]


def read_pdf(data: bytes, name: str) -> Iterator[Document | ReadError]:
    """The document, and a ReadError that lists pages without text if there are such."""
    with opened(data, name) as pdf:
        layout = lay_out(pdf, data, name)
        if not layout.document.blocks:
            what = "page is a picture" if len(pdf) == 1 else f"{len(pdf)} pages are pictures"
            raise ReadError(f"{name} holds no text: its {what}. It needs OCR, as with ocrmypdf.")
        about = pdf.get_metadata_dict()
        changed = re.match(r"D:(\d{4})(\d\d)(\d\d)", about.get("ModDate") or about.get("CreationDate") or "")
        modified = "-".join(changed.groups()) if changed else ""
        yield replace(layout.document, author=about.get("Author", "").strip(), modified=modified)
        if layout.pictures:
            yield ReadError(f"{name}: no text on page {_ranges(layout.pictures)}, which needs OCR; the rest is read.")


def lay_out(pdf: "PdfDocument", data: bytes, name: str) -> Layout:
    """Read all pages. The same file always gives the same layout. Raises ReadError when a page is damaged."""
    laid_out = list(pages(pdf, data, name))
    _check_fonts(laid_out, name)
    _find_titles(laid_out)
    wordless = [number for number, page in enumerate(laid_out) if not page.regions and _has_objects(pdf, number)]
    labels = [pdf.get_page_label(number) or str(number + 1) for number in range(len(pdf))]
    left_out = {
        "page margins": take_out_margins(laid_out, labels) if len(laid_out) > 1 else 0,
        "contents pages": mark_contents(laid_out),
        "pages without text": len(wordless),
        "pictures": sum(page.pictures for number, page in enumerate(laid_out) if number not in wordless),
    }
    writer = _Writer(laid_out, left_out)
    document, origins = writer.written(name)
    numbered = all(label == str(number) for number, label in enumerate(labels, 1))
    document = replace(document, page_labels=() if numbered else tuple(labels))
    return Layout(document, origins, [number + 1 for number in wordless])


def _has_objects(pdf: "PdfDocument", number: int) -> bool:
    page = pdf[number]
    try:
        return next(page.get_objects(max_depth=1), None) is not None
    finally:
        page.close()


def _check_fonts(laid_out: Sequence[Page], name: str) -> None:
    text = "".join(line.text for page in laid_out for region in page.regions for line in region.every_line())
    if len(UNKNOWN.findall(text)) > LARGEST_UNKNOWN_SHARE * len(text):
        raise ReadError(f"{name}: its fonts do not say which letters they show. It needs OCR, as with ocrmypdf.")


def _find_titles(laid_out: Sequence[Page]) -> None:
    """Make text that stands in larger type than most a heading."""
    size = text_size(laid_out)
    regions = [region for page in laid_out for region in page.regions if region.lines]
    levels = [(region.lines[0].box.height, region.level) for region in regions if region.kind == "heading"]
    for region in (region for region in regions if region.kind == "paragraph"):
        text = " ".join(line.text for line in region.lines)
        if reads_like_heading(text) and all(line.box.height > size * LARGER for line in region.lines):
            height = region.lines[0].box.height
            region.kind, region.level = (
                "heading",
                min((abs(height - other), level) for other, level in [*levels, (0, 1)])[1],
            )


class _Writer:
    """Writes regions into a draft and keeps the origin of every character."""

    def __init__(self, laid_out: Sequence[Page], left_out: Mapping[str, int]) -> None:
        self._regions = [region for page in laid_out for region in page.regions]
        self._page_count = len(laid_out)
        lines = [line for region in self._regions for line in region.every_line()]
        whole = "\n".join(re.sub(r"\w+$", "", line.text) if line.hyphen else line.text for line in lines)
        self._words = {word.lower() for word in re.findall(r"\w+-\w+|\w+", whole)}
        self._draft = Draft()
        for what, count in left_out.items():
            self._draft.leave_out(what, count)
        self._placed: list[tuple[int, Origins]] = []
        self._above: tuple[Line, bool, bool] | None = None  # a part's first line, whether it is an item or leads in

    def written(self, name: str) -> tuple[Document, Origins]:
        """The document, and an origin for each character of its text."""
        for region in _whole_regions(self._regions):
            if region.kind == "table":
                self._write_table(region)
            else:
                self._write_lines(region)
        draft = self._draft.document(name)
        origins = array.array("q", [ADDED]) * len(draft.text)
        firsts: dict[int, int] = {}
        for start, placed in self._placed:
            origins[start : start + len(placed)] = placed
            for offset, origin in enumerate(placed, start):
                if origin != ADDED:
                    firsts.setdefault(origin // PAGE, offset)
        starts = [0] * self._page_count
        following = len(draft.text)
        for page in reversed(range(self._page_count)):
            following = starts[page] = min(following, firsts.get(page, following))
        starts[:1] = [0]
        return replace(draft, pages=tuple(starts)), origins

    def _write_lines(self, region: Region) -> None:
        text, origins = self._text(region.lines)
        if region.kind == "contents":
            self._add(text, origins, "link")
        elif region.kind == "heading" and len(region.lines) <= LONGEST_HEADING_LINES and len(text) <= LONGEST_HEADING:
            self._add(text, origins, "heading", region.level)
            self._above = None
        else:
            marked = any(ITEM.match(line.text) for line in region.lines)
            for lines in _paragraphs(region.lines):
                text, origins = self._text(lines)
                marker = ITEM.match(text)
                bullet = marker.end() if marker and not any(map(str.isalnum, marker[0])) else 0
                is_item = bool(marker) or (region.kind == "item" and not marked) or self._is_listed(lines[0])
                self._add(text[bullet:], origins[bullet:], "item" if is_item else "prose")
                self._above = lines[0], is_item, text[-1] == ":"

    def _is_listed(self, line: Line) -> bool:
        """Whether a line begins an item whose mark is a drawing: it is indented below a colon, or as the item above."""
        if self._above is None or self._above[0].page != line.page:
            return False
        above, is_item, leads_in = self._above
        if is_item:
            return not ITEM.match(above.text) and abs(line.box.left - above.box.left) < 2
        return leads_in and line.box.left > above.box.left + INDENT * line.box.height

    def _write_table(self, table: Region) -> None:
        made: dict[int, Cell] = {}  # a merged cell is one in all its places
        rows = [[(self._text(cell), cell) for cell in row] for row in table.rows]
        for number, row in enumerate(rows):
            for (text, _), lines in row:
                heads = bool(lines) and (all(line.bold for line in lines) or (table.headed and number == 0))
                made.setdefault(id(lines), cell_of(text, heads))
        texts = labelled([[made[id(cell)] for _, cell in row] for row in rows])
        written = max(0, len(rows) - len(texts))
        for text in texts:
            origins = array.array("q", [ADDED]) * len(text)
            for number in range(written, len(rows)):
                if (places := _places(text, [cell for (cell, _), _ in rows[number]])) is not None:
                    for place, ((cell, origin), _) in zip(places, rows[number], strict=True):
                        origins[place : place + len(cell)] = origin
                    written = number + 1
                    break
            self._add(text, origins, "row")

    def _add(self, text: str, origins: Origins, kind: BlockKind, level: int = 0) -> None:
        start = self._draft.add(text, kind, level)
        if start is not None:
            self._placed.append((start, origins))

    def _text(self, lines: Sequence[Line]) -> tuple[str, Origins]:
        """The lines as running text, words that were parted at the end of a line whole again."""
        pieces: list[str] = []
        origins = array.array("q")
        for above, line in itertools.pairwise((None, *lines)):
            if above and line:
                between = self._between(above, line)
                pieces.append(between)
                origins.extend([ADDED] * len(between))
            if line:
                pieces.append(line.text)
                origins.extend(ADDED if i == ADDED else line.page * PAGE + i for i in line.indices)
        return "".join(pieces), origins

    def _between(self, above: Line, line: Line) -> str:
        """What goes between two lines: a space, or nothing or a hyphen where a word was parted.

        The hyphen stays where the file writes the word so elsewhere, or knows both halves as words but not the whole.
        """
        if not above.hyphen:
            return " "
        head, tail = re.findall(r"\w*$", above.text)[0].lower(), re.findall(r"^\w*", line.text)[0].lower()
        if head + tail in self._words:
            return ""
        both = len(head) > 3 and len(tail) > 3 and {head, tail} <= self._words
        return "-" if both or f"{head}-{tail}" in self._words else ""


def _whole_regions(regions: Sequence[Region]) -> Iterator[Region]:
    """The regions, where a paragraph or a table that goes on over a column or a page has become one."""
    whole: Region | None = None
    for region in regions:
        if whole and whole.kind == region.kind == "table" and _same_columns(whole, region):
            whole = replace(whole, rows=[*whole.rows, *_without_head(region.rows, whole.rows[0])])
        elif whole and _is_cut(whole, region):
            whole = replace(whole, lines=[*whole.lines, *region.lines])
        else:
            if whole:
                yield whole
            whole = region
    if whole:
        yield whole


def _places(text: str, cells: Sequence[str]) -> list[int] | None:
    """Where the cells of a row stand in its text, each after its column's name; None when this is not its text."""
    found: list[int] = []
    position = 0
    for before, cell in itertools.pairwise(("", *cells)):
        start = text.find(cell, position)
        named = text.find(f": {cell}", max(0, position - 2))
        if cell and named >= 0 and ";" not in text[position:named]:
            start = named + 2
        if start < 0 and cell != before:
            return None
        found.append(start if start >= 0 else found[-1])
        position = found[-1] + len(cell)
    return found if any(cells) else None


def _same_columns(above: Region, below: Region) -> bool:
    """Whether two tables have their columns in the same places."""
    left, right = _columns(above), _columns(below)
    pairs = [(a, b) for a, b in zip(left, right, strict=False) if a and b]
    return len(left) == len(right) and len(pairs) > 1 and all(a.left < b.right and b.left < a.right for a, b in pairs)


def _columns(table: Region) -> list[Box | None]:
    columns: list[Box | None] = [None] * len(table.rows[0])
    for row in table.rows:
        for number, cell in enumerate(row):
            for line in cell:
                box = columns[number]
                columns[number] = line.box if box is None else box.joined(line.box)
    return columns


def _without_head(rows: list[Row], head: Row) -> list[Row]:
    """The rows of a table that goes on, without a head that is repeated word for word."""
    first, named = ([[line.text for line in cell] for cell in row] for row in (rows[0], head))
    return rows[1:] if first == named else rows


def _is_cut(above: Region, region: Region) -> bool:
    """Whether a sentence goes on from one region to the next: it has not ended, and a small letter follows."""
    if above.kind not in ("paragraph", "item") or region.kind != "paragraph":
        return False
    last, first = above.lines[-1], region.lines[0]
    return last.hyphen or (last.text[-1] not in ENDINGS and first.text[0].islower())


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines, cut where a list's mark begins one and where one ends though the next one's first word had room."""
    right = max(line.box.right for line in lines)
    listed = bool(ITEM.match(lines[0].text))
    part: list[Line] = []
    for line in lines:
        if part and not part[-1].hyphen:
            above = part[-1]
            is_item = bool(ITEM.match(line.text)) and (listed or above.text.endswith(":"))
            letters = len(line.text.split(maxsplit=1)[0]) + 2
            room = letters * (line.box.right - line.box.left) / len(line.text)
            is_new = not line.text[0].islower() and above.page == line.page and above.box.right + room < right
            if is_item or (is_new and above.box.top < line.box.top):
                yield part
                part = []
        part.append(line)
    yield part


def _ranges(numbers: Sequence[int]) -> str:
    """Page numbers in words: 3, 5-9."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
