"""Tables as people read them: drawn on a terminal, plain lines everywhere else, so that they can be searched."""

import sys
from collections.abc import Iterator

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text


def print_table(shown: RenderableType) -> None:
    """Print a table, or a group of tables and texts: drawn on a terminal, else with a row in each line."""
    if sys.stdout.isatty():
        Console().print(shown)
        return
    for line in _lines(shown):
        click.echo(line)


def _lines(shown: object) -> Iterator[str]:
    if isinstance(shown, Group):
        for one in shown.renderables:
            yield from _lines(one)
    elif isinstance(shown, Table):
        yield from _texts(shown.title)
        yield from _rows(shown)
        yield from _texts(shown.caption)
    else:
        yield from _texts(shown)


def _texts(text: object) -> Iterator[str]:
    """The lines of a title, of a caption or of a text."""
    if text:
        yield from (text.plain if isinstance(text, Text) else str(text)).splitlines()


def _rows(table: Table) -> Iterator[str]:
    """The header and each row, in columns that are as wide as what stands in them, two spaces apart."""
    columns = [[_cell(column.header), *map(_cell, column.cells)] for column in table.columns]
    widths = [max(map(len, column)) for column in columns]
    right = [column.justify == "right" for column in table.columns]
    for row in zip(*columns, strict=True):
        cells = zip(row, widths, right, strict=True)
        yield "  ".join(f"{cell:>{width}}" if r else f"{cell:{width}}" for cell, width, r in cells).rstrip()


def _cell(shown: RenderableType) -> str:
    return shown.plain if isinstance(shown, Text) else str(shown)
