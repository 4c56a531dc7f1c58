"""A table's cells as lines that name their columns: "Vessel: yacht; Fee: 27 euros".

Which rows are the head is what the markup says, else what the cells look like: their kinds, their merging and their
form. Their words are never asked.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LABEL_CHARACTERS = 60
# HTML's own bound on a cell's columns, and one on what spans may blow a table up to.
MAX_COLUMNS = 1_000
MAX_CELLS = 1_000_000
# This share of a column must be of one kind, in this many rows, for the text above it to be its name.
UNIFORM = 0.7
FEWEST_ROWS, FEWEST_BARE_ROWS = 2, 3
DATE = re.compile(r"\d{4}-\d\d?-\d\d?\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$")
NUMBER = re.compile(r"[-−+(]?(?P<sign>[$€£¥]?)\s?\d[\d.,'\u00a0\u202f/]*\)?\s*(?P<unit>\D*)")


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A cell; `heads` says that it is marked or set as a name. A merged cell stands in every place that it covers."""

    text: str
    heads: bool = False


Grid = Sequence[Sequence[Cell]]
EMPTY = Cell("")


def cell_of(text: str, heads: bool = False) -> Cell:
    """A cell with its text on one line."""
    return Cell(" ".join(text.split()), heads)


def spread(rows: Iterable[Iterable[tuple[Cell, int, int]]]) -> list[list[Cell]]:
    """Rows of cells, each with how many columns and rows it covers, as a grid in which it stands in all of them."""
    grid: list[list[Cell]] = []
    reaching: dict[int, tuple[Cell, int]] = {}
    room = MAX_CELLS
    for row in rows:
        line = {column: above for column, (above, _) in reaching.items()}
        reaching = {column: (above, rows - 1) for column, (above, rows) in reaching.items() if rows > 1}
        column = 0
        for one, columns, deep in row:
            while column in line:
                column += 1
            for place in range(column, column + max(1, min(columns, MAX_COLUMNS, room))):
                line[place] = one
                if deep > 1:
                    reaching[place] = (one, deep - 1)
            column = place + 1
        room = max(1, room - len(line))
        grid.append([line.get(place, EMPTY) for place in range(max(line, default=-1) + 1)])
    return grid


def labelled(rows: Grid, head: int | None = None) -> list[str]:
    """The rows as text. `head` is how many of them name the columns, as the markup says; None where it does not."""
    columns = [c for c in range(max(map(len, rows), default=0)) if any(c < len(row) and row[c].text for row in rows)]
    grid = [[row[c] if c < len(row) else EMPTY for c in columns] for row in rows]
    if head is not None:
        filled = [any(cell.text for cell in row) for row in grid]
        return _lines([row for row, full in zip(grid, filled, strict=True) if full], sum(filled[:head]))
    return [line for table, known in _parts(grid) for line in _lines(table, known)]


def _parts(grid: list[list[Cell]]) -> Iterator[tuple[list[list[Cell]], int | None]]:
    """The tables of a sheet: empty rows part them where what follows has a head of its own."""
    table: list[list[Cell]] = []
    for is_filled, rows in itertools.groupby(grid, key=lambda row: any(cell.text for cell in row)):
        if not is_filled:
            continue
        part = list(rows)
        if table and _has_typed_head(_below_preamble(part)[1], FEWEST_ROWS):
            yield table, None
            table = []
        table += part
    if table:
        yield table, None


def _lines(grid: list[list[Cell]], head: int | None) -> list[str]:
    above: list[list[Cell]] = []
    if head is None:
        above, grid = _below_preamble(grid)
        head = _head_rows(grid)
        grid = [*map(_filled_right, grid[: head - 1]), *grid[max(0, head - 1) :]] if head else grid
    names, body = grid[:head], grid[head:]
    if not body:  # a head alone says what it says
        names, body = [], grid
    above += [row for row in names if _is_one_cell(row)]
    names = [row for row in names if not _is_one_cell(row)]
    labels = [_label(row[column] for row in names) for column in range(len(grid[0]))] if names else []
    lines = [_pairs(row) for row in above]
    if labels:
        return lines + [_named(labels, row) for row in body]
    return lines + [_pairs(row, alternating=_is_form(body)) for row in body]


def _below_preamble(grid: list[list[Cell]]) -> tuple[list[list[Cell]], list[list[Cell]]]:
    """The report lines above a table, and the table: it begins where the columns are filled."""
    counts = [len({id(cell) for cell in row if cell.text}) for row in grid]
    widest = max(counts, default=0)
    for index, count in enumerate(counts):
        if count > max(1, widest // 2):
            top = index - 1
            if index and counts[top] > 1 and _is_grouping(grid[top], grid[index]):
                return grid[:top], grid[top:]
            return grid[:index], grid[index:]
    return [], grid


def _head_rows(grid: list[list[Cell]]) -> int:
    """How many rows of a table name its columns: as they are set, as they are merged, as their kinds say."""
    if len(grid) < 2:
        return 0
    top = [cell for cell in grid[0] if cell.text]
    below = [cell for row in grid[1:] for cell in row[1:] if cell.text]
    if top and below and all(cell.heads for cell in top) and not all(cell.heads for cell in below):
        rows = itertools.takewhile(lambda row: all(cell.heads for cell in row if cell.text), grid)
        return min(len(list(rows)), len(grid) - 1)
    if len(grid) > 2 and _is_grouping(grid[0], grid[1]):
        return 2
    if _has_typed_head(grid):
        return 1
    return int(len(grid[0]) > 2 and _is_named(grid[0]) and not _is_form(grid))


def _is_grouping(above: Sequence[Cell], below: Sequence[Cell]) -> bool:
    """Whether the upper of two rows names groups of the columns that the lower one names.

    A cell merged over several columns, or one with empty ones beside it, stands above names of which some come twice.
    """
    names = [cell.text for cell in below[1:]]
    if not all(names) or any(_kind(name) != "text" for name in names):
        return False
    pairs = zip(itertools.pairwise(above), itertools.pairwise(below), strict=True)
    if any(a is b and a.text and c is not d for (a, b), (c, d) in pairs):
        return True
    return len(set(names)) < len(names) and any(a.text and not b.text for a, b in itertools.pairwise(above[1:]))


def _has_typed_head(grid: list[list[Cell]], fewest_bare: int = FEWEST_BARE_ROWS) -> bool:
    """Whether text stands above columns of numbers or dates of one kind, or years in a row above numbers.

    `fewest_bare` is how many numbers without a unit it takes in a table of two columns, which may be a form.
    """
    if len(grid) < 2 or len(grid[0]) < 2:
        return False
    if _is_series([cell.text for cell in grid[0][1:]]) and not _is_series([cell.text for cell in grid[1][1:]]):
        return True
    if not _is_named(grid[0]):
        return False
    for column, top in enumerate(grid[0]):
        kinds = [_kind(row[column].text) for row in grid[1:] if row[column].text]
        if not kinds or (top.text and _kind(top.text) != "text"):
            continue
        kind, count = Counter(kinds).most_common(1)[0]
        fewest = fewest_bare if len(grid[0]) == 2 and column and kind == "number" else FEWEST_ROWS
        if kind != "text" and count >= UNIFORM * len(kinds) and count >= fewest:
            return True
    return False


def _is_named(row: Sequence[Cell]) -> bool:
    """Whether a row could name columns: short names, none twice, none a number; the corner may be empty."""
    texts = [cell.text for cell in row if cell.text or cell is not row[0]]
    named = all(text and len(text) <= LABEL_CHARACTERS and _kind(text) == "text" for text in texts)
    return named and len(row) > 1 and len(set(texts)) == len(texts)


def _is_form(grid: list[list[Cell]]) -> bool:
    """Whether every other column names what stands beside it, as in a form of two or four columns."""
    width = len(grid[0]) if grid else 0
    if width % 2 or not width:
        return False
    pairs = [(row[c], row[c + 1]) for row in grid for c in range(0, width, 2) if row[c].text or row[c + 1].text]
    names = [name.text for name, _ in pairs]
    if not all(name and len(name) <= LABEL_CHARACTERS and _kind(name) == "text" for name in names):
        return False
    if width == 2 or all(name.endswith(":") for name in names):
        return True
    if all(name.heads and not value.heads for name, value in pairs):
        return True
    columns = [{_kind(row[c].text) for row in grid if row[c].text} for c in range(1, width, 2)]
    return len(set(names)) == len(names) and any(len(kinds) > 1 for kinds in columns)


def _filled_right(row: list[Cell]) -> list[Cell]:
    """The upper row of a head, the names of groups in each of their columns."""
    filled = row[:2]
    for one in row[2:]:
        filled.append(one if one.text else filled[-1])
    return filled


def _is_series(texts: Sequence[str]) -> bool:
    """2021, 2022, 2023."""
    if len(texts) < 2 or not all(re.fullmatch(r"\d{1,4}", text) for text in texts):
        return False
    return all(int(b) - int(a) == 1 for a, b in itertools.pairwise(texts))


def _kind(text: str) -> str:
    """ "text", "date", "number", or a number with its unit, so that 16 bar and 23 kg are not of one kind."""
    if DATE.match(text):
        return "date"
    number = NUMBER.fullmatch(text)
    return "number" + (number["sign"] or number["unit"].strip()) if number else "text"


def _is_one_cell(row: Sequence[Cell]) -> bool:
    return len(row) > 1 and all(cell is row[0] for cell in row)


def _label(cells: Iterable[Cell]) -> str:
    """The name of a column: those of its head, from the top down, each once."""
    return " ".join(dict.fromkeys(cell.text.rstrip(":") for cell in cells if cell.text))


def _named(labels: Sequence[str], row: Sequence[Cell]) -> str:
    """A row with its labels; a remark that stands alone needs none."""
    if _is_one_cell(row) or (len(row) > 2 and row[0].text and not any(cell.text for cell in row[1:])):
        return row[0].text
    return "; ".join(
        f"{label}: {cell.text}" if label else cell.text for label, cell in zip(labels, row, strict=True) if cell.text
    )


def _pairs(row: Sequence[Cell], alternating: bool = False) -> str:
    """A row without column names: what is a name goes before a colon."""
    cells = [cell for cell, _ in itertools.groupby(row)]
    if alternating:
        pairs = [(row[c].text, row[c + 1].text) for c in range(0, len(row), 2)]
        return "; ".join(": ".join(filter(None, (name.rstrip(": "), value))) for name, value in pairs if name or value)
    texts = [cell.text for cell in cells if cell.text]
    first = len(texts) == 2 or (cells[0].heads and bool(cells[0].text))
    return texts[0].rstrip(":") + ": " + "; ".join(texts[1:]) if first and len(texts) > 1 else "; ".join(texts)
