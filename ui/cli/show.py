"""`pincite show`: the canonical text that offsets point into, exactly."""

import bisect
import sys

import click

from rag.errors import UsageError
from rag.settings import Settings
from ui.cli.ingest import counted
from ui.cli.output import as_one_line, note, visible
from ui.numbered import page_named
from ui.opening import open_index


def run(settings: Settings, document: str | None, start: int | None, end: int | None) -> None:
    """Print the text of a document, or part of it; without a document, one line for each there is."""
    if document is None and (start, end) != (None, None):
        raise UsageError("--start and --end need a document. Type: pincite show, to see which there are.")
    if start is not None and end is not None and end < start:
        raise UsageError(f"--end {end} lies before --start {start}. Exchange them.")
    chat = open_index(settings, say_stale=False)
    if document is None:
        for info in chat.documents():
            missing = f"\tnot in the text: {counted([dict(info.left_out)])}" if info.left_out else ""
            click.echo(f"{visible(info.id)}\t{info.characters}\t{as_one_line(info.title)}{missing}")
        return
    shown = chat.document(document)
    text = shown.text
    for option, place in (("--start", start), ("--end", end)):
        if place is not None and place > len(text):
            raise UsageError(f"{option} {place} lies beyond the end: {document} has {len(text)} characters.")
    if shown.left_out:
        note(f"Not in the text: {counted([dict(shown.left_out)])}.")
    if start is not None and shown.pages:
        page = max(1, bisect.bisect_right(shown.pages, start))
        note(f"This is on {page_named(page, shown.page_labels[page - 1] if shown.page_labels else None)}.")
    if sys.stdout.isatty():
        click.echo(visible(text[start:end]))
    else:  # as bytes, so that all of it stays what it is
        click.echo(text[start:end].encode("utf-8"), nl=False)
