"""Where words of the canonical text stand on the pages of their PDF, and a picture of a page to draw them on."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag.documents.pdf import ADDED, PAGE, lay_out
from rag.documents.pdf_text import glyph_boxes, opened
from rag.errors import ReadError


@dataclass(frozen=True, slots=True)
class PageBox:
    """A stretch of one line. `page` counts from 1; the sides are shares of the page's size, counted from top left."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


def boxes(data: bytes, name: str, start: int, end: int) -> list[PageBox]:
    """The boxes that cover `text[start:end]` of a PDF, a line each, in order.

    Reads the whole file again, as what a line is depends on the lines around it. Raises ReadError when it cannot.
    """
    with opened(data, name) as pdf:
        origins = [origin for origin in lay_out(pdf, data, name).origins[start:end] if origin != ADDED]
        found: list[PageBox] = []
        for number, on_page in itertools.groupby(origins, lambda origin: origin // PAGE):
            page = pdf[number]
            shares = glyph_boxes(page, [origin % PAGE for origin in on_page])
            found += _merged(PageBox(number + 1, *box) for box in shares)
            page.close()
        return found


def page_png(path: Path, page: int, width: int = 1000) -> bytes:
    """A picture of a page, counted from 1, `width` pixels wide, as PNG. Raises ReadError when there is no such page."""
    with opened(_bytes(path), path.name) as pdf:
        if not 1 <= page <= len(pdf):
            raise ReadError(f"{path.name} has {len(pdf)} pages; there is no page {page}.")
        sheet = pdf[page - 1]
        picture = io.BytesIO()
        sheet.render(scale=width / sheet.get_width()).to_pil().save(picture, "PNG")
        sheet.close()
        return picture.getvalue()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path.name} cannot be read: {error.strerror}.") from None


def _box(page: "PdfPage", text_page: "PdfTextPage", number: int, index: int) -> Box:
    """The box of one character as shares of the page as it is shown, turned and cropped."""
    import pypdfium2.raw as pdfium

    rect = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(rect))
    shown = []
    for x, y in ((rect.left, rect.top), (rect.right, rect.bottom)):
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, FINE, FINE, 0, x, y, ctypes.byref(across), ctypes.byref(down))
        shown.append((across.value / FINE, down.value / FINE))
    (left, top), (right, bottom) = shown
    return Box(number + 1, min(left, right), min(top, bottom), max(left, right), max(top, bottom))


def _merged(characters: Iterator[Box]) -> Iterator[Box]:
    """One box for the characters that stand side by side."""
    line: Box | None = None
    for box in characters:
        if box.left == box.right:  # a space that the file does not hold and PDFium found
            continue
        overlap = min(line.bottom, box.bottom) - max(line.top, box.top) if line else 0.0
        if line and overlap > 0.5 * (box.bottom - box.top) and box.left >= line.left:
            line = replace(
                line, right=max(line.right, box.right), top=min(line.top, box.top), bottom=max(line.bottom, box.bottom)
            )
        else:
            if line:
                yield line
            line = box
    if line:
        yield line
