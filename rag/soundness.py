"""Whether the index still has all that its catalogue says, which nobody who only searches it would notice."""

from collections import Counter

from rag.chroma_rows import version_in
from rag.store import Store
from rag.view import View


def incomplete(store: Store) -> list[str]:
    """The documents of which the index has lost chunks, by id. Reads the ids of all chunks, and nothing else."""

    def look(view: View) -> list[str]:
        stored = Counter(version_in(key) for key in view.connection.chunks.get(include=[])["ids"])
        return sorted(e.document for e in view.snapshot.entries.values() if stored[e.version] != e.chunks)

    return store.view(look)
