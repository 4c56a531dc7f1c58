"""The one file that knows the lexical index: BM25 over the words of every chunk, by tantivy, beside Chroma.

It is derived from the store and can be deleted at any time. A note beside it says which document versions it holds,
of which generation of the store; whoever finds the store elsewhere brings it up to date, one process at a time.
"""

import json
import logging
import math
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import tantivy
from filelock import FileLock

from rag.documents.passages import embedded_text
from rag.errors import StoreError
from rag.index.connection import is_panic
from rag.index.rows import version_in
from rag.index.seal import Seal, differing, seal_of, sealed
from rag.index.snapshot import Snapshot
from rag.index.store import Store

# Raise this when other words are indexed or they are cut in another way.
FORMAT = 2
LOCK_WAIT_S = 600
WRITER_BYTES = 32 * 1024 * 1024
# tantivy's BM25 uses k1 = 1.2, so a word adds at most its rarity times this.
MOST_PER_WORD = 2.2
# Words of a question beyond these add time and nothing else.
MOST_WORDS = 64
# In an index of more chunks than LARGE, words are passed over that more than this share of all chunks have.
LARGE, COMMON = 10_000, 0.2

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Note:
    """What the index holds: the store's generation and the versions of its documents; and how its files were then."""

    generation: int
    versions: frozenset[str]
    files: Seal


class LexicalIndex:
    """The lexical side of one store. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.folder / f"lexical-{FORMAT}-{store.fingerprint}"
        self._note_file = self._folder.with_suffix(".json")
        self._lock = threading.Lock()
        self._index: tantivy.Index | None = None
        self._generation = -1
        words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.remove_long(60))
        words = words.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold())
        self._words = words.filter(tantivy.Filter.stemmer("english")).build()

    def search(
        self, question: str, count: int, documents: Sequence[str] | None = None, snapshot: Snapshot | None = None
    ) -> list[tuple[str, float]]:
        """Ids of at most `count` chunks that share words with the question, best first, scored from 0 to 1.

        A score is BM25's share of the most that the question's words could give: nearly 1 when a passage repeats
        all of them, near 0 when it has only the common ones. `documents` limits the search to chunks of these;
        `snapshot` is the store's catalogue, when it is at hand.
        """
        now = snapshot or self._store.snapshot()

        def ask(index: tantivy.Index) -> list[tuple[str, float]]:
            words = list(dict.fromkeys(self._words.analyze(question)))[:MOST_WORDS]
            searcher = index.searcher()
            if not words or not searcher.num_docs:
                return []
            total = searcher.num_docs
            holding = {word: searcher.doc_freq("text", word) for word in words}
            most = MOST_PER_WORD * sum(_rarity(held, total) for held in holding.values())
            if total > LARGE:  # what stands everywhere tells little and takes most of the time
                words = [word for word in words if holding[word] <= COMMON * total] or words
            versions = None
            if documents is not None:
                versions = [now.entries[document].version for document in documents if document in now.entries]
            hits = searcher.search(_query(index.schema, words, versions), count, count=False).hits
            found = [(str(searcher.doc(place)["id"][0]), min(1.0, score / most)) for score, place in hits]
            return [(key, score) for key, score in found if version_in(key) in now.versions]

        return sorted(self._read(ask, now), key=lambda hit: (-hit[1], hit[0]))

    def update(self) -> None:
        """Bring the index up to date with the store. A search does so too, but then the question waits for it."""
        self._read(lambda index: None, self._store.snapshot())

    def _read(self, ask: Callable[[tantivy.Index], _T], snapshot: Snapshot) -> _T:
        """What `ask` gives. An index that cannot be read is built again, once."""
        try:
            return ask(self._fresh(snapshot))
        except BaseException as error:
            if not _is_damage(error):
                raise
            with self._lock:
                self._note_file.unlink(missing_ok=True)
                self._index, self._generation = None, -1
                self._say_damaged()
        try:
            return ask(self._fresh(snapshot))
        except BaseException as error:
            if not _is_damage(error):
                raise
            words = " ".join(str(error).split())[:200]
            raise StoreError(f"The word index {self._folder} cannot be used ({words}). Delete that folder.") from error

    def _fresh(self, snapshot: Snapshot) -> tantivy.Index:
        """The index, brought up to date with the store unless it is as new as the snapshot."""
        with self._lock:
            if self._index is None or self._generation != snapshot.generation:
                self._folder.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(self._folder.with_suffix(".lock"), timeout=LOCK_WAIT_S):
                    now, note = self._store.snapshot(), self._note()
                    if note is None or (note.generation, note.versions) != (now.generation, now.versions):
                        self._write(note, now)
                    self._index = self._index or self._opened()
                    self._index.reload()
                self._generation = now.generation
            return self._index

    def _write(self, note: _Note | None, snapshot: Snapshot) -> None:
        """Take out the versions that are gone and put in those that are new."""
        if note is None:
            self._note_file.unlink(missing_ok=True)  # tantivy's stamps begin anew, and one could come to fit it
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            self._index = None
        self._index = self._index or self._opened()
        held = note.versions if note else frozenset()
        if held != snapshot.versions or note is None:
            writer = self._index.writer(WRITER_BYTES, 1)
            for version in held - snapshot.versions:
                writer.delete_documents_by_term("version", version)
            for key, chunk in self._store.chunks_of_versions(sorted(snapshot.versions - held)):
                if chunk.sentences:
                    writer.add_document(tantivy.Document(id=key, version=version_in(key), text=embedded_text(chunk)))
            writer.commit()
            writer.wait_merging_threads()
        self._put_note(
            _Note(snapshot.generation, snapshot.versions, sealed(self._files(), note.files if note else None))
        )

    def _opened(self) -> tantivy.Index:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("version", tokenizer_name="raw", index_option="basic")
        builder.add_text_field("text", tokenizer_name="words", index_option="freq")
        index = tantivy.Index(builder.build(), path=str(self._folder))
        index.register_tokenizer("words", self._words)
        index.config_reader("manual", 1)
        return index

    def _note(self) -> _Note | None:
        """What the index holds; None when there is none, or when its files are not as the note says."""
        try:
            plain = json.loads(self._note_file.read_bytes())
            note = _Note(plain["generation"], frozenset(plain["versions"]), seal_of(plain["files"]))
            if not differing(note.files, self._files()):
                return note
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._say_damaged()
        return None

    def _put_note(self, note: _Note) -> None:
        plain = {"generation": note.generation, "versions": sorted(note.versions), "files": note.files}
        part = self._note_file.with_suffix(".part")
        part.write_text(json.dumps(plain), encoding="utf-8")
        part.replace(self._note_file)

    def _files(self) -> dict[str, Path]:
        return {path.name: path for path in sorted(self._folder.iterdir()) if path.suffix != ".lock"}

    def _say_damaged(self) -> None:
        logging.getLogger(__name__).warning(
            "pincite: The word index %s was damaged, so it is built again.", self._folder
        )


def _is_damage(error: BaseException) -> bool:
    """Whether tantivy could not read its files: it says so, or breaks off in the middle."""
    return isinstance(error, (ValueError, OSError)) or is_panic(error)


def _query(schema: tantivy.Schema, words: Sequence[str], versions: Sequence[str] | None) -> tantivy.Query:
    """Any of the words; with `versions`, only in chunks of these, which adds nothing to a score."""
    query = tantivy.Query.boolean_query(
        [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", word)) for word in words]
    )
    if versions is None:
        return query
    allowed = tantivy.Query.const_score_query(tantivy.Query.term_set_query(schema, "version", list(versions)), 0.0)
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, allowed)])


def _rarity(documents: int, total: int) -> float:
    """BM25's inverse document frequency of a word; `documents` may count some that were deleted since."""
    return math.log(1 + (max(total, documents) - documents + 0.5) / (documents + 0.5))
