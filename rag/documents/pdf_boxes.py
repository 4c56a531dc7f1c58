"""Where words of the canonical text stand on the pages of their PDF, and a picture of a page to draw them on."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.documents.pdf import PAGE, Origins, lay_out
from rag.documents.pdf_layout import ADDED
from rag.documents.pdf_text import glyph_boxes, opened
from rag.errors import ReadError

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

# The most pixels that a picture of a page is wide and high.
WIDTH, HEIGHT = 1200, 2000
MARKED = (255, 214, 0)


@dataclass(frozen=True, slots=True)
class PageBox:
    """A stretch of one line. The sides are shares of the page's size, counted from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


def page_png(data: bytes, name: str, page: int, marked: tuple[int, int] = (0, 0), sha256: str = "") -> bytes:
    """A picture of a page of a PDF, counted from 1, as PNG, with the words between two offsets of its text marked.

    Reads the whole file again to mark words, as what a line is depends on the lines around it. Raises ReadError when
    there is no such page, and when the text is not the one with that digest.
    """
    with opened(data, name) as pdf:
        if not 1 <= page <= len(pdf):
            raise ReadError(f"{name} has {len(pdf)} pages; there is no page {page}.")
        found: list[PageBox] = []
        if marked[1] > marked[0]:
            layout = lay_out(pdf, data, name)
            if layout.document.sha256 != sha256:
                raise ReadError(f"{name} is not as it was indexed. To index it again, type: pincite ingest")
            found = boxes(pdf[page - 1], page, layout.origins[slice(*marked)])
        return _drawn(pdf[page - 1], found)


def boxes(sheet: "PdfPage", page: int, origins: Origins) -> list[PageBox]:
    """The boxes on a page, counted from 1, of the characters with these origins, a line each, in order."""
    indices = [origin % PAGE for origin in origins if origin != ADDED and origin // PAGE == page - 1]
    return list(_merged(PageBox(*box) for box in glyph_boxes(sheet, indices)))


def _drawn(sheet: "PdfPage", found: list[PageBox]) -> bytes:
    from PIL import Image, ImageChops, ImageDraw

    width, height = sheet.get_size()
    picture = sheet.render(scale=min(WIDTH / width, HEIGHT / height)).to_pil().convert("RGB")
    marks = Image.new("RGB", picture.size, "white")
    draw = ImageDraw.Draw(marks)
    for box in found:
        sides = (
            box.left * picture.width,
            box.top * picture.height,
            box.right * picture.width,
            box.bottom * picture.height,
        )
        draw.rectangle(sides, fill=MARKED, outline=(180, 120, 0))
    written = io.BytesIO()
    ImageChops.multiply(picture, marks).save(written, "PNG")
    return written.getvalue()


def _merged(characters: Iterable[PageBox]) -> Iterator[PageBox]:
    """One box for the characters that stand side by side, or below each other where a line runs down the page."""
    line: PageBox | None = None
    last = PageBox(0, 0, 0, 0)
    for box in characters:
        across = line is not None and box.left >= line.left and _shared(line.top, line.bottom, box.top, box.bottom)
        if line and (across or _shared(last.left, last.right, box.left, box.right)):
            line = PageBox(
                min(line.left, box.left),
                min(line.top, box.top),
                max(line.right, box.right),
                max(line.bottom, box.bottom),
            )
        else:
            if line:
                yield line
            line = box
        last = box
    if line:
        yield line


def _shared(from_a: float, to_a: float, from_b: float, to_b: float) -> bool:
    """Whether most of the second stretch is in the first."""
    return min(to_a, to_b) - max(from_a, from_b) > 0.5 * (to_b - from_b)
