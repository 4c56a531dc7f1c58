"""A corpus in one file: each line a JSON object `{"id", "title", "text"}`, each row a document `FILE#ID`."""

import dataclasses
import io
import json
from collections.abc import Iterator

from rag.documents.blocks import text_blocks
from rag.errors import ReadError
from rag.types import Block, Document


class _RowError(Exception):
    """A line that is not a document, with the reason in words."""


def read_jsonl(data: bytes, name: str) -> Iterator[Document | ReadError]:
    """One document a row, and a ReadError with the line's number for each row that is not one.

    Raises ReadError when no row is one.
    """
    seen: dict[str, int] = {}
    broken: list[ReadError] = []  # before the first good row, which says that this is a corpus at all
    for number, line in enumerate(io.BytesIO(data), start=1):
        if not line.strip():
            continue
        try:
            row_id, title, text = _row(line)
            if row_id in seen:
                raise _RowError(f"its id {row_id!r} already stands on line {seen[row_id]}")
        except _RowError as error:
            broken.append(ReadError(f"{name} line {number} is left out: {error}."))
        else:
            seen[row_id] = number
            yield _document(f"{name}#{row_id}", title, text)
        if seen:
            yield from broken
            broken = []
    if not seen:
        first = str(broken[0]).removeprefix(name).replace("is left out: ", "")
        raise ReadError(f'{name} holds no row with an "id" and a "text":{first}')


def _row(line: bytes) -> tuple[str, str, str]:
    """Id, title (may be empty) and text of one row. Raises _RowError with the reason in words."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _RowError("it is not a JSON object in UTF-8") from None
    if not isinstance(row, dict):
        raise _RowError("it is not a JSON object")
    row_id = row.get("id", row.get("_id"))
    if isinstance(row_id, bool) or not isinstance(row_id, str | int) or row_id == "":
        raise _RowError('it has no "id"')
    text, title = row.get("text"), row.get("title") or ""
    if not isinstance(text, str) or not text.strip():
        raise _RowError('it has no "text"')
    if not isinstance(title, str):
        raise _RowError('its "title" is not text')
    for value in (str(row_id), title, text):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise _RowError("it holds characters that are not text")
    return str(row_id), title.strip(), text


def _document(name: str, title: str, text: str) -> Document:
    """The canonical text is the title, an empty line and the row's text; the title is its first heading."""
    if not title:
        return Document(name, text, text_blocks(text))
    body = len(title) + 2
    blocks = [Block(0, len(title), "heading", 1)]
    for block in text_blocks(text):
        moved = dataclasses.replace(block, start=block.start + body, end=block.end + body)
        blocks.append(dataclasses.replace(moved, level=2) if block.kind == "heading" else moved)
    return Document(name, f"{title}\n\n{text}", tuple(blocks))
