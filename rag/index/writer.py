"""Writing to the index: chunks first, then one commit that makes their documents live and takes old ones out."""

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from rag.index.connection import Connection, State
from rag.index.rows import (
    FILE_PREFIX,
    Entry,
    IndexedFile,
    Stored,
    catalogue_row,
    chunk_row,
    chunks_in,
    metadatas,
    one_of,
)
from rag.index.snapshot import Snapshot
from rag.index.store import FORMAT, MOST_VALUES, Store
from rag.models.minilm import Vectors
from rag.types import Chunk

OLD_FORMAT = "The index was in an older format, so it is built again."

_T = TypeVar("_T")


class IndexWriter:
    """What one ingest does to the index: recover, then begin, add and commit as often as need be, then finish.

    Only one process at a time may do that; whoever makes one holds the ingest's turn. `notices` is what the user
    should know about the index; `leftovers` says that others may have kept texts of which the index knows nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun = False
        self.leftovers = False
        self.notices: list[str] = self._recover()

    def vectors_of(self, contents: Sequence[str]) -> dict[str, Vectors]:
        """Vectors that are already in the index for texts with these hashes, so that they need not be made again."""
        found: dict[str, Vectors] = {}
        with self._store.reading() as (connection, _):
            for some in _batches(contents, MOST_VALUES):
                rows = connection.chunks.get(where=one_of("content", some), include=["embeddings", "metadatas"])
                vectors = np.asarray(rows["embeddings"], np.float32)
                found |= {row["content"]: vector for row, vector in zip(metadatas(rows), vectors, strict=True)}
        return found

    def begin(self) -> None:
        """Say that the index is about to be written, until `finish`."""
        if not self._begun:
            with self._store.reading() as (connection, snapshot):
                connection.set_state(State(snapshot.generation, writing=True))
            self._begun = True

    def add(self, chunks: Sequence[Stored]) -> None:
        """Write chunks. They cannot be found before `commit` makes their documents live."""
        self.begin()
        with self._store.reading() as (connection, _), connection.writing():
            for some in _batches(chunks, connection.most):
                connection.chunks.upsert(
                    ids=[stored.id for stored in some],
                    embeddings=np.stack([stored.vector for stored in some]),
                    documents=[stored.chunk.text for stored in some],
                    metadatas=[chunk_row(stored) for stored in some],
                )

    def commit(
        self,
        entries: Sequence[Entry] = (),
        files: Sequence[IndexedFile] = (),
        gone: Sequence[str] = (),
        forgotten: Sequence[str] = (),
    ) -> list[Chunk]:
        """Make documents live in place of what stood under their ids and note files; take documents and files out.

        Returns the chunks whose text is no longer in the index.

        A file's row says that the live documents of that file are just what its bytes give: the next ingest does not
        read a file again whose row has its digest. So the row goes out before the first of them changes, and comes
        in after the last one did.
        """
        self.begin()
        with self._store.reading() as (connection, known), connection.writing():
            leaving = [document for document in gone if document in known.entries]
            changing = {entry.file for entry in entries} | {known.entries[document].file for document in leaving}
            changing.update(forgotten)
            _take_out(connection, [FILE_PREFIX + name for name in sorted(changing) if name in known.files])
            _put_in(connection, entries)
            _take_out(connection, leaving)
            _put_in(connection, files)
            now = _changed(known, entries, files, set(leaving), changing)
            with self._store.moving_to(now):
                connection.set_state(State(now.generation, writing=True))
            touched = [known.entries[d] for d in (*leaving, *(e.document for e in entries)) if d in known.entries]
            return _delete(connection, [old.version for old in touched if now.entries.get(old.document) != old])

    def finish(self) -> None:
        """Say that the index is whole, so that the next ingest need not look for what this one left behind."""
        if self._begun:
            with self._store.reading() as (connection, snapshot):
                connection.set_state(State(snapshot.generation))
            self._begun = False

    def _recover(self) -> list[str]:
        """Bring the index into order; returns what the user should know about it."""
        with self._store.reading() as (connection, _):
            state = connection.state()
            if state is None or state.writing or connection.torn():
                self._store.reopen()
        with self._store.reading() as (connection, snapshot):
            notices, connection.notices = list(dict.fromkeys(connection.notices)), []
            for name in connection.names():
                if (old := re.fullmatch(r"pincite-(\d+)-.*", name)) and int(old[1]) < FORMAT:
                    self.begin()  # so that whoever comes after a kill looks for what that index left behind
                    connection.drop(name)
                    notices += [OLD_FORMAT] if OLD_FORMAT not in notices else []
            state = connection.state()
            if state and state.writing:
                self._sweep(connection, snapshot)
                self._begun = self.leftovers = True
        return notices

    def _sweep(self, connection: Connection, snapshot: Snapshot) -> None:
        """Delete the chunks that no live document owns, and show other processes what was committed last."""
        live = {entry.version for entry in snapshot.entries.values()}
        ids = connection.chunks.get(include=[])["ids"]
        with connection.writing():
            for some in _batches([key for key in ids if key.split(":")[0] not in live], connection.most):
                connection.chunks.delete(ids=list(some))
        now = Snapshot(snapshot.generation + 1, snapshot.entries, snapshot.files)
        with self._store.moving_to(now):
            connection.set_state(State(now.generation, writing=True))


def _put_in(connection: Connection, records: Sequence[Entry | IndexedFile]) -> None:
    for some in _batches([catalogue_row(record) for record in records], connection.most):
        connection.catalogue.upsert(
            ids=[key for key, _ in some],
            embeddings=np.ones((len(some), 1), np.float32),
            metadatas=[row for _, row in some],
        )


def _take_out(connection: Connection, keys: Sequence[str]) -> None:
    for some in _batches(keys, connection.most):
        connection.catalogue.delete(ids=list(some))


def _changed(
    known: Snapshot, entries: Sequence[Entry], files: Sequence[IndexedFile], gone: set[str], forgotten: set[str]
) -> Snapshot:
    """The snapshot after a commit."""
    kept_entries = (e for e in known.entries.values() if e.document not in gone)
    kept_files = (f for f in known.files.values() if f.name not in forgotten)
    return Snapshot.of(known.generation + 1, (*kept_entries, *kept_files, *entries, *files))


def _delete(connection: Connection, versions: Sequence[str]) -> list[Chunk]:
    """Delete the chunks of these versions; returns those whose text no other chunk has."""
    deleted: dict[str, Chunk] = {}
    for some in _batches(versions, MOST_VALUES):
        rows = connection.chunks.get(where=one_of("version", some), include=["documents", "metadatas"])
        deleted |= {row["content"]: chunk for row, chunk in zip(metadatas(rows), chunks_in(rows), strict=True)}
        for ids in _batches(rows["ids"], connection.most):
            connection.chunks.delete(ids=list(ids))
    for contents in _batches(list(deleted), MOST_VALUES):
        rows = connection.chunks.get(where=one_of("content", contents), include=["metadatas"])
        for row in metadatas(rows):
            deleted.pop(row["content"], None)
    return list(deleted.values())


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for left in range(0, len(items), size):
        yield items[left : left + size]
