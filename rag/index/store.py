"""The index as it is read: chunks with their vectors in Chroma, and a catalogue of which document versions are live.

Two collections per embedder fingerprint. A document's new chunks are written first, its catalogue row next (the
moment it becomes visible), its old chunks deleted last; a reader drops what the catalogue does not list. So a
reader sees a document as it was or as it is, and a writer killed at any point leaves only chunks that the next one
sweeps away, and files without a row that it reads again.

An embedded Chroma answers vector queries from memory and so does not notice another process's writes, while it
reads rows from the file. A generation number says when to open it anew.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from chromadb.errors import ChromaError

from rag.errors import StoreError
from rag.index.connection import Connection
from rag.index.lock import CHROMA_FOLDER
from rag.index.rows import Entry, IndexedFile, catalogue_record, chunks_in, metadatas, one_of
from rag.index.snapshot import Snapshot
from rag.index.view import View
from rag.models.minilm import Vectors
from rag.types import Chunk, sha256_of

# Raise this when the rows change: an index of an older format is dropped and built again.
FORMAT = 4
# A read that another process's write ran into is tried again, so often.
READ_TRIES = 6
# So many values go into one condition.
MOST_VALUES = 200

_T = TypeVar("_T")


class Store:
    """The open index of one embedder. Threads may share it."""

    def __init__(self, data: Path, fingerprint: str, chroma_url: str | None = None) -> None:
        self._data, self._url, self._fingerprint = data, chroma_url, fingerprint
        self._lock = threading.RLock()
        self._connection, self._snapshot = self._opened()

    @property
    def name(self) -> str:
        """What an answer record calls this index: its collection and generation."""
        return f"{self._connection.name}@{self._snapshot.generation}"

    @property
    def folder(self) -> Path:
        """The data folder, where what is derived from this index may be kept too."""
        return self._data

    @property
    def fingerprint(self) -> str:
        """Which embedder's vectors these are."""
        return self._fingerprint

    def snapshot(self) -> Snapshot:
        """The catalogue as of now, with its generation."""
        with self.reading() as (_, snapshot):
            return snapshot

    def catalogue(self) -> Mapping[str, Entry]:
        """The live documents by id, as of now, whichever process wrote them."""
        with self.reading() as (_, snapshot):
            return snapshot.entries

    def files(self) -> Mapping[str, IndexedFile]:
        """The files that were read, by name; those that gave no document are among them."""
        with self.reading() as (_, snapshot):
            return snapshot.files

    def search(self, vector: Vectors, count: int, documents: Sequence[str] | None = None) -> list[tuple[Chunk, float]]:
        """The `count` live chunks nearest to a vector of length 1, with their cosine similarity, best first.

        `documents` limits the search to chunks of these.
        """

        def ask(view: View) -> list[tuple[Chunk, float]]:
            hits = view.nearest(vector, count, documents)
            chunks = view.chunks([key for key, _ in hits])
            return [(chunks[key], score) for key, score in hits if key in chunks]

        return sorted(self.view(ask), key=lambda found: (-found[1], found[0].document, found[0].start))

    def view(self, ask: Callable[[View], _T]) -> _T:
        """What `ask` gives, asked of the index at one moment.

        Whether that moment is over is only looked at afterwards, and then it is asked again: that another process
        changed the index, before or meanwhile, is rare.
        """
        for attempt in range(READ_TRIES):
            with self.reading(looking=attempt > 0) as (connection, snapshot):
                view = View(connection, snapshot)
                try:
                    answer = ask(view)
                except (ChromaError, StoreError):
                    if view.stands():
                        raise
                    continue
                if view.stands():
                    return answer
        with self.reading() as (connection, snapshot):
            return ask(View(connection, snapshot))

    def chunks_of_versions(self, versions: Sequence[str]) -> Iterator[tuple[str, Chunk]]:
        """The chunks of these document versions with their ids, in no particular order."""
        for left in range(0, len(versions), MOST_VALUES):
            with self.reading() as (connection, _):
                where = one_of("version", versions[left : left + MOST_VALUES])
                rows = connection.chunks.get(where=where, include=["documents", "metadatas"])
                yield from zip(rows["ids"], chunks_in(rows), strict=True)

    def chunks_of(self, document: str) -> list[Chunk]:
        """All chunks of a live document in order; they tile its text. Empty when there is no such document.

        Raises StoreError when the index has lost some.
        """
        return self.view(lambda view: self._whole(view, document))

    def text_of(self, document: str) -> str | None:
        """The whole canonical text of a live document, put together from its chunks; None when there is none.

        Raises StoreError when the chunks no longer give the text that was indexed.
        """
        chunks = self.chunks_of(document)
        text = "".join(chunk.text for chunk in chunks)
        if chunks and sha256_of(text) != chunks[0].sha256:
            raise self._damaged(document)
        return text if chunks else None

    def every_chunk(self) -> Iterator[Chunk]:
        """All live chunks, in no particular order. What is committed while they are read may or may not be there."""
        versions = [entry.version for entry in self.catalogue().values()]
        for _, chunk in self.chunks_of_versions(versions):
            yield chunk

    def count(self) -> int:
        """How many chunks are stored, live or about to be deleted."""
        return self.view(lambda view: view.connection.chunks.count())

    def close(self) -> None:
        """Close Chroma once the last reader is done."""
        self._connection.retire()

    @contextlib.contextmanager
    def reading(self, looking: bool = True) -> Iterator[tuple[Connection, Snapshot]]:
        """A connection that stays open meanwhile, and the catalogue as of now; without `looking`, as last seen."""
        with self._lock:
            connection, snapshot = self._fresh() if looking else (self._connection, self._snapshot)
            connection.take()
        try:
            with connection.errors():
                yield connection, snapshot
        finally:
            connection.give_back()

    def reopen(self) -> None:
        """Open Chroma anew; threads that are still reading finish with the old connection."""
        with self._lock:
            old = self._connection
            self._connection, self._snapshot = self._opened()
            self._connection.notices[:0] = old.notices
            old.retire()

    @contextlib.contextmanager
    def moving_to(self, snapshot: Snapshot) -> Iterator[None]:
        """While this process writes a new generation, no reader of it looks; afterwards they see `snapshot`."""
        with self._lock:
            yield
            self._snapshot = snapshot

    def _opened(self) -> tuple[Connection, Snapshot]:
        """A new connection, and the catalogue. When its rows are newer than its vectors, it is soon opened again."""
        connection = Connection(self._data, self._url, f"pincite-{FORMAT}-{self._fingerprint}")
        with connection.errors():
            rows = connection.catalogue.get(include=["metadatas"])
        records = map(catalogue_record, rows["ids"], metadatas(rows))
        return connection, Snapshot.of(connection.opened.generation, records)

    def _fresh(self) -> tuple[Connection, Snapshot]:
        """The connection and the catalogue, opened anew if another process changed them."""
        with self._connection.errors():
            changed = not View(self._connection, self._snapshot).stands()
        if changed:
            self.reopen()
        return self._connection, self._snapshot

    def _whole(self, view: View, document: str) -> list[Chunk]:
        entry = view.snapshot.entries.get(document)
        if entry is None:
            return []
        rows = view.connection.chunks.get(where={"version": entry.version}, include=["documents", "metadatas"])
        chunks = sorted(chunks_in(rows), key=lambda chunk: chunk.start)
        if len(chunks) != entry.chunks:
            raise self._damaged(document)
        return chunks

    def _damaged(self, document: str) -> StoreError:
        folder = str(self._data / CHROMA_FOLDER)
        return StoreError(f"The index of {document} is damaged. Delete {folder!r} and type: pincite ingest")
