"""The questions of a batch: rows of a `.jsonl` or `.csv` file, read and checked as a whole before any is asked."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import PinciteError, UsageError
from rag.turns import turns_of
from rag.types import Turn

Id = str | int
"""As the row has it; the number of its line when it has none."""

_Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One question to ask. `id` is echoed in its answer record."""

    id: Id
    question: str
    history: tuple[Turn, ...] = ()


def read_questions(path: Path) -> list[Row]:
    """The rows of the file, `.jsonl` or `.csv` by its ending. A line with nothing on it is no row.

    Raises UsageError or PinciteError in one line that names the file, and the line that is at fault.
    """
    read = FORMATS.get(path.suffix.lower())
    if read is None:
        raise UsageError(f"{str(path)!r} does not end in {' or '.join(FORMATS)}. Name a file of questions that does.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"The questions {str(path)!r} cannot be read ({error.strerror}). Name another file.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _BrokenLineError("it is not UTF-8 text. Save the file as UTF-8").at(path, line) from None
    rows: dict[str, Row] = {}
    lines: dict[str, int] = {}
    line = 1
    try:
        for line, fields in read(text):
            row = _row(line, fields)
            if (key := str(row.id)) in rows:
                raise _BrokenLineError(f"it has the id {row.id!r} of line {lines[key]}. Give every row its own id")
            rows[key], lines[key] = row, line
    except _BrokenLineError as broken:
        raise broken.at(path, broken.line or line) from None
    if not rows:
        raise PinciteError(f"{path} holds no question. Write one a line.")
    return list(rows.values())


class _BrokenLineError(Exception):
    """What is wrong with a line, and what to do."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line

    def at(self, path: Path, line: int) -> PinciteError:
        return PinciteError(f"{path} line {line}: {self}. Nothing was asked.")


def _jsonl(text: str) -> Iterator[tuple[int, _Fields]]:
    """Each line that is not empty, with its number from 1. Only a line feed ends a line."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _BrokenLineError(f"it is not JSON ({error})", number) from None
        if not isinstance(fields, dict):
            raise _BrokenLineError('it is no object. Write {"question": "…"}', number)
        yield number, fields


def _separator(text: str) -> str:
    """What parts the cells: where the header names a column question when it is parted so; else the comma."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    for mark in ",;\t|":
        if "question" in (cell.strip(' "').lower() for cell in header.split(mark)):
            return mark
    return ","


def _csv(text: str) -> Iterator[tuple[int, _Fields]]:
    """Each row below the header, with the number of the line that it begins on."""
    mark = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=mark)
    header: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _BrokenLineError(f"it is not CSV ({error})", line) from None
        if cells is None:
            return
        if len(cells) < 2 and not "".join(cells).strip() and cells != [""]:
            continue  # nothing on the line; a row of "" has an empty question
        if not header:
            if not any(cell.strip() for cell in cells):
                continue
            header = [cell.strip().lower() for cell in cells]
            if "question" not in header:
                raise _BrokenLineError(
                    "it names no column question. Begin the file with a header such as: id,question", line
                )
            continue
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) > len(header):
            raise _BrokenLineError(
                f"it has {len(cells)} cells below {len(header)} columns. Quote cells that hold {mark!r}", line
            )
        fields: dict[str, object] = dict(zip(header, cells, strict=False))
        if history := str(fields.pop("history", "")).strip():
            try:
                fields["history"] = json.loads(history)
            except (ValueError, RecursionError) as error:
                raise _BrokenLineError(f"its history is not JSON ({error})", line) from None
        yield line, fields


FORMATS: dict[str, Callable[[str], Iterator[tuple[int, _Fields]]]] = {".jsonl": _jsonl, ".csv": _csv}


def _row(line: int, fields: _Fields) -> Row:
    question, history = fields.get("question"), fields.get("history")
    if not isinstance(question, str):
        raise _BrokenLineError("it has no question")
    try:
        turns = turns_of(history) if history is not None else ()
    except ValueError as error:
        raise _BrokenLineError(f"its history is no list of {{role, content}}: {error}") from None
    row = Row(_id(fields.get("id"), line), question, turns)
    if any("\ud800" <= character <= "\udfff" for character in f"{row.id}{row.question}"):
        raise _BrokenLineError("it holds half a character (a lone surrogate), which no file can")
    return row


def _id(value: object, line: int) -> Id:
    if value is None or value == "":
        return line
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _BrokenLineError("its id is neither text nor a whole number")
    return value
