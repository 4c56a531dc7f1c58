"""Following the documents folder: an ingest whenever something in it changes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import watchfiles
from langchain_core.embeddings import Embeddings

from rag.documents import find_files
from rag.errors import DocumentsError
from rag.index.ingest import Progress, Summary, ingest, stale_files
from rag.index.store import Store
from rag.settings import Settings

# A change is answered when nothing more has happened for QUIET_MS, or at the latest after LATEST_MS.
QUIET_MS, LATEST_MS = 200, 2_000
# How often it is looked whether to stop.
STOP_MS = 500


def watch(
    settings: Settings,
    store: Store,
    embedder: Embeddings,
    *,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Summary]:
    """A Summary for every ingest that a change called for, until `stop` is set or the process is interrupted.

    What changed before is made up for first. A folder that was emptied is a summary whose notice says so. Raises
    DocumentsError when the folder cannot be used in the beginning, or is no longer there.
    """
    find_files(settings.documents)
    first = True
    try:
        for changes in _changes(settings.documents, stop):
            if not settings.documents.is_dir():
                raise DocumentsError(f"The documents folder {str(settings.documents)!r} is no longer there.")
            if changes or first:
                yield from _made_up_for(settings, store, embedder, progress, waiting)
            first = False
    except KeyboardInterrupt:
        return


def _made_up_for(
    settings: Settings,
    store: Store,
    embedder: Embeddings,
    progress: Progress | None,
    waiting: Callable[[], None] | None,
) -> Iterator[Summary]:
    try:
        if stale_files(settings, store):
            yield ingest(settings, store, embedder, progress=progress, waiting=waiting)
    except DocumentsError as error:
        yield Summary(0, 0, 0, 0, 0, 0, (), 0.0, (str(error),))


def _changes(folder: Path, stop: threading.Event | None) -> Iterator[bool]:
    """Whether something changed in the last STOP_MS or since the one before, hidden files left out."""

    def shown(_: watchfiles.Change, path: str) -> bool:
        return not any(part.startswith(".") for part in Path(path).relative_to(folder.absolute()).parts)

    batches = watchfiles.watch(
        folder.absolute(),
        watch_filter=shown,
        debounce=LATEST_MS,
        step=QUIET_MS,
        rust_timeout=STOP_MS,
        yield_on_timeout=True,
        stop_event=stop,
    )
    return (bool(batch) for batch in batches)
