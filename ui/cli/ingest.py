"""`pincite ingest`: what was done, in one line or as JSON."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from rag.chat import Chat
from rag.documents import find_files
from rag.index.ingest import Summary, ingest
from rag.settings import Settings
from ui.cli.output import as_json_text, note
from ui.cli.progress import Progress
from ui.opening import check_readable, say_skipped

NAMES_SHOWN = 20


def run(settings: Settings, paths: Sequence[Path], as_json: bool, watch: bool) -> int:
    """Ingest, print the summary, and with `watch` go on for as long as the folder changes.

    Returns the exit code: 1 when a file could not be read at all.
    """
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
    return int(bool(summary.unreadable))


def _waiting() -> None:
    note("Another ingest is under way; waiting for it to end.")


def _print(summary: Summary, as_json: bool) -> None:
    if as_json:
        click.echo(as_json_text(dataclasses.asdict(summary)))
        return
    for notice in summary.notices:
        note(f"Note: {notice}")
    say_skipped(summary.skipped)
    if summary.unknown:
        note(f"Not read, for files of this kind cannot be: {named(summary.unknown)}.")
    if summary.left_out:
        note(f"Not in the text: {counted(summary.left_out.values())}. Type: pincite show, to see of which documents.")
    click.echo(sentence(summary))


def named(names: Sequence[str]) -> str:
    """Names on one line, the first of them when there are many."""
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def counted(left_out: Iterable[Mapping[str, int]]) -> str:
    """What was left out, and how many of it: "page margins (12), pictures (3)"."""
    total: Counter[str] = Counter()
    for counts in left_out:
        total.update(counts)
    return ", ".join(f"{what} ({count:,})" for what, count in sorted(total.items()))


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
