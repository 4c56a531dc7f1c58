"""PDF, read by PDFium. Every character of the canonical text remembers its place on the page, for `boxes` to find."""

import array
import itertools
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rag.documents.blocks import ITEM
from rag.documents.draft import Draft
from rag.documents.grids import cell_of, labelled
from rag.documents.pdf_lines import Line, page_lines
from rag.documents.pdf_paragraphs import Paragraph, paragraphs, without_margins
from rag.errors import ReadError
from rag.types import Document

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

LONGEST_S = 120.0
# Above this share of characters that mean nothing, the fonts of a file do not say what their shapes stand for.
LARGEST_UNKNOWN_SHARE = 0.3
UNKNOWN = re.compile("[\ufffd\ue000-\uf8ff]")

# Where a character of the text comes from: its page, counted from 0, times PAGE plus its number there; or ADDED.
Origins: TypeAlias = "array.array[int]"
PAGE = 1 << 32
ADDED = -1
PARTED = "\x02"  # between the halves of a word


@dataclass(frozen=True, slots=True)
class Layout:
    """A PDF as a document, with the origin of each character of its text and the pages that are pictures only."""

    document: Document
    origins: Origins
    pictures: list[int]


def read_pdf(data: bytes, name: str) -> Iterator[Document | ReadError]:
    """The document, and a ReadError that lists pages without text if there are such."""
    with opened(data, name) as pdf:
        layout = lay_out(pdf, name)
        if not layout.document.blocks:
            pages = "page is a picture" if len(pdf) == 1 else f"{len(pdf)} pages are pictures"
            raise ReadError(f"{name} holds no text: its {pages}. It needs OCR, as with ocrmypdf.")
        yield layout.document
        if layout.pictures:
            yield ReadError(f"{name}: no text on page {_ranges(layout.pictures)}, which needs OCR; the rest is read.")


@contextmanager
def opened(data: bytes, name: str) -> Iterator["PdfDocument"]:
    """The file, open. Raises ReadError for one that is protected or damaged."""
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        pdf = PdfDocument(data)
    except PdfiumError as error:
        if "password" in str(error).lower():
            raise ReadError(f"{name} is protected by a password. Save a copy without one.") from None
        raise ReadError(f"{name} is damaged or not a PDF file.") from None
    try:
        yield pdf
    finally:
        pdf.close()


def lay_out(pdf: "PdfDocument", name: str) -> Layout:
    """Read all pages. The same file always gives the same layout. Raises ReadError when it takes too long."""
    from pypdfium2 import PdfiumError

    deadline = time.monotonic() + LONGEST_S
    pages: list[list[Line]] = []
    pictures = []
    for number in range(len(pdf)):
        if time.monotonic() > deadline:
            raise ReadError(f"{name} takes longer than {LONGEST_S:.0f} s to read. Split it into smaller files.")
        try:
            pages.append(page_lines(pdf, number))
        except PdfiumError:
            raise ReadError(f"{name} is damaged on page {number + 1}.") from None
        if not pages[-1] and _has_objects(pdf, number):
            pictures.append(number + 1)
    text = "".join(line.text + (PARTED if line.hyphen else "\n") for page in pages for line in page)
    if len(UNKNOWN.findall(text)) > LARGEST_UNKNOWN_SHARE * len(text):
        raise ReadError(f"{name}: its fonts do not say which letters they show. It needs OCR, as with ocrmypdf.")
    writer = _Writer(text)
    for paragraph in paragraphs(line for page in without_margins(pages) for line in page):
        writer.write(paragraph)
    return Layout(*writer.finished(name, len(pdf)), pictures)


def _has_objects(pdf: "PdfDocument", number: int) -> bool:
    page = pdf[number]
    try:
        return next(page.get_objects(max_depth=1), None) is not None
    finally:
        page.close()


class _Writer:
    """Writes paragraphs into a draft and keeps the origin of every character."""

    def __init__(self, text: str) -> None:
        whole = re.sub(rf"\w*{PARTED}\w*", " ", text)
        self._words = {word.lower() for word in re.findall(r"\w+-\w+|\w+", whole)}
        self._draft = Draft()
        self._placed: list[tuple[int, Origins]] = []
        self._rows: list[Paragraph] = []

    def write(self, paragraph: Paragraph) -> None:
        """Add a paragraph; rows wait for the rest of their table."""
        if self._rows and (paragraph.kind != "row" or paragraph.table != self._rows[0].table):
            self._write_table()
        if paragraph.kind == "row":
            self._rows.append(paragraph)
            return
        text, origins = self._joined(paragraph.lines)
        marker = ITEM.match(text) if paragraph.kind == "item" else None
        left = marker.end() if marker else 0
        self._add(text[left:], origins[left:], paragraph)

    def finished(self, name: str, page_count: int) -> tuple[Document, Origins]:
        """The document, and an origin for each character of its text."""
        self._write_table()
        draft = self._draft.document(name)
        origins = array.array("q", [ADDED]) * len(draft.text)
        firsts: dict[int, int] = {}
        for start, placed in self._placed:
            origins[start : start + len(placed)] = placed
            for offset, origin in enumerate(placed, start):
                if origin != ADDED:
                    firsts.setdefault(origin // PAGE, offset)
        starts = [0] * page_count
        following = len(draft.text)
        for page in reversed(range(page_count)):
            following = starts[page] = min(following, firsts.get(page, following))
        starts[:1] = [0]
        return Document(name, draft.text, draft.blocks, tuple(starts)), origins

    def _write_table(self) -> None:
        rows, self._rows = self._rows, []
        cells = [list(_cells(row.lines[0])) for row in rows]
        texts = labelled([[cell_of(text) for text, _ in row] for row in cells])
        headed = len(rows) - len(texts)
        for row, text, paragraph in zip(cells[headed:], texts, rows[headed:], strict=True):
            origins = array.array("q", [ADDED]) * len(text)
            position = 0
            for cell, placed in row:
                position = text.index(cell, position)
                origins[position : position + len(cell)] = placed
                position += len(cell)
            self._add(text, origins, paragraph)

    def _add(self, text: str, origins: Origins, paragraph: Paragraph) -> None:
        start = self._draft.add(text, paragraph.kind, paragraph.level)
        if start is not None:
            self._placed.append((start, origins))

    def _joined(self, lines: Sequence[Line]) -> tuple[str, Origins]:
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
                origins.extend(line.page * PAGE + number for number in line.chars)
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


def _cells(line: Line) -> Iterator[tuple[str, Origins]]:
    """The cells of a row, each with the origins of its characters."""
    for left, right in zip((0, *line.columns), (*line.columns, len(line.text)), strict=True):
        text = line.text[left:right].rstrip()
        numbers = line.chars[left : left + len(text)]
        yield text, array.array("q", [line.page * PAGE + number for number in numbers])


def _ranges(numbers: Sequence[int]) -> str:
    """Page numbers in words: 3, 5-9."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
