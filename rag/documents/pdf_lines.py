"""The lines of a PDF page as PDFium finds them: characters in reading order, with where and how large they stand."""

import array
import ctypes
import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfTextPage

HYPHEN = 2  # what PDFium gives for a hyphen that parts a word at the end of a line
BULLETS = dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf02d\u25cf\u25cb\u25a0\u25a1", "•")
# A gap this many times as wide as the type is high may part the columns of a table, or justify a line.
COLUMN_GAP = 0.5
BOLD_WEIGHT = 600


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. `chars` holds each character's number on the page; lengths are in points, y grows upwards.

    `columns` are the places in `text` where a wide gap stands; `hyphen` says that the last word goes on.
    """

    page: int
    text: str
    chars: "array.array[int]"
    left: float
    right: float
    top: float
    bottom: float
    bold: bool
    columns: tuple[int, ...]
    hyphen: bool

    @property
    def size(self) -> float:
        """The height of the type with its leading, which is what tells headings from text."""
        return self.top - self.bottom


Box = tuple[float, float, float, float]  # left, bottom, right, top in points


def page_lines(pdf: "PdfDocument", number: int) -> list[Line]:
    """The lines of the page with that index, counted from 0, in PDFium's reading order."""
    page = pdf[number]
    text_page = page.get_textpage()
    try:
        return list(_lines(text_page, number))
    finally:
        text_page.close()
        page.close()


def _lines(page: "PdfTextPage", number: int) -> Iterator[Line]:
    import pypdfium2.raw as pdfium

    text: list[str] = []
    chars: list[int] = []
    for index in range(pdfium.FPDFText_CountChars(page)):
        code = pdfium.FPDFText_GetUnicode(page, index)
        if code in (10, 13, HYPHEN):
            yield from _line(page, number, text, chars, code == HYPHEN)
            text, chars = [], []
        elif 0xD800 <= code < 0xDC00:  # half a character on systems that count so; the other half follows
            text.append(chr(code))
            chars.append(index)
        elif 0xDC00 <= code < 0xE000 and text and "\ud800" <= text[-1] < "\udc00":
            text[-1] = chr(0x10000 + ((ord(text[-1]) - 0xD800) << 10) + (code - 0xDC00))
        elif code >= 32 and code not in (0x7F, 0xAD, 0xFFFE, 0xFFFF) and not 0xD800 <= code < 0xE000:
            text.append(BULLETS.get(chr(code), chr(code)))
            chars.append(index)
    yield from _line(page, number, text, chars, False)


def _line(page: "PdfTextPage", number: int, text: list[str], chars: list[int], hyphen: bool) -> Iterator[Line]:
    """The line, if there is anything to see in it, without the white space at either end."""
    filled = [i for i, character in enumerate(text) if not character.isspace()]
    if not filled:
        return
    first, last = filled[0], filled[-1] + 1
    text, chars = text[first:last], chars[first:last]
    filled = [i - first for i in filled]
    boxes = [char_box(page, chars[i]) for i in (filled[0], filled[len(filled) // 2], filled[-1])]
    top, bottom = statistics.median(box[3] for box in boxes), statistics.median(box[1] for box in boxes)
    columns = tuple(
        right
        for left, right in itertools.pairwise(filled)
        if right > left + 1 and _gap(page, chars[left], chars[right]) > COLUMN_GAP * (top - bottom)
    )
    bold = all(_is_bold(page, chars[i]) for i in (filled[0], filled[-1]))
    yield Line(
        number, "".join(text), array.array("i", chars), boxes[0][0], boxes[-1][2], top, bottom, bold, columns, hyphen
    )


def char_box(page: "PdfTextPage", index: int) -> Box:
    """The box of a character, as high as its line: what a highlighter would cover."""
    import pypdfium2.raw as pdfium

    rect = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(page, index, ctypes.byref(rect))
    return rect.left, rect.bottom, rect.right, rect.top


def _gap(page: "PdfTextPage", left: int, right: int) -> float:
    return char_box(page, right)[0] - char_box(page, left)[2]


def _is_bold(page: "PdfTextPage", index: int) -> bool:
    """By the weight or the name of the font."""
    import pypdfium2.raw as pdfium

    if pdfium.FPDFText_GetFontWeight(page, index) >= BOLD_WEIGHT:
        return True
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), ctypes.byref(flags))
    return b"bold" in name.value.lower() or b"black" in name.value.lower()
