"""Tables: CSV and TSV with the standard library, workbooks with calamine. Each row is a line that names its columns."""

import csv
import functools
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.documents.draft import Draft
from rag.documents.grids import EMPTY, Cell, cell_of
from rag.documents.numbers import BUILT_IN, as_shown
from rag.documents.packages import about, attribute, bytes_of, elements, open_package, related, xml
from rag.documents.plain import decoded
from rag.errors import ReadError
from rag.types import Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from python_calamine import CalamineSheet

# Above this many cells a sheet is data rather than a document, and a stray cell far out would fill the memory.
LARGEST_CELLS = 5_000_000
SNIFFED_LINES = 50
SEPARATORS = ",;\t|"
PLAIN = "", False


def read_csv(data: bytes, name: str) -> Iterator[Document]:
    """A file of separated values; the separator is found out."""
    text, notes = decoded(data, name)
    text = text.removeprefix("\ufeff")
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    draft = Draft(notes)
    try:
        draft.table(
            [
                [cell_of(value) for value in row]
                for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator(text))
            ]
        )
    except csv.Error as error:
        raise ReadError(f"{name} is not a table of separated values: {error}.") from None
    yield draft.document(name)


def separator(text: str) -> str:
    """What parts the values of a table: the character that the most of its first lines have the same number of."""
    lines = text.splitlines()[:SNIFFED_LINES]
    found = {}
    for mark in SEPARATORS:
        rows = [len(row) for row in csv.reader(lines, delimiter=mark)]
        counts = [count for count in rows if count > 1]
        found[mark] = (max(map(counts.count, counts), default=0), max(counts, default=0))
    return max(SEPARATORS, key=lambda mark: found[mark])


def read_workbook(data: bytes, name: str) -> Iterator[Document]:
    """A workbook, each sheet under its name as heading; numbers as the sheet shows them, hidden cells left out."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    draft = Draft()
    package = open_package(data, name)
    draft.author, draft.modified = about(package, name)
    draft.leave_out("pictures", sum(part.startswith("xl/media/") for part in package.namelist()))
    looks = _Looks.of_package(package, name)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(bytes_of(package)))
        sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        draft.leave_out(
            "chart sheets", sum(sheet.typ == SheetTypeEnum.ChartSheet for sheet in workbook.sheets_metadata)
        )
        damage: ReadError | CalamineError | None = None
        for sheet in sheets:
            if sheet.visible != SheetVisibleEnum.Visible:
                draft.leave_out("hidden sheets")
                continue
            try:
                look = looks.of(sheet.name)  # first, for calamine makes room for all the cells that a sheet spans
                grid = _grid(workbook.get_sheet_by_name(sheet.name), look, draft)
            except (ReadError, CalamineError) as error:
                damage = error
                draft.leave_out("damaged sheets")
                continue
            if any(any(one.text for one in row) for row in grid):
                draft.add(sheet.name, "heading", 1)
                draft.table(grid)
        if damage and draft.is_empty:
            raise damage
    except PasswordError:
        raise ReadError(f"{name} is protected by a password. Save a copy without one.") from None
    except CalamineError as error:
        raise ReadError(f"{name} is damaged or not a workbook: {error}.") from None
    yield draft.document(name)


def _grid(sheet: "CalamineSheet", look: "_Look", draft: Draft) -> list[list[Cell]]:
    """The cells of a sheet that are shown, merged ones in all the places that they cover."""
    values = sheet.to_python(skip_empty_area=False)
    grid = []
    for row, line in enumerate(values):
        cells = []
        for column, value in enumerate(line):
            code, bold = look.formats.get((row, column), PLAIN)
            cells.append(cell_of(as_shown(value, code), bold) if value != "" else EMPTY)
        grid.append(cells)
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        for row in range(top, min(bottom + 1, len(grid))):
            width = min(right + 1, len(grid[row])) - left
            grid[row][left : left + width] = [grid[top][left]] * width
    rows = [row for row in look.hidden_rows if row < len(grid) and any(one.text for one in grid[row])]
    columns = {c for c in look.hidden_columns if any(c < len(row) and row[c].text for row in grid)}
    draft.leave_out("hidden rows", len(rows))
    draft.leave_out("hidden columns", len(columns))
    return [
        [one for column, one in enumerate(line) if column not in columns]
        for row, line in enumerate(grid)
        if row not in look.hidden_rows
    ]


@dataclass(slots=True)
class _Look:
    """How the cells of a sheet are set, where they are set at all, by row and column from 0."""

    formats: dict[tuple[int, int], tuple[str, bool]] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Looks:
    """The styles of a workbook: number format and whether it is set as a head; and where its sheets are."""

    package: zipfile.ZipFile
    name: str
    styles: tuple[tuple[str, bool], ...]
    parts: Mapping[str, str]

    @classmethod
    def of_package(cls, package: zipfile.ZipFile, name: str) -> "_Looks":
        """What the package says. Raises ReadError for a part that is not XML and a sheet with too many cells."""
        targets = related(package, "xl/workbook.xml", name)
        parts = {}
        styles: tuple[tuple[str, bool], ...] = ()
        if "xl/workbook.xml" in package.namelist():
            for sheet in xml(package.read("xl/workbook.xml"), name).iter("{*}sheet"):
                parts[sheet.get("name") or ""] = targets.get(attribute(sheet, "id"), ("", ""))[1]
        if "xl/styles.xml" in package.namelist():
            styles = _styles(xml(package.read("xl/styles.xml"), name))
        return cls(package, name, styles, parts)

    def of(self, sheet: str) -> _Look:
        """How one sheet is set."""
        look, part = _Look(), self.parts.get(sheet, "")
        if part not in self.package.namelist():
            return look
        row = column = -1
        most = 0
        for element in elements(self.package.read(part), self.name, ("row", "c", "col")):
            tag = element.tag.rsplit("}", 1)[-1]
            if tag == "col" and element.get("hidden") in ("1", "true"):
                look.hidden_columns.update(
                    range(int(element.get("min", 1)) - 1, min(int(element.get("max", 1)), 16_384))
                )
            elif tag == "row":
                row, column = int(element.get("r") or row + 2) - 1, -1
                if element.get("hidden") in ("1", "true"):
                    look.hidden_rows.add(row)
            elif tag == "c":
                column = _column(element.get("r", "")) if element.get("r") else column + 1
                most = max(most, column + 1)
                if (row + 1) * most > LARGEST_CELLS:
                    raise ReadError(f"{self.name} has a sheet with too many cells. Save the part to read as CSV.")
                style = int(element.get("s") or 0)
                if style < len(self.styles) and self.styles[style] != ("", False):
                    look.formats[row, column] = self.styles[style]
        for kind, table in related(self.package, part, self.name).values():
            if kind.endswith("/table") and table in self.package.namelist():
                self._name_columns(xml(self.package.read(table), self.name), look)
        return look

    def _name_columns(self, table: "Element", look: _Look) -> None:
        """The first row of what the workbook itself calls a table is set as a head, whatever its cells are."""
        place = re.fullmatch(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})\d+", table.get("ref") or "")
        if place and table.get("headerRowCount") != "0":
            for column in range(_column(place[1]), _column(place[3]) + 1):
                row = int(place[2]) - 1
                look.formats[row, column] = (look.formats.get((row, column), PLAIN)[0], True)


def _styles(root: "Element") -> tuple[tuple[str, bool], ...]:
    """Format and whether it is set in bold or on a ground, of each cell style."""
    codes = {**BUILT_IN, **{int(e.get("numFmtId") or 0): e.get("formatCode") or "" for e in root.iter("{*}numFmt")}}
    bold = [_value(font.find("{*}b")) for font in root.iterfind("{*}fonts/{*}font")]
    found = []
    for style in root.iterfind("{*}cellXfs/{*}xf"):
        font, number = int(style.get("fontId") or 0), int(style.get("numFmtId") or 0)
        found.append((codes.get(number, ""), font < len(bold) and bold[font]))
    return tuple(found)


def _value(switch: "Element | None") -> bool:
    return switch is not None and switch.get("val") not in ("0", "false")


def _column(place: str) -> int:
    """AB12 stands in column 27, counted from 0."""
    letters = re.match(r"[A-Z]{1,3}", place)
    return (
        functools.reduce(lambda number, letter: number * 26 + ord(letter) - 64, letters[0] if letters else "A", 0) - 1
    )
