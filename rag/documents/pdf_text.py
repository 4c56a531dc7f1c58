"""The characters of a PDF's pages as PDFium gives them, each with its place on the page as it is shown."""

import ctypes
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rag.errors import ReadError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

HYPHEN_CODE, HYPHEN = 2, "\x02"  # what PDFium gives for a hyphen that parts a word at the end of a line
BULLETS = dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf02d\u25cf\u25cb\u25a0\u25a1", "•")
BOLD_WEIGHT = 600
# Characters that stand further apart than this share of their height are not one word.
WORD_GAP = 0.4
# PDFium counts pixels; a page as wide as this many gives shares with six digits.
FINE = 1_000_000


class Box(NamedTuple):
    """A rectangle on a page, counted from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """The point in its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def holds(self, point: tuple[float, float], slack: float = 0.0) -> bool:
        """Whether a point lies in it, or at most `slack` outside."""
        x, y = point
        return self.left - slack <= x <= self.right + slack and self.top - slack <= y <= self.bottom + slack

    def beside(self, other: "Box") -> float:
        """How much of the lower of two boxes stands beside the other, from 0 to 1; below 0 when one is further down."""
        return (min(self.bottom, other.bottom) - max(self.top, other.top)) / (min(self.height, other.height) or 1.0)

    def joined(self, other: "Box") -> "Box":
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character of a page: `index` is PDFium's number for it, `box` as high as its line, in points."""

    text: str
    index: int
    box: Box
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A word, or a part of one. `spaced`: there is a space before it; `hyphen`: it goes on in the next line."""

    glyphs: tuple[Glyph, ...]
    box: Box
    spaced: bool = False
    hyphen: bool = False

    @property
    def text(self) -> str:
        """Its characters."""
        return "".join(glyph.text for glyph in self.glyphs)


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


def page_words(pdf: "PdfDocument", number: int, turned: int = 0) -> list[Segment]:
    """The words of the page with that index in PDFium's reading order, the page turned back by so many degrees.

    Raises ReadError when the page is damaged.
    """
    from pypdfium2 import PdfiumError

    try:
        page = pdf[number]
    except PdfiumError:
        raise ReadError(f"page {number + 1} is damaged") from None
    text_page = page.get_textpage()
    try:
        return list(_words(_glyphs(text_page, _Upright(page, turned))))
    finally:
        text_page.close()
        page.close()


def _words(glyphs: Iterable[Glyph | str]) -> Iterator[Segment]:
    """The words that characters make up; a string stands for white space, or for a hyphen that parts a word."""
    word: list[Glyph] = []
    spaced = False
    for glyph in glyphs:
        if isinstance(glyph, str):
            if word:
                yield _word(word, spaced, glyph == HYPHEN)
            word, spaced = [], glyph == " " or (spaced and not word)
            continue
        if word:
            gap = max(glyph.box.left - word[-1].box.right, word[-1].box.left - glyph.box.right)
            if glyph.box.beside(word[-1].box) <= 0 or gap > WORD_GAP * glyph.box.height:
                yield _word(word, spaced, False)
                word, spaced = [], False
        word.append(glyph)
    if word:
        yield _word(word, spaced, False)


def _word(glyphs: list[Glyph], spaced: bool, hyphen: bool) -> Segment:
    lefts, tops, rights, bottoms = zip(*(glyph.box for glyph in glyphs), strict=True)
    return Segment(tuple(glyphs), Box(min(lefts), min(tops), max(rights), max(bottoms)), spaced, hyphen)


def glyph_boxes(page: "PdfPage", indices: list[int]) -> list[Box]:
    """The boxes of characters by their numbers, as shares of the page as it is shown."""
    text_page = page.get_textpage()
    upright = _Upright(page, 0)
    shares = 1 / upright.width, 1 / upright.height
    try:
        boxes = [upright.box(text_page, index) for index in indices]
    finally:
        text_page.close()
    return [Box(*(side * shares[i % 2] for i, side in enumerate(box))) for box in boxes]


class _Upright:
    """From a PDF page's own coordinates to points from the top left corner of the page as it is shown."""

    def __init__(self, page: "PdfPage", turned: int) -> None:
        import pypdfium2.raw as pdfium

        self._rect = pdfium.FS_RECTF()
        self._pointer = ctypes.byref(self._rect)
        quarter = -turned // 90 % 4
        sides = page.get_width(), page.get_height()
        self.width, self.height = sides if quarter % 2 == 0 else sides[::-1]
        points = []
        for x, y in ((0.0, 0.0), (1000.0, 0.0), (0.0, 1000.0)):
            across, down = ctypes.c_int(), ctypes.c_int()
            pdfium.FPDF_PageToDevice(page, 0, 0, FINE, FINE, quarter, x, y, ctypes.byref(across), ctypes.byref(down))
            points.append((across.value / FINE * self.width, down.value / FINE * self.height))
        (self._x, self._y), *ends = points
        (self._xx, self._xy), (self._yx, self._yy) = (((x - self._x) / 1000, (y - self._y) / 1000) for x, y in ends)

    def box(self, page: "PdfTextPage", index: int) -> Box:
        """The box of a character, as high as its line: what a highlighter would cover."""
        import pypdfium2.raw as pdfium

        rect = self._rect
        pdfium.FPDFText_GetLooseCharBox(page, index, self._pointer)
        left, top, right, bottom = rect.left, rect.top, rect.right, rect.bottom
        x1, y1 = self._x + left * self._xx + top * self._yx, self._y + left * self._xy + top * self._yy
        x2, y2 = self._x + right * self._xx + bottom * self._yx, self._y + right * self._xy + bottom * self._yy
        return Box(x1 if x1 < x2 else x2, y1 if y1 < y2 else y2, x2 if x1 < x2 else x1, y2 if y1 < y2 else y1)


def _glyphs(page: "PdfTextPage", upright: _Upright) -> Iterator[Glyph | str]:
    """The characters; " " for white space, "\n" for the end of a line and HYPHEN for one in the middle of a word."""
    import pypdfium2.raw as pdfium

    bold, high = False, ""
    fresh = True  # the weight of a word's first letter is that of the word
    for index in range(pdfium.FPDFText_CountChars(page)):
        code = pdfium.FPDFText_GetUnicode(page, index)
        if code in (10, 13, HYPHEN_CODE) or chr(code).isspace():
            yield HYPHEN if code == HYPHEN_CODE else "\n" if code in (10, 13) else " "
            fresh = True
        elif 0xD800 <= code < 0xDC00:  # half a character on systems that count so; the other half follows
            high = chr(code)
        elif 0xDC00 <= code < 0xE000:
            if high:
                text = chr(0x10000 + ((ord(high) - 0xD800) << 10) + (code - 0xDC00))
                yield Glyph(text, index - 1, upright.box(page, index - 1), bold)
            high = ""
        elif code >= 32 and code not in (0x7F, 0xAD, 0xFFFE, 0xFFFF):
            bold = _is_bold(page, index) if fresh else bold
            fresh = False
            yield Glyph(BULLETS.get(chr(code), chr(code)), index, upright.box(page, index), bold)


def _is_bold(page: "PdfTextPage", index: int) -> bool:
    """By the weight or the name of the font."""
    import pypdfium2.raw as pdfium

    if pdfium.FPDFText_GetFontWeight(page, index) >= BOLD_WEIGHT:
        return True
    name = ctypes.create_string_buffer(128)
    pdfium.FPDFText_GetFontInfo(page, index, name, len(name), None)
    return b"bold" in name.value.lower() or b"black" in name.value.lower()
