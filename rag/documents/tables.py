"""Tables: CSV and TSV with the standard library, workbooks with calamine. Each row is a line that names its columns."""

import csv
import datetime
import functools
import io
import re
import zipfile
from collections.abc import Iterator

from rag.documents.draft import Draft
from rag.documents.packages import open_package
from rag.documents.plain import decoded
from rag.errors import ReadError
from rag.types import Document

# Above this many cells a sheet is data rather than a document, and a stray cell far out would fill the memory.
LARGEST_CELLS = 5_000_000
SNIFFED_CHARACTERS = 20_000


def read_csv(data: bytes, name: str) -> Iterator[Document]:
    """A file of separated values; the separator is found out."""
    text = decoded(data, name).removeprefix("\ufeff")
    try:
        dialect: type[csv.Dialect] | str = csv.Sniffer().sniff(text[:SNIFFED_CHARACTERS], ",;\t|")
    except csv.Error:
        dialect = "excel-tab" if name.lower().endswith(".tsv") else "excel"
    csv.field_size_limit(len(text) + 1)
    draft = Draft()
    try:
        draft.table(list(csv.reader(io.StringIO(text, newline=""), dialect)))
    except csv.Error as error:
        raise ReadError(f"{name} is not a table of separated values: {error}.") from None
    yield draft.document(name)


def read_workbook(data: bytes, name: str) -> Iterator[Document]:
    """A workbook, each sheet under its name as heading. Cells hold values, not the way they are formatted."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

    with open_package(data, name) as package:
        if _most_cells(package) > LARGEST_CELLS:
            raise ReadError(f"{name} has a sheet with too many cells. Save the part to read as CSV.")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        draft = Draft()
        for sheet_name in names:
            rows = [[_cell(value) for value in row] for row in workbook.get_sheet_by_name(sheet_name).to_python()]
            if any(map(any, rows)):
                draft.add(sheet_name, "heading", 1)
                draft.table(rows)
    except PasswordError:
        raise ReadError(f"{name} is protected by a password. Save a copy without one.") from None
    except CalamineError as error:
        raise ReadError(f"{name} is damaged or not a workbook: {error}.") from None
    yield draft.document(name)


def _most_cells(package: zipfile.ZipFile) -> int:
    """How many cells the largest sheet spans, empty ones included, for calamine makes room for all of them."""
    most = 0
    for part in package.namelist():
        if part.startswith("xl/worksheets/") and part.endswith(".xml"):
            content = package.read(part)
            columns = {match[1] for match in re.finditer(rb'<c [^>]*?r="([A-Z]{1,3})\d', content)}
            last_row = max((int(match[1]) for match in re.finditer(rb'<row [^>]*?r="(\d{1,7})"', content)), default=1)
            last_column = max(map(_column_number, columns), default=1)
            most = max(most, last_row * last_column)
    return most


def _column_number(letters: bytes) -> int:
    """AB is column 28."""
    return functools.reduce(lambda number, letter: number * 26 + letter - 64, letters, 0)


def _cell(value: object) -> str:
    """A cell as text; whole numbers without a fraction, midnight without a time."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
