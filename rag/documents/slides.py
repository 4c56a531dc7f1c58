"""Presentations by python-pptx: each slide a page with its title, text, tables, charts, diagrams and notes."""

import io
import itertools
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rag.documents.draft import Draft
from rag.documents.drawings import A, add_chart, add_diagram
from rag.documents.grids import cell_of, spread
from rag.documents.inline import formula, raised
from rag.documents.numbering import written
from rag.documents.packages import about, attribute, bytes_of, open_package, rewritten, transitional, xml
from rag.errors import ReadError
from rag.types import Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"
ALTERNATIVE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
SLIDE = re.compile(r"ppt/slides/slide\d+\.xml")
EMPTY_SLIDE = (
    b'<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:cSld><p:spTree><p:nvGrpSpPr>'
    b'<p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/></p:spTree></p:cSld></p:sld>'
)
# What python-pptx raises at a shape of which it knows nothing, or that misses a part.
ODD = (NotImplementedError, KeyError, ValueError, AttributeError, TypeError, IndexError)


def read_pptx(data: bytes, name: str) -> Iterator[Document]:
    """A presentation, each slide a page; hidden slides and shapes are left out."""
    from lxml.etree import XMLSyntaxError
    from pptx import Presentation
    from pptx.exc import PackageNotFoundError

    package, broken = _mended(open_package(data, name), name)
    try:
        slides = list(Presentation(io.BytesIO(bytes_of(package))).slides)
    except (PackageNotFoundError, XMLSyntaxError, zipfile.BadZipFile, *ODD):
        raise ReadError(f"{name} is damaged or not a presentation.") from None
    draft = Draft()
    draft.author, draft.modified = about(package, name)
    draft.leave_out("damaged slides", broken)
    for slide in slides:
        draft.page()
        if slide._element.get("show") in ("0", "false"):
            draft.leave_out("hidden slides")
            continue
        try:
            _add_slide(draft, slide)
        except ODD:
            draft.leave_out("damaged slides")
    yield draft.document(name)


def _mended(package: zipfile.ZipFile, name: str) -> tuple[zipfile.ZipFile, int]:
    """The package with an empty slide for each that is damaged, in the names that python-pptx knows; and how many."""
    changed, broken = {}, 0
    for part in package.namelist():
        content = package.read(part) if part.endswith((".xml", ".rels")) else b""
        if (common := transitional(content)) != content:
            changed[part] = common
        if SLIDE.fullmatch(part):
            try:
                xml(common, name)
            except ReadError:
                changed[part], broken = EMPTY_SLIDE, broken + 1
    return (rewritten(package, changed) if changed else package), broken


def _add_slide(draft: Draft, slide: Any) -> None:
    for several in list(slide._element.iter(ALTERNATIVE)):
        _show_first(several)
    title = slide.shapes.title
    if title is not None:
        lines = [text for text, _ in _paragraphs(title._element)]
        draft.add(" ".join(lines).replace("\n", " "), "heading", 1 if draft.is_empty else 2)
    _add_shapes(draft, slide.shapes, skip=title)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        for text, _ in _paragraphs(slide.notes_slide.notes_text_frame._txBody):
            draft.add(text, "prose")


def _show_first(several: "Element") -> None:
    """Put what programs of today show in place of what is written in several ways."""
    parent = several.getparent()
    if parent is not None and len(several):
        for element in list(several[0]):
            several.addprevious(element)
        parent.remove(several)


def _add_shapes(draft: Draft, shapes: Iterable[Any], skip: Any) -> None:
    """Add what the shapes show from top to bottom; what stands in every slide's margin is left out."""
    for shape in sorted(shapes, key=_place):
        if skip is not None and shape._element is skip._element:
            continue
        try:
            _add_shape(draft, shape)
        except ODD:
            draft.leave_out("shapes that cannot be read")


def _place(shape: Any) -> tuple[int, int]:
    try:
        return shape.top or 0, shape.left or 0
    except ODD:
        return 0, 0


def _add_shape(draft: Draft, shape: Any) -> None:
    from pptx.enum.shapes import PP_PLACEHOLDER
    from pptx.shapes.group import GroupShape

    margin = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER)
    if shape.is_placeholder and shape.placeholder_format.type in margin:
        if any(t.text for p in shape._element.iter(f"{A}p") for t in p.iterfind(f"{A}r/{A}t")):
            draft.leave_out("slide footers")
        return
    if any(e.get("hidden") in ("1", "true") for e in shape._element.iterfind("./{*}*/{*}cNvPr")):
        draft.leave_out("hidden shapes")
    elif isinstance(shape, GroupShape):
        _add_shapes(draft, shape.shapes, None)
    elif shape._element.tag.endswith("}graphicFrame"):
        _add_frame(draft, shape)
    elif shape._element.tag.endswith("}pic"):
        draft.leave_out("pictures")
    elif shape.has_text_frame:
        lines = list(_paragraphs(shape._element))
        is_list = len(lines) > 1
        for text, is_numbered in lines:
            draft.add(text, "item" if is_numbered or (is_list and not text.endswith(":")) else "prose")


def _add_frame(draft: Draft, frame: Any) -> None:
    """A table, a chart or a diagram."""
    if frame.has_table:
        table = frame.table
        rows = [[one for one in row.cells if not one.is_spanned] for row in table.rows]
        # That a table of two columns begins with a head is what every new table says, and forms do not unsay it.
        first = table.first_row and len(table.columns) > 2
        draft.table(
            spread([(cell_of(_cell_text(one)), one.span_width, one.span_height) for one in row] for row in rows),
            head=1 if first else None,
        )
    elif frame.has_chart:
        add_chart(frame.chart._chartSpace, draft)
    elif (points := next(frame._element.iter("{*}relIds"), None)) is not None:
        add_diagram(xml(frame.part.related_part(attribute(points, "dm")).blob, "a diagram"), draft)
    else:
        draft.leave_out("embedded objects")


def _cell_text(one: Any) -> str:
    return " ".join(text for text, _ in _paragraphs(one._tc))


def _paragraphs(shape: "Element") -> Iterator[tuple[str, bool]]:
    """The paragraphs of a shape that have text, and whether PowerPoint numbers them; with the number."""
    numbers: dict[int, int] = {}
    for paragraph in shape.iter(f"{A}p"):
        pieces: list[str] = []
        for element in paragraph.iter(f"{A}t", f"{A}br", MATH):
            if next(element.iterancestors(MATH), None) is not None:
                continue
            properties = element.find(f"../{A}rPr")
            if element.tag == MATH:
                pieces.append(formula(element, "".join(pieces[-1:])))
            elif element.tag == f"{A}br":
                pieces.append("\n")
            elif properties is not None and (properties.get("baseline") or "0").lstrip("0")[:1].isdigit():
                pieces.append(raised("".join(pieces[-3:]), element.text or ""))
            else:
                pieces.append(element.text or "")
        text = "".join(pieces).replace("\v", "\n").strip()
        properties = paragraph.find(f"{A}pPr")
        form = None if properties is None else properties.find(f"{A}buAutoNum")
        level = 0 if properties is None else int(properties.get("lvl") or 0)
        numbers = {n: count for n, count in numbers.items() if n <= level and (form is not None or n < level)}
        if form is not None and text:
            numbers[level] = numbers.get(level, int(form.get("startAt") or 1) - 1) + 1
            text = f"{auto_number(numbers[level], form.get('type') or '')} {text}"
        if text:
            yield text, form is not None


def auto_number(count: int, form: str) -> str:
    """A number as PowerPoint writes it: arabicPeriod is "2.", alphaLcParenBoth "(b)"."""
    kind = "".join(itertools.takewhile(lambda c: not c.isupper(), form))
    small = "lower" if "Lc" in form else "upper"
    text = (
        written(count, small + {"alpha": "Letter", "roman": "Roman"}[kind])
        if kind in ("alpha", "roman")
        else str(count)
    )
    if form.endswith("ParenBoth"):
        return f"({text})"
    return text + (")" if form.endswith("ParenR") else "" if form.endswith("Plain") else ".")
