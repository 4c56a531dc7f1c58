"""`pincite ingest`: what was done, in one line or as JSON."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click

from rag.chat import Chat
from rag.documents import find_files
from rag.index.ingest import Summary, ingest
from rag.settings import Settings
from ui.cli.output import as_json_text, note
from ui.cli.progress import Progress
from ui.opening import check_readable, say_skipped


def run(settings: Settings, paths: Sequence[Path], as_json: bool, watch: bool) -> None:
    """Ingest, print the summary, and with `watch` go on for as long as the folder changes."""
    find_files(settings.documents)  # before anything is written to the data folder
    chat = Chat(settings)
    with Progress() as progress:
        summary = ingest(settings, chat.store, chat.embedder, paths, progress=progress, waiting=_waiting)
    _print(summary, as_json)
    check_readable(settings, chat)
    if watch:
        from rag.index.watch import watch as follow

        note(f"Following {settings.documents}. Stop with Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):  # which is how it is meant to end
            for summary in follow(settings, chat.store, chat.embedder):
                _print(summary, as_json)


def _waiting() -> None:
    note("Another ingest is under way; waiting for it to end.")


def _print(summary: Summary, as_json: bool) -> None:
    if as_json:
        click.echo(as_json_text(dataclasses.asdict(summary)))
        return
    for notice in summary.notices:
        note(f"Note: {notice}")
    say_skipped(summary.skipped)
    click.echo(sentence(summary))


def sentence(summary: Summary) -> str:
    """What an ingest did, in one line."""
    counts = {
        "added": summary.added,
        "changed": summary.changed,
        "removed": summary.removed,
        "unchanged": summary.unchanged,
        "not readable": len(summary.skipped),
    }
    done = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "none"
    return (
        f"Documents: {done}. Index: {summary.chunks:,} chunks, {summary.embedded:,} embedded now, "
        f"in {summary.seconds:.1f} s."
    )
