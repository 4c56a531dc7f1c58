"""What is kept of a chunk, a document and a file, and how it is written as rows that Chroma can hold.

Chroma indexes every metadata key of every row, so a row has only the keys that are asked for; the rest is one
string of JSON.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from chromadb.api.types import GetResult, Where

from rag.errors import StoreError
from rag.models.minilm import Vectors
from rag.models.token_vectors import content_key
from rag.types import Chunk, Sentence

# In the catalogue, a file's row is told from a document's by its id: no document's id begins with a slash.
FILE_PREFIX = "/file/"
DIGEST_CHARACTERS = 24
DAMAGED = (
    "The index is damaged: what is kept of a passage is not what was written. Delete the folder chroma in the data "
    "folder and type: pincite ingest"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A live document in the catalogue. `file` is the file of the documents folder that it came from.

    `pages` is 0 for a format without pages; `author` and `modified` are what the file says of itself, if anything.
    `version` names this document with this text and these blocks, cut in this way: a chunk is live when it carries it.
    """

    document: str
    version: str
    sha256: str
    title: str
    chunks: int
    characters: int
    file: str
    left_out: tuple[tuple[str, int], ...] = ()
    pages: int = 0
    author: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of the documents folder as it was when it was read: its bytes' digest, size and time of change.

    `recipe` is how its documents were cut. `skipped` says in words what of it could not be read. A file that
    could not be opened at all has an empty `sha256`. `documents` is how many it gave.
    """

    name: str
    sha256: str
    size: int
    mtime_ns: int
    recipe: str
    skipped: tuple[str, ...] = ()
    documents: int = 0

    def lacks(self, indexed: int) -> bool:
        """Whether the index has lost some of its documents, when it has `indexed` of them."""
        return bool(self.sha256) and indexed != self.documents


@dataclass(frozen=True, slots=True)
class Stored:
    """A chunk ready to be written: `content` is the hash of the text that its vector stands for."""

    chunk: Chunk
    version: str
    content: str
    vector: Vectors

    @property
    def id(self) -> str:
        """The chunk's id in Chroma: where it stands in which version of which document, and its text's hash."""
        return f"{self.version}:{self.chunk.start}:{self.content}"


def version_in(chunk_id: str) -> str:
    """The document version in a chunk's id."""
    return chunk_id.split(":", 1)[0]


def content_in(chunk_id: str) -> str:
    """The hash of the embedded text in a chunk's id."""
    return chunk_id.rsplit(":", 1)[1]


def chunk_row(stored: Stored) -> dict[str, Any]:
    """The metadata of a chunk; its text is kept as Chroma's document."""
    chunk = stored.chunk
    rest = {
        "sha256": chunk.sha256,
        "title": chunk.title,
        "start": chunk.start,
        "end": chunk.end,
        "headings": chunk.headings,
        "sentences": [[s.start, s.end, s.kind, s.unit] for s in chunk.sentences],
        "page": chunk.page,
        "page_starts": chunk.page_starts,
        "page_labels": chunk.page_labels,
    }
    key = f"{chunk.document}\n{stored.id}\n{chunk.text}"
    return {"document": chunk.document, "version": stored.version, "content": stored.content, "row": _row(key, rest)}


def chunk_of(key: str, text: str, metadata: Mapping[str, Any]) -> Chunk:
    """The chunk with this id that `chunk_row` described. Raises StoreError unless it is just that."""
    rest = _rest(f"{metadata.get('document')}\n{key}\n{text}", metadata)
    return Chunk(
        document=metadata["document"],
        sha256=rest["sha256"],
        title=rest["title"],
        start=rest["start"],
        end=rest["end"],
        text=text,
        headings=tuple(rest["headings"]),
        sentences=tuple(Sentence(*fields) for fields in rest["sentences"]),
        page=rest["page"],
        page_starts=tuple(rest["page_starts"]),
        page_labels=tuple(rest["page_labels"]),
    )


def catalogue_row(record: Entry | IndexedFile) -> tuple[str, dict[str, Any]]:
    """Id and metadata of a catalogue row."""
    key = record.document if isinstance(record, Entry) else FILE_PREFIX + record.name
    return key, {"row": _row(key, dataclasses.asdict(record))}


def catalogue_record(key: str, metadata: Mapping[str, Any]) -> Entry | IndexedFile:
    """What `catalogue_row` described. Raises StoreError unless it is just that."""
    fields = _rest(key, metadata)
    if key.startswith(FILE_PREFIX):
        return IndexedFile(**{**fields, "skipped": tuple(fields["skipped"])})
    return Entry(**{**fields, "left_out": tuple((what, count) for what, count in fields["left_out"])})


def one_of(key: str, values: Sequence[str]) -> Where:
    """The condition that a row's `key` has one of these values."""
    return cast(Where, {key: {"$in": list(values)}})


def chunks_in(rows: GetResult) -> list[Chunk]:
    """The chunks that Chroma gave, in its order."""
    texts = rows["documents"] or ()
    return [chunk_of(*row) for row in zip(rows["ids"], texts, metadatas(rows), strict=True)]


def metadatas(rows: GetResult) -> Sequence[Mapping[str, Any]]:
    """The metadata of the rows that Chroma gave, in its order."""
    return cast(Sequence[Mapping[str, Any]], rows["metadatas"] or ())


def _row(key: str, fields: Mapping[str, Any]) -> str:
    """The fields as JSON behind a digest of them and of what else is kept of the row: nothing else notices damage."""
    row = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return content_key(f"{key}\n{row}") + row


def _rest(key: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    row = str(metadata.get("row"))
    digest, rest = row[:DIGEST_CHARACTERS], row[DIGEST_CHARACTERS:]
    if content_key(f"{key}\n{rest}") != digest:
        raise StoreError(DAMAGED)
    fields: dict[str, Any] = json.loads(rest)
    return fields
