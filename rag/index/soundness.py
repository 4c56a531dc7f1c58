"""Whether the index has all that its catalogue says and nothing else, which nobody who searches it would notice."""

import contextlib
import sqlite3
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from rag.index.lock import CHROMA_FOLDER
from rag.index.rows import version_in
from rag.index.store import Store
from rag.index.view import View


def incomplete(store: Store) -> list[str]:
    """The documents of which the index has lost chunks, by id. Reads the ids of all chunks, and nothing else."""

    def look(view: View) -> list[str]:
        stored = Counter(version_in(key) for key in view.connection.chunks.get(include=[])["ids"])
        return sorted(e.document for e in view.snapshot.entries.values() if stored[e.version] != e.chunks)

    return store.view(look)


def unused_bytes(data: Path) -> int:
    """How much of an embedded index nobody reads: Chroma (1.5.9) leaves the vectors of a collection that is dropped.

    They are only counted. A process that has had the index open for long may still know that collection.
    """
    chroma = data.absolute() / CHROMA_FOLDER
    file = f"file:{quote(str(chroma / 'chroma.sqlite3'))}?mode=ro"
    try:
        folders = [path for path in chroma.iterdir() if path.is_dir()]  # before it is asked which of them are used
        with contextlib.closing(sqlite3.connect(file, uri=True)) as rows:
            used = {name for (name,) in rows.execute("SELECT id FROM segments")}
        return sum(path.stat().st_size for folder in folders if folder.name not in used for path in folder.iterdir())
    except (sqlite3.Error, OSError):  # another Chroma may keep its books otherwise, another process be moving them
        return 0
