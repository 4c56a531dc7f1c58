"""Word documents: their XML as it is written, with what Word itself adds (numbers) and leaves out (deleted text)."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from zipfile import ZipFile

from rag.documents.draft import Draft
from rag.documents.drawings import add_chart, add_diagram
from rag.documents.grids import EMPTY, Cell, cell_of
from rag.documents.inline import formula, raised
from rag.documents.numbering import Numbering
from rag.documents.packages import about, attribute, open_package, related, transitional, xml
from rag.errors import ReadError
from rag.types import Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)
SIGNS = {"tab": "\t", "ptab": "\t", "noBreakHyphen": "\u2011", "br": "\n", "cr": "\n"}
MOST_BASES = 10  # styles can be based on each other in a circle
# What a paragraph holds besides its words, and what the ingest calls it when it counts.
COUNTED = {"pic": "pictures", "imagedata": "pictures", "OLEObject": "embedded objects"}
OFF = ("0", "false", "off", "none")


def read_docx(data: bytes, name: str) -> Iterator[Document]:
    """A Word document: body, tables, text boxes, charts, notes; headers and footers once, at the end."""
    package = open_package(data, name)
    main = next((where for kind, where in related(package, "", name).values() if kind.endswith("/officeDocument")), "")
    if main not in package.namelist():
        raise ReadError(f"{name} is damaged or not a Word document.")
    draft = Draft()
    draft.author, draft.modified = about(package, name)
    try:
        _Word(package, main, name, draft).read()
    except RecursionError:
        raise ReadError(f"{name} nests its parts too deeply to be a document.") from None
    yield draft.document(name)


class _Word:
    """The walk through the paragraphs and tables of a Word document."""

    def __init__(self, package: ZipFile, main: str, name: str, draft: Draft) -> None:
        self._package, self._main, self._name, self._draft = package, main, name, draft
        self._links = related(package, main, name)
        styles = self._first("/styles")
        self._styles = {} if styles is None else {s.get(f"{W}styleId") or "": s for s in styles.iter(f"{W}style")}
        self._numbering = Numbering(self._first("/numbering"))

    def read(self) -> None:
        """Add the whole document to the draft."""
        root = self._part(self._main)
        if root is None or (body := root.find(f"{W}body")) is None:
            raise ReadError(f"{self._name} is damaged or not a Word document.")
        self._add(body)
        for kind in ("/footnotes", "/endnotes"):
            notes = self._first(kind)
            for note in () if notes is None else notes.iter(f"{W}footnote", f"{W}endnote"):
                self._draft.add(self._text_in(note), "prose")
        comments = self._first("/comments")
        self._draft.leave_out("comments", 0 if comments is None else sum(1 for _ in comments.iter(f"{W}comment")))
        margins = (where for kind, where in self._links.values() if kind.endswith(("/header", "/footer")))
        lines = [
            self._text(paragraph)
            for root in map(self._whole, sorted(margins))
            if root is not None
            for paragraph in root.iter(f"{W}p")
            if not _counts_pages(paragraph)
        ]
        for line in dict.fromkeys(lines):
            self._draft.add(line, "prose")

    def _part(self, where: str) -> "Element | None":
        return xml(transitional(self._package.read(where)), self._name) if where in self._package.namelist() else None

    def _first(self, kind: str) -> "Element | None":
        """The root of the first related part of a kind; None where there is none, or none that can be read."""
        return self._whole(next((where for said, where in self._links.values() if said.endswith(kind)), ""))

    def _whole(self, where: str) -> "Element | None":
        try:
            return self._part(where)
        except ReadError:
            self._draft.leave_out("damaged parts")
            return None

    def _add(self, parent: "Element") -> None:
        """Add the blocks of `parent` in order, through content controls and the like."""
        for element in parent:
            if element.tag == f"{W}p":
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._table(element)
            elif element.tag in (f"{M}oMath", f"{M}oMathPara"):
                self._draft.add(formula(element, ""), "prose")
            elif element.tag == f"{MC}AlternateContent":
                self._add(_alternative(element))
            elif isinstance(element.tag, str) and element.tag not in (f"{W}del", f"{W}sectPr", f"{W}sdtPr"):
                self._add(element)

    def _paragraph(self, paragraph: "Element") -> None:
        level, is_item, text = self._read(paragraph)
        if level:
            self._draft.add(text.replace("\n", " "), "heading", level)
        else:
            self._draft.add(text, "item" if is_item else "prose")
        for element in _own(paragraph):
            tag = element.tag.rsplit("}", 1)[-1]
            if tag == "txbxContent":
                self._add(element)
            elif tag == "chart":
                self._drawing(element, "charts", add_chart)
            elif tag == "relIds":
                self._drawing(element, "diagrams", add_diagram)
            elif tag in COUNTED:
                self._draft.leave_out(COUNTED[tag])

    def _drawing(self, element: "Element", what: str, add: "Callable[[Element, Draft], None]") -> None:
        """Add the part that a chart or a diagram in the text refers to."""
        reference = attribute(element, "id", "dm")
        try:
            part = self._part(self._links.get(reference, ("", ""))[1])
        except ReadError:
            part = None
        if part is None:
            self._draft.leave_out(what)
        else:
            add(part, self._draft)

    def _read(self, paragraph: "Element") -> tuple[int, bool, str]:
        """The level of a heading (0: none), whether the paragraph is a list item, and its text with its number."""
        level, is_item, numbers = 0, False, None
        for style, properties in self._properties(paragraph):
            named = "" if style is None else _value(style, "name") or ""
            heading = HEADING_STYLE.fullmatch(named)
            outline = _value(properties, "outlineLvl") or ""
            by_outline = int(outline) + 1 if outline.isdecimal() and int(outline) < 9 else 0
            level = level or (int(heading[1]) if heading else 1 if named == "Title" else by_outline)
            found = None if properties is None else properties.find(f"{W}numPr")
            if numbers is None and found is not None and (list_name := _value(found, "numId")) is not None:
                own = "" if style is None else style.get(f"{W}styleId") or ""
                deep = _value(found, "ilvl") or ""
                numbers = (list_name, int(deep) if deep.isdecimal() else self._numbering.level_of(list_name, own))
            is_item = is_item or named.startswith("List ")
        number = self._numbering.next(*numbers) if numbers else ""
        is_item = is_item or (numbers is not None and numbers[0] != "0")
        text = self._text(paragraph)
        return level, is_item, f"{number} {text}" if number and text else text

    def _properties(self, paragraph: "Element") -> Iterator[tuple["Element | None", "Element | None"]]:
        """A paragraph's own properties, then those of its style and of the styles that this is based on."""
        properties = paragraph.find(f"{W}pPr")
        yield None, properties
        name = _value(properties, "pStyle")
        for _ in range(MOST_BASES):
            style = self._styles.get(name or "")
            if style is None:
                return
            yield style, style.find(f"{W}pPr")
            name = _value(style, "basedOn")

    def _table(self, table: "Element") -> None:
        rows: list[list[Cell]] = []
        heads: list[bool] = []
        plain: list[Element] = []
        for row in table.iterfind(f".//{W}tr"):
            if next(row.iterancestors(f"{W}tbl")) is not table:
                continue
            properties = row.find(f"{W}trPr")
            if gone := [
                what for mark, what in GONE.items() if properties is not None and _on(properties.find(W + mark))
            ]:
                self._draft.leave_out(gone[0])
                continue
            cells = [one for one in row.iter(f"{W}tc") if next(one.iterancestors(f"{W}tr")) is row]
            before = _value(properties, "gridBefore") or "0"
            line = [EMPTY] * (int(before) if before.isdecimal() else 0)
            for one in cells:
                line += self._cells(one, rows[-1] if rows else [], len(line))
            plain += cells
            rows.append(line)
            heads.append(properties is not None and _on(properties.find(f"{W}tblHeader")))
        if rows and max(map(len, rows)) == 1:  # a frame around text, not a table
            for one in plain:
                self._add(one)
            return
        head = next((n for n, marked in enumerate(heads) if not marked), len(heads))
        self._draft.table(rows, head or None)

    def _cells(self, one: "Element", above: list[Cell], column: int) -> list[Cell]:
        """A cell as often as it has columns; one that continues the cell above is that one."""
        properties = one.find(f"{W}tcPr")
        span = _value(properties, "gridSpan") or "1"
        merge = None if properties is None else properties.find(f"{W}vMerge")
        if merge is not None and merge.get(f"{W}val") != "restart" and column < len(above):
            cell = above[column]
        else:
            cell = cell_of(self._text_in(one), self._is_set_as_head(one))
        return [cell] * (int(span) if span.isdecimal() and 0 < int(span) < 64 else 1)

    def _text_in(self, parent: "Element") -> str:
        """The text of all paragraphs in a cell or a note, what else stands in it counted."""
        for element in parent.iter("*"):
            tag = element.tag.rsplit("}", 1)[-1]
            if what := {**COUNTED, "chart": "charts", "relIds": "diagrams"}.get(tag):
                self._draft.leave_out(what)
        return " ".join(filter(None, (self._read(p)[2] for p in parent.iter(f"{W}p"))))

    def _is_set_as_head(self, one: "Element") -> bool:
        """Whether all that a cell says is in bold."""
        runs = [run for run in one.iter(f"{W}r") if run.find(f"{W}t") is not None]
        return bool(runs) and all(_on(run.find(f"{W}rPr/{W}b")) for run in runs)

    def _text(self, paragraph: "Element") -> str:
        """The text of one paragraph after all changes, without that of the text boxes anchored in it."""
        pieces: list[str] = []
        self._take(paragraph, pieces)
        return "".join(pieces).strip()

    def _take(self, parent: "Element", pieces: list[str]) -> None:
        for element in parent:
            tag = element.tag
            if tag in (f"{W}del", f"{W}moveFrom"):
                self._draft.leave_out("deleted passages", int(tag == f"{W}del"))
            elif tag in (f"{M}oMath", f"{M}oMathPara"):
                pieces.append(formula(element, "".join(pieces[-1:])))
            elif tag == f"{MC}AlternateContent":
                self._take(_alternative(element), pieces)
            elif tag == f"{W}r":
                self._run(element, pieces)
            elif isinstance(tag, str) and tag not in (f"{W}pPr", f"{W}sdtPr", f"{W}p", f"{W}txbxContent"):
                self._take(element, pieces)

    def _run(self, run: "Element", pieces: list[str]) -> None:
        properties = run.find(f"{W}rPr")
        texts = []
        for element in run:
            tag = str(element.tag).removeprefix(W)
            if tag == "t":
                texts.append(element.text or "")
            elif tag in SIGNS:
                texts.append(SIGNS[tag])
            elif tag == "ruby":
                texts += [text.text or "" for text in element.iterfind(f"{W}rubyBase/{W}r/{W}t")]
            elif tag == "sym" and re.fullmatch("[0-9A-Fa-f]{1,5}", code := element.get(f"{W}char") or ""):
                texts.append(chr(int(code, 16)))
        text = "".join(texts)
        if text.strip() and self._is_hidden(run, properties):
            self._draft.leave_out("hidden passages")
        elif _value(properties, "vertAlign") == "superscript":
            pieces.append(raised("".join(pieces[-3:]), text))
        else:
            pieces.append(text)

    def _is_hidden(self, run: "Element", properties: "Element | None") -> bool:
        """Whether a run is hidden by itself, or by its style or its paragraph's."""
        own = None if properties is None else properties.find(f"{W}vanish")
        if own is not None:
            return _on(own)
        names = [_value(properties, "rStyle")]
        paragraph = next(run.iterancestors(f"{W}p"), None)
        if paragraph is not None:
            names.append(_value(paragraph.find(f"{W}pPr"), "pStyle"))
        for name in names:
            for _ in range(MOST_BASES):
                style = self._styles.get(name or "")
                if style is None:
                    break
                if (vanish := style.find(f"{W}rPr/{W}vanish")) is not None:
                    return _on(vanish)
                name = _value(style, "basedOn")  # noqa: PLW2901
        return False


# Rows that are not read, by the mark in their properties.
GONE = {"del": "deleted rows", "hidden": "hidden rows"}


def _own(paragraph: "Element") -> Iterator["Element"]:
    """What is anchored in a paragraph, without what stands in a text box in it or is there for older programs."""
    for element in paragraph.iter("*"):
        if next(element.iterancestors(f"{W}p", f"{W}del", f"{MC}Fallback"), None) is paragraph:
            yield element


def _alternative(element: "Element") -> "Element":
    """What programs of today show of what is written in several ways."""
    choice = element.find(f"{MC}Choice")
    fallback = element.find(f"{MC}Fallback")
    return choice if choice is not None else fallback if fallback is not None else element


def _counts_pages(paragraph: "Element") -> bool:
    codes = [
        *(e.text or "" for e in paragraph.iter(f"{W}instrText")),
        *(e.get(f"{W}instr") or "" for e in paragraph.iter(f"{W}fldSimple")),
    ]
    return any(re.search(r"\b(?:NUM)?PAGES?\b", code) for code in codes)


def _value(parent: "Element | None", name: str) -> str | None:
    child = None if parent is None else parent.find(f"{W}{name}")
    return None if child is None else child.get(f"{W}val")


def _on(switch: "Element | None") -> bool:
    return switch is not None and switch.get(f"{W}val") not in OFF
