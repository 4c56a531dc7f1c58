"""Bringing the index up to date with the documents folder: what changed is replaced, what vanished is removed."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.documents import LARGEST_BYTES, document_id, find_files, read_documents, too_large, unknown_files
from rag.documents.language import language_warning
from rag.documents.passages import embedded_text
from rag.errors import ReadError
from rag.index.batch import DocumentBatch, has_other_converters, recipe
from rag.index.lexical import LexicalIndex
from rag.index.lock import ingest_turn
from rag.index.rows import IndexedFile
from rag.index.store import Store
from rag.index.subset import Scope
from rag.index.writer import IndexWriter
from rag.models.embeddings import Embedder
from rag.models.minilm import MiniLM
from rag.settings import Settings

# So many notices of one kind are spelled out.
MOST_NOTICES = 3
OTHER_CONVERTERS = (
    "The documents are read again, for this version reads some formats in another way. "
    "To see which citations of a saved answer still hold, type: pincite verify RECEIPT"
)
# In the data folder: which documents folder the index was made from.
FOLDER = "documents_folder.txt"

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many files are done and how many there are."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What an ingest did, in documents; `skipped` names each file or row that could not be read, with the reason.

    `unreadable` are the files that gave no document at all, `unknown` those of a kind that is not read. `chunks` is how
    many the whole index has now, `embedded` how many texts went through the model, `left_out` what the texts in it do
    not hold, by document. `notices` say what the user should know about the index itself.
    """

    added: int
    changed: int
    removed: int
    unchanged: int
    chunks: int
    embedded: int
    skipped: tuple[str, ...]
    seconds: float
    notices: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def ingest(
    settings: Settings,
    store: Store,
    embedder: Embeddings,
    paths: Sequence[Path] = (),
    *,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> Summary:
    """Make the index match the documents folder, or only that part of it that `paths` name.

    One ingest at a time: a second one calls `waiting` once and waits. Raises DocumentsError or StoreError; a
    document that cannot be read is named in the summary and the rest is indexed.
    """
    began = time.monotonic()
    scope = Scope.of(settings.documents, paths)
    with ingest_turn(settings.data, waiting):
        files = scope.files(store.files())
        writer = IndexWriter(store)
        known, records = store.catalogue(), store.files()
        reading = _Reading(settings, records, {document: entry.file for document, entry in known.items()})

        def tell(what: str) -> None:
            if progress:
                progress(what, reading.number, len(files))

        batch = DocumentBatch(
            writer, embedder, settings.chunk_tokens, known, lambda chunks: tell(f"{reading.name} ({chunks:,} chunks)")
        )
        for path in files:
            tell(document_id(path, settings.documents))
            reading.read(path, batch)
        gone = [d for d, entry in known.items() if d not in reading.kept and scope.covers(entry.file)]
        forgotten = [name for name in records if name not in reading.names and scope.covers(name)]
        batch.finish(gone, forgotten)
        if writer.leftovers and isinstance(embedder, Embedder):
            embedder.token_vectors.forget_all_but(map(embedded_text, store.every_chunk()))
        writer.finish()
        LexicalIndex(store).update()
        if not _made_from(settings):
            (settings.data / FOLDER).write_text(_folder(settings), "utf-8")
        tell("")
        catalogue = store.catalogue()
        unknown = [document_id(path, settings.documents) for path in unknown_files(settings.documents)]
        return Summary(
            added=batch.added,
            changed=batch.changed,
            removed=len(gone),
            unchanged=batch.unchanged,
            chunks=sum(entry.chunks for entry in catalogue.values()),
            embedded=batch.embedded,
            skipped=tuple(reading.skipped),
            seconds=time.monotonic() - began,
            notices=(*writer.notices, *reading.notices(embedder)),
            unreadable=tuple(reading.unreadable),
            unknown=tuple(name for name in unknown if scope.covers(name)),
            left_out={name: dict(entry.left_out) for name, entry in sorted(catalogue.items()) if entry.left_out},
        )


def stale_files(settings: Settings, store: Store) -> int:
    """How many files an ingest would read again, add or remove. A file as old and as long as before is not read."""
    records = dict(store.files())
    indexed = Counter(entry.file for entry in store.catalogue().values())
    stale = 0
    for path in find_files(settings.documents):
        name = document_id(path, settings.documents)
        if _nameable(name):
            stale += _stale(path, records.pop(name, None), indexed.pop(name, 0), settings)
    return stale + len(records.keys() | indexed.keys())


def holds_other_files(settings: Settings, store: Store) -> bool:
    """Whether the index was made from another folder: it knows files, and none of them by the name of one in this.

    A folder that it was made from may have changed altogether.
    """
    if _made_from(settings):
        return False
    known = store.files()
    return bool(known) and known.keys().isdisjoint(
        document_id(path, settings.documents) for path in find_files(settings.documents)
    )


def _made_from(settings: Settings) -> bool:
    """Whether the last ingest read this documents folder."""
    record = settings.data / FOLDER
    return record.is_file() and record.read_text("utf-8", errors="replace") == _folder(settings)


def _folder(settings: Settings) -> str:
    return f"{settings.documents.resolve()}\n".encode("utf-8", "replace").decode()


class _Reading:
    """Reads one file after the other; knows what of the index stays and what could not be read."""

    def __init__(self, settings: Settings, records: Mapping[str, IndexedFile], file_of: Mapping[str, str]) -> None:
        self.number, self.name = 0, ""
        self.kept, self.names, self.skipped, self.unreadable = set[str](), set[str](), list[str](), list[str]()
        self._foreign, self._notes = list[str](), list[str]()
        self._has_other_converters = False
        self._settings, self._records = settings, records
        self._recipe = recipe(settings.chunk_tokens)
        self._documents: dict[str, list[str]] = {}
        for document, file in file_of.items():
            self._documents.setdefault(file, []).append(document)

    def read(self, path: Path, batch: DocumentBatch) -> None:
        """Put the documents of one file into the batch, unless the file is as it was indexed."""
        self.name = name = document_id(path, self._settings.documents)
        self.number += 1
        if not _nameable(name):
            self.skipped.append(f"{name!a} has a name that is not UTF-8. Rename it.")
            self.unreadable.append(f"{name!a}")
            return
        self.names.add(name)
        before, indexed, again = self._records.get(name), self._documents.get(name, []), False
        size, mtime_ns = _size_and_time(path)
        try:
            data = path.read_bytes() if size <= LARGEST_BYTES else None
        except OSError as error:
            kept = " What was indexed of it before is kept." if indexed else ""
            now = IndexedFile(
                name, "", size, mtime_ns, self._recipe, (f"{name} cannot be read ({error.strerror or error}).{kept}",)
            )
            self.kept.update(indexed)
        else:
            now = IndexedFile(name, _digest(data, size, mtime_ns), size, mtime_ns, self._recipe)
            same = before and (before.sha256, before.recipe) == (now.sha256, now.recipe)
            self._has_other_converters |= before is not None and has_other_converters(before.recipe)
            if before and same and not before.lacks(len(indexed)):
                self.kept.update(indexed)
                batch.unchanged += len(indexed)
                now = replace(now, skipped=before.skipped, documents=before.documents)
            else:
                already, again = len(self.kept), True
                skipped = tuple(self._read_documents(data, batch))
                now = replace(now, skipped=skipped, documents=len(self.kept) - already)
        self.skipped += now.skipped
        if now.skipped and not now.documents:
            self.unreadable.append(name)
        if now != before or again:  # a commit takes out the row of a file that has changed documents
            batch.note(now, losing=not self.kept.issuperset(indexed))

    def _read_documents(self, data: bytes | None, batch: DocumentBatch) -> list[str]:
        """Put the documents in `data` into the batch; returns what could not be read, in words."""
        problems = []
        if data is None:
            return [str(too_large(self.name))]
        for document in read_documents(data, self.name):
            if isinstance(document, ReadError):
                problems.append(str(document))
            elif document.id in self.kept:
                problems.append(f"{document.id} is left out: another document has this name.")
            else:
                self.kept.add(document.id)
                batch.put(document, self.name)
                self._notes += document.notes
                if warning := language_warning(document.text):
                    self._foreign.append(f"{document.id}: {warning}")
        return problems

    def notices(self, embedder: Embeddings) -> list[str]:
        """What to know about how documents were read, and which of them the bundled model does not understand."""
        foreign = self._foreign if getattr(embedder, "fingerprint", None) == MiniLM.fingerprint else []
        return [
            *([OTHER_CONVERTERS] if self._has_other_converters else []),
            *_some(self._notes),
            *_some(foreign),
        ]


def _some(notices: Sequence[str]) -> list[str]:
    more = len(notices) - MOST_NOTICES
    return [*notices[:MOST_NOTICES], *([f"The same is true of {more} more documents."] if more > 0 else [])]


def _stale(path: Path, record: IndexedFile | None, indexed: int, settings: Settings) -> bool:
    if record is None or record.recipe != recipe(settings.chunk_tokens) or record.lacks(indexed):
        return True
    if record.sha256 and _size_and_time(path) == (record.size, record.mtime_ns):
        return False
    size, mtime_ns = _size_and_time(path)
    try:
        digest = _digest(path.read_bytes() if size <= LARGEST_BYTES else None, size, mtime_ns)
    except OSError:
        digest = ""
    return digest != record.sha256


def _digest(data: bytes | None, size: int, mtime_ns: int) -> str:
    """The digest of a file; of one that is too large to be read, when it changed and how large it is."""
    return f"{mtime_ns}:{size}" if data is None else hashlib.sha256(data).hexdigest()


def _size_and_time(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change; -1 and 0 when that cannot be asked."""
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


def _nameable(name: str) -> bool:
    """Whether a file's name is text: on Linux it can be any bytes."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)
