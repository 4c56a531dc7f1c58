"""Word documents by python-docx, slides by python-pptx, with what those leave out: inserted text, boxes, notes."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rag.documents.draft import Draft
from rag.documents.packages import open_package, xml
from rag.errors import ReadError
from rag.types import Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)
NOTE_PARTS = ("word/footnotes.xml", "word/endnotes.xml")


def read_docx(data: bytes, name: str) -> Iterator[Document]:
    """A Word document: body, tables, text boxes, footnotes. Headers, footers and deleted text are left out."""
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    package = open_package(data, name)
    try:
        word = docx.Document(io.BytesIO(data))
    except (PackageNotFoundError, KeyError, ValueError):
        raise ReadError(f"{name} is damaged or not a Word document.") from None
    draft = Draft()
    body = _Body(word, draft)
    body.add(word.element.body)
    for part in NOTE_PARTS:
        if part in package.namelist():
            for note in xml(package.read(part), name).iter(f"{W}footnote", f"{W}endnote"):
                draft.add(" ".join(filter(None, (_text(p) for p in note.iter(f"{W}p")))), "prose")
    yield draft.document(name)


class _Body:
    """The walk through the paragraphs and tables of a Word document."""

    def __init__(self, word: Any, draft: Draft) -> None:
        self._styles = {style.style_id: style for style in word.styles if style.type is not None}
        self._draft = draft

    def add(self, parent: "Element") -> None:
        """Add the blocks of `parent` in order, through content controls and the like."""
        for element in parent:
            if element.tag == f"{W}p":
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._table(element)
            elif isinstance(element.tag, str) and element.tag not in (f"{W}del", f"{W}sectPr", f"{W}sdtPr"):
                self.add(element)

    def _paragraph(self, paragraph: "Element") -> None:
        level, is_item = self._form(paragraph)
        text = _text(paragraph)
        if level:
            self._draft.add(text.replace("\n", " "), "heading", level)
        else:
            self._draft.add(text, "item" if is_item else "prose")
        for box in paragraph.iter(f"{W}txbxContent"):
            if not any(parent.tag == FALLBACK for parent in box.iterancestors()):
                self.add(box)

    def _table(self, table: "Element") -> None:
        rows = []
        for row in table.findall(f"{W}tr"):
            cells = [cell for child in row for cell in (child.iter(f"{W}tc") if child.tag != f"{W}tc" else (child,))]
            rows.append([" ".join(_text(p) for p in cell.iter(f"{W}p")) for cell in cells])
        if rows and max(map(len, rows)) == 1:  # a frame around text, not a table
            for cell in table.iter(f"{W}tc"):
                self.add(cell)
            return
        self._draft.table(rows, has_head=table.find(f".//{W}tblHeader") is not None)

    def _form(self, paragraph: "Element") -> tuple[int, bool]:
        """The level of a heading (0: none), and whether the paragraph is a list item: by itself or by its styles."""
        properties = paragraph.find(f"{W}pPr")
        level, is_item = _marks(properties)
        named = None if properties is None else properties.find(f"{W}pStyle")
        style = self._styles.get(named.get(f"{W}val")) if named is not None else None
        for _ in range(10):  # styles can be based on each other in a circle
            if style is None:
                break
            heading = HEADING_STYLE.fullmatch(style.name or "")
            level = level or (int(heading[1]) if heading else 1 if style.name == "Title" else 0)
            from_style = _marks(style.element.find(f"{W}pPr"))
            level, is_item = level or from_style[0], is_item or from_style[1] or (style.name or "").startswith("List ")
            style = style.base_style
        return level, is_item


def _marks(properties: "Element | None") -> tuple[int, bool]:
    """The outline level and whether there is a numbering, as paragraph properties say."""
    if properties is None:
        return 0, False
    outline, number = properties.find(f"{W}outlineLvl"), properties.find(f"{W}numPr/{W}numId")
    level = int(outline.get(f"{W}val") or 9) + 1 if outline is not None else 0
    return (level if level <= 9 else 0), number is not None and number.get(f"{W}val") != "0"


def _text(paragraph: "Element") -> str:
    """The text of one paragraph as it stands after all changes, without that of the text boxes anchored in it."""
    pieces = []
    for element in paragraph.iter(f"{W}t", f"{W}tab", f"{W}br", f"{W}cr", f"{W}noBreakHyphen"):
        within = {parent.tag for parent in element.iterancestors()}
        own = next((parent for parent in element.iterancestors(f"{W}p")), None) is paragraph
        if not own or within & {f"{W}del", f"{W}moveFrom", f"{W}tabs"}:
            continue
        tag = element.tag[len(W) :]
        pieces.append({"t": element.text or "", "tab": "\t", "noBreakHyphen": "\u2011"}.get(tag, "\n"))
    return "".join(pieces).strip()


def read_pptx(data: bytes, name: str) -> Iterator[Document]:
    """A presentation, each slide a page: its title as heading, its text, tables and speaker's notes."""
    from pptx import Presentation
    from pptx.exc import PackageNotFoundError

    open_package(data, name)
    try:
        slides = list(Presentation(io.BytesIO(data)).slides)
    except (PackageNotFoundError, KeyError, ValueError, zipfile.BadZipFile):
        raise ReadError(f"{name} is damaged or not a presentation.") from None
    draft = Draft()
    for slide in slides:
        draft.page()
        title = slide.shapes.title
        if title is not None:
            draft.add(title.text_frame.text.replace("\v", " "), "heading", 1 if draft.is_empty else 2)
        _add_shapes(draft, slide.shapes, skip=title)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            draft.add(slide.notes_slide.notes_text_frame.text, "prose")
    yield draft.document(name)


def _add_shapes(draft: Draft, shapes: Iterable[Any], skip: Any) -> None:
    """Add the text of the shapes from top to bottom; what stands in every slide's margin is left out."""
    from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER

    margin = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER)
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if skip is not None and shape.shape_id == skip.shape_id:
            continue
        if shape.is_placeholder and shape.placeholder_format.type in margin:
            continue
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            _add_shapes(draft, shape.shapes, None)
        elif shape.has_table:
            draft.table([[cell.text for cell in row.cells] for row in shape.table.rows], shape.table.first_row)
        elif shape.has_text_frame:
            paragraphs = [paragraph.text.replace("\v", "\n") for paragraph in shape.text_frame.paragraphs]
            is_list = sum(bool(text.strip()) for text in paragraphs) > 1
            for text in paragraphs:
                draft.add(text, "item" if is_list and not text.rstrip().endswith(":") else "prose")
