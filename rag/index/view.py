"""The index at one moment: what several questions about it are asked of, so that their answers belong together."""

from collections.abc import Mapping, Sequence
from typing import Any

from rag.index.connection import Connection
from rag.index.rows import chunk_of, metadatas, one_of, version_in
from rag.index.snapshot import Snapshot
from rag.models.minilm import Vectors
from rag.types import Chunk

# Asked for on top of what is wanted, since some of the nearest may be about to be deleted.
SPARE = 8
# A search among more documents than that is a search among all: SQLite takes no more than 32,766 values.
MOST_FILTERED = 10_000

# A chunk as Chroma keeps it: its id, its text and its metadata.
Row = tuple[str, str, Mapping[str, Any]]


class View:
    """A connection and the catalogue that belongs to it."""

    def __init__(self, connection: Connection, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._connection = connection
        self._checked = False

    @property
    def connection(self) -> Connection:
        """Chroma, to read from: so that the next `stands` looks again."""
        self._checked = False
        return self._connection

    def stands(self) -> bool:
        """Whether what was read until now is of one moment: the index is still as the snapshot says."""
        if not self._checked:
            state = self._connection.state()
            self._checked = state is not None and state.generation == self.snapshot.generation
        return self._checked

    def nearest(self, vector: Vectors, count: int, documents: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """Ids of the `count` live chunks nearest to a vector of length 1, with their cosine similarity, best first.

        `documents` limits the search to chunks of these.
        """
        entries = self.snapshot.entries
        allowed = self.snapshot.versions
        if documents is not None:
            allowed = frozenset(entries[document].version for document in documents if document in entries)
        if not allowed:
            return []
        where = None if documents is None or len(allowed) > MOST_FILTERED else one_of("version", list(allowed))
        wanted = count + SPARE
        while True:
            rows = self.connection.chunks.query(
                query_embeddings=vector[None, :], n_results=wanted, where=where, include=["distances"]
            )
            together = zip(rows["ids"][0], (rows["distances"] or [[]])[0], strict=True)
            found = [(key, 1 - float(distance)) for key, distance in together if version_in(key) in allowed]
            if len(found) >= count or len(rows["ids"][0]) < wanted:
                return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:count]
            wanted *= 2

    def chunks(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """The live chunks with these ids, by id."""
        return {key: chunk_of(*row) for key, row in self.rows(ids).items()}

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """What `chunk_of` takes, of the live chunks with these ids. Mostly read last, so `stands` looks afterwards."""
        live = [key for key in ids if version_in(key) in self.snapshot.versions]
        if not live:
            return {}
        rows = self.connection.chunks.get(ids=live, include=["documents", "metadatas"])
        self.stands()
        return {row[0]: row for row in zip(rows["ids"], rows["documents"] or (), metadatas(rows), strict=True)}
