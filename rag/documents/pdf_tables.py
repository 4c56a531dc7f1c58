"""The rows of a PDF's tables, from the places of their words and the rules drawn around them."""

import bisect
import collections
import functools
import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rag.documents.pdf_text import Box, Segment

Cell: TypeAlias = list[Segment]
Row: TypeAlias = list[Cell]
Gutter: TypeAlias = tuple[float, float]  # from, to

# Rules, edges and columns closer than this, in points, are the same.
SAME = 3.0
# A gutter between columns is this wide, as a share of the type's height, in all but a few of the lines; in few lines,
# where the spaces of justified text may stand above each other, wider.
GUTTER, WIDE_GUTTER, FEW_LINES = 0.4, 1.0, 3
# Columns of so many lines with so many characters each are running text.
PROSE_LINES, PROSE_CHARACTERS = 4, 25
# A shorter line is a stroke of something drawn.
SHORTEST_RULE = 8.0
# At least this share of the places in a grid of rules are cells of their own, and of the cells this share is filled.
LEAST_CELLS, LEAST_FILLED = 0.5, 0.25
# A cell that holds more is a part of the page with a frame around it.
LONGEST_CELL = 1_500
MOST_RULES = 4_000
# Lines closer than this share of the usual distance are one row, whose cells are wrapped.
CLOSE = 0.8


@dataclass(frozen=True, slots=True)
class Rules:
    """Straight lines of a page: `across` are (y, left, right), `down` are (x, top, bottom)."""

    across: tuple[tuple[float, float, float], ...] = ()
    down: tuple[tuple[float, float, float], ...] = ()

    @staticmethod
    def of(lines: Sequence[tuple[float, float, float, float]]) -> "Rules":
        """The rules that lines from (x, y) to (x, y) make up; pieces of one are put together."""
        if len(lines) > MOST_RULES:
            return Rules()
        across = [(y1, min(x1, x2), max(x1, x2)) for x1, y1, x2, y2 in lines if abs(y1 - y2) < 1]
        down = [(x1, min(y1, y2), max(y1, y2)) for x1, y1, x2, y2 in lines if abs(x1 - x2) < 1]
        return Rules(*(tuple(r for r in _merged(some) if r[2] - r[1] > SHORTEST_RULE) for some in (across, down)))

    def grids(self) -> list[Box]:
        """The boxes of rules that meet each other and part at least two rows and two columns; fewer are shades."""
        groups = list(range(len(self.across) + len(self.down)))

        def root(i: int) -> int:
            while groups[i] != i:
                groups[i] = i = groups[groups[i]]
            return i

        for i, (y, left, right) in enumerate(self.across):
            for j, (x, top, bottom) in enumerate(self.down, len(self.across)):
                if left - SAME <= x <= right + SAME and top - SAME <= y <= bottom + SAME:
                    groups[root(i)] = root(j)
        found: dict[int, list[Box]] = collections.defaultdict(list)
        for i, (y, left, right) in enumerate(self.across):
            found[root(i)].append(Box(left, y, right, y))
        for j, (x, top, bottom) in enumerate(self.down, len(self.across)):
            found[root(j)].append(Box(x, top, x, bottom))
        boxes = []
        for parts in found.values():
            rows = len(_edges(part.top for part in parts if part.top == part.bottom)) - 1
            columns = len(_edges(part.left for part in parts if part.left == part.right)) - 1
            if rows > 1 and columns > 1:
                boxes.append(functools.reduce(Box.joined, parts))
        return boxes

    def within(self, box: Box) -> "Rules":
        """Those that run through a box, or along its edges."""
        return Rules(
            tuple(
                r
                for r in self.across
                if box.top - SAME <= r[0] <= box.bottom + SAME and r[1] < box.right and r[2] > box.left
            ),
            tuple(
                r
                for r in self.down
                if box.left - SAME <= r[0] <= box.right + SAME and r[1] < box.bottom and r[2] > box.top
            ),
        )


def _merged(rules: Iterable[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    found: list[tuple[float, float, float]] = []
    place = -SAME
    for at, left, right in sorted(rules):
        if at - place >= SAME / 2:
            place = at
        found.append((place, left, right))
    merged: list[tuple[float, float, float]] = []
    for at, left, right in sorted(found):
        if merged and merged[-1][0] == at and left <= merged[-1][2] + SAME:
            merged[-1] = (at, merged[-1][1], max(right, merged[-1][2]))
        else:
            merged.append((at, left, right))
    return merged


def _edges(places: Iterable[float]) -> list[float]:
    """Different places in order."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > SAME:
            found.append(place)
    return found


def ruled_rows(segments: Sequence[Segment], box: Box, rules: Rules) -> list[Row] | None:
    """The rows of a table whose cells are parted by rules; None when what is in the box is no table."""
    rules = rules.within(box)
    xs = _edges([box.left, box.right, *(x for x, *_ in rules.down)])
    ys = _edges([box.top, box.bottom, *(y for y, *_ in rules.across)])
    cells: dict[tuple[int, int], Cell] = collections.defaultdict(list)
    for segment in segments:
        row = min(max(bisect.bisect(ys, segment.box.middle[1]) - 1, 0), len(ys) - 2)
        column = min(max(bisect.bisect(xs, segment.box.middle[0]) - 1, 0), len(xs) - 2)
        cells[row, column].append(segment)
    if any(sum(len(segment.text) for segment in cell) > LONGEST_CELL for cell in cells.values()):
        return None
    rows: list[Row] = []
    done: set[tuple[int, int]] = set()
    count = filled = 0
    table = [[cells.get((r, c), []) for c in range(len(xs) - 1)] for r in range(len(ys) - 1)]
    for r, c in itertools.product(range(len(ys) - 1), range(len(xs) - 1)):
        if (r, c) not in done:
            height, width = _span(r, c, xs, ys, rules)
            places = [(i, j) for i in range(r, r + height) for j in range(c, c + width)]
            whole = [segment for place in places for segment in cells.get(place, ())]
            done.update(places)
            count, filled = count + 1, filled + bool(whole)
            for i, j in places:
                table[i][j] = whole if i == r or width == 1 else []
    if count < LEAST_CELLS * len(table) * len(table[0]) or filled < LEAST_FILLED * count:
        return None
    for line in table:
        rows += _sub_rows(line)
    rows = [row for row in rows if any(row)]
    return rows if len(rows) > 1 or sum(map(bool, rows[0] if rows else ())) > 1 else None


def _span(r: int, c: int, xs: Sequence[float], ys: Sequence[float], rules: Rules) -> tuple[int, int]:
    """How many rows and columns the cell at the top left of it takes: up to the next rule."""
    y, x = (ys[r] + ys[r + 1]) / 2, (xs[c] + xs[c + 1]) / 2
    width = 1
    while c + width < len(xs) - 1 and not any(
        abs(at - xs[c + width]) <= SAME and top <= y <= bottom for at, top, bottom in rules.down
    ):
        width += 1
    height = 1
    while r + height < len(ys) - 1 and not any(
        abs(at - ys[r + height]) <= SAME and left <= x <= right for at, left, right in rules.across
    ):
        height += 1
    return height, width


def _sub_rows(row: Row) -> list[Row]:
    """A row between rules, or the rows that no rule parts: most of its lines then fill several of its cells."""
    filled = len({id(cell) for cell in row if cell})
    lines = visual_lines([segment for cell in {id(cell): cell for cell in row}.values() for segment in cell])
    column = {id(segment): number for number, cell in enumerate(row) for segment in cell}
    counts = [len({column[id(segment)] for segment in line}) for line in lines]
    if len(lines) < 2 or filled < 2 or sum(count * 2 > filled for count in counts) < 0.7 * len(lines):
        return [row]
    if len(lines) == 2 and filled < 3:
        return [row]
    return joined_rows([[[s for s in line if column[id(s)] == number] for number in range(len(row))] for line in lines])


def visual_lines(segments: Sequence[Segment]) -> list[list[Segment]]:
    """What stands side by side, from top to bottom, each line from left to right."""
    lines: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda s: s.box.middle[1]):
        if lines and all(segment.box.beside(other.box) > 0.5 for other in lines[-1]):
            lines[-1].append(segment)
        else:
            lines.append([segment])
    return [sorted(line, key=lambda s: s.box.left) for line in lines]


def gutters(lines: Sequence[Sequence[Segment]], wide: float = 0.0) -> list[Gutter]:
    """What parts the columns, from left to right: few of the lines stand across; if not as usual, so `wide`."""
    height = statistics.median(segment.box.height for line in lines for segment in line)
    events: list[tuple[float, int]] = []
    for line in lines:
        for segment in line:
            events += [(segment.box.left, 1), (segment.box.right, -1)]
    few = len(lines) // 6
    width = height * (wide or (WIDE_GUTTER if len(lines) <= FEW_LINES else GUTTER))
    found: list[Gutter] = []
    covered, free_from = 0, None
    for place, change in sorted(events):
        covered += change
        if covered <= few and free_from is None:
            free_from = place
        elif covered > few and free_from is not None:
            if place - free_from > width:
                found.append((free_from, place))
            free_from = None
    return found


def narrowed(gaps: Sequence[Gutter], line: Sequence[Segment]) -> list[Gutter] | None:
    """What a line that stands in several of the columns leaves of the gutters; None for one that stands across."""
    left: list[Gutter] = []
    for start, end in gaps:
        places = [start, *(x for word in line for x in word.box[::2] if start < x < end), end]
        pairs = [
            (a, b)
            for a, b in itertools.pairwise(sorted(places))
            if not any(word.box.left < (a + b) / 2 < word.box.right for word in line)
        ]
        widest = max(pairs, key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))
        if widest[1] - widest[0] < GUTTER * line[0].box.height:
            return None
        left.append(widest)
    edges = edges_of(left)
    return left if len({bisect.bisect(edges, word.box.middle[0]) for word in line}) > 1 else None


def edges_of(gaps: Sequence[Gutter]) -> list[float]:
    """Where the columns end: in the middle of the gutters."""
    return [(start + end) / 2 for start, end in gaps]


def prose_columns(lines: Sequence[Sequence[Segment]], edges: Sequence[float]) -> list[list[Segment]] | None:
    """The words of each column when they are columns of running text, not of a table; else None."""
    columns: list[list[list[Segment]]] = [[] for _ in range(len(edges) + 1)]
    for line in lines:
        for number, words in itertools.groupby(line, lambda word: bisect.bisect(edges, word.box.middle[0])):
            columns[number].append(list(words))
    if min(cell_characters(lines, edges)) < PROSE_CHARACTERS or min(map(len, columns)) < PROSE_LINES:
        return None
    return [[word for words in column for word in words] for column in columns]


def cell_characters(lines: Sequence[Sequence[Segment]], edges: Sequence[float]) -> list[float]:
    """How many characters the cells of each column have on average, where they are not empty."""
    counts: list[list[int]] = [[] for _ in range(len(edges) + 1)]
    for line in lines:
        for number, words in itertools.groupby(line, lambda word: bisect.bisect(edges, word.box.middle[0])):
            counts[number].append(sum(len(word.text) + 1 for word in words))
    return [statistics.fmean(column) if column else 0.0 for column in counts]


def open_rows(lines: Sequence[Sequence[Segment]], edges: Sequence[float], rules: Rules) -> list[Row]:
    """The rows of a table without rules around its cells: a line each, but for wrapped cells."""
    rows = []
    for line in lines:
        row: Row = [[] for _ in range(len(edges) + 1)]
        for segment in line:
            middle = (
                segment.box.left
                if any(segment.box.left < edge < segment.box.right for edge in edges)
                else segment.box.middle[0]
            )
            row[bisect.bisect(edges, middle)].append(segment)
        rows.append(row)
    rows[0] = _head_in_place(rows[0], rows[1:])
    box = functools.reduce(Box.joined, (segment.box for line in lines for segment in line))
    ys = [y for y, left, right in rules.within(box).across if right - left > 0.7 * (box.right - box.left)]
    ys = [y for y in _edges(ys) if box.top + SAME < y < box.bottom - SAME]
    if len(ys) + 1 < len(rows) / 3 or len(ys) < 2:
        return joined_rows(rows)
    bands: dict[int, list[Row]] = collections.defaultdict(list)
    for row in rows:
        bands[bisect.bisect(ys, _middle(row))].append(row)
    whole = []
    for _, band in sorted(bands.items()):
        whole += _sub_rows([[segment for row in band for segment in row[c]] for c in range(len(edges) + 1)])
    return whole


def _head_in_place(head: Row, rows: Sequence[Row]) -> Row:
    """The first row of a table; where its words stand beside their columns, one over each, or all as a line above."""
    named = [bool(cell) or sum(bool(row[column]) for row in rows) * 2 < len(rows) for column, cell in enumerate(head)]
    if all(named[1:]) or all(len(cell) < 2 for cell in head):
        return head
    words = [[word] for cell in head for word in cell]
    if len(words) in (len(head), len(head) - 1):
        return [*([[]] if len(words) < len(head) else []), *words]
    return [[word for cell in words for word in cell], *([] for _ in head[1:])]


def joined_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows, where lines that only continue the cells above them have gone into these."""
    distances = [_middle(below) - _middle(above) for above, below in itertools.pairwise(rows)]
    usual = statistics.median(distances) if distances else 0.0
    found: list[Row] = []
    for number, row in enumerate(rows):
        if found and _continues(found[-1], row, 0 < distances[number - 1] < CLOSE * usual):
            found[-1] = [[*above, *more] for above, more in zip(found[-1], row, strict=True)]
        else:
            found.append(row)
    return found


def _continues(above: Row, row: Row, close: bool) -> bool:
    """Whether a row is the rest of the one above: it fills few of the cells that this fills."""
    filled = [i for i, cell in enumerate(row) if cell]
    if not all(above[i] for i in filled) or len(filled) * 2 > sum(map(bool, above)) + close:
        return False
    return close or (len(filled) == 1 and len(row) > 2 and (filled[0] > 0 or row[0][0].text[0].islower()))


def _middle(row: Row) -> float:
    return statistics.fmean(segment.box.middle[1] for cell in row for segment in cell)
