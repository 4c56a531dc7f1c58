"""Documents on their way into the index: cut into chunks, embedded a slice at a time, committed some at a time."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.documents import CONVERTERS
from rag.documents.chunks import chunk_document
from rag.documents.passages import embedded_text
from rag.index.rows import Entry, IndexedFile, Stored
from rag.index.writer import IndexWriter
from rag.models.embeddings import Embedder
from rag.models.minilm import Vectors
from rag.models.token_vectors import content_key
from rag.types import Chunk, Document

# Raise this when documents are cut or read into sentences in another way, or another text of a chunk is embedded:
# every document is written again, and what is still the same text is not embedded again.
CUT = 4
# So many chunks are in memory with all their vectors at once, about half a megabyte each.
SLICE_CHUNKS = 128
# At least so many chunks, but for the last, become visible in one commit.
COMMIT_CHUNKS = 256
# Vectors at hand for texts that stand in many documents, 1.5 kB each.
RECENT_VECTORS = 10_000


def recipe(chunk_tokens: int) -> str:
    """What decides how a file becomes chunks, besides its bytes."""
    return f"{CONVERTERS}/{CUT}/{chunk_tokens}"


def has_other_converters(recipe: str) -> bool:
    """Whether the files of this recipe were read by converters that have changed since."""
    return recipe.split("/", maxsplit=1)[0] != str(CONVERTERS)


class DocumentBatch:
    """Takes documents and files in, and counts what became of them."""

    def __init__(
        self,
        writer: IndexWriter,
        embedder: Embeddings,
        chunk_tokens: int,
        known: Mapping[str, Entry],
        written: Callable[[int], None] | None = None,
    ) -> None:
        self.added = self.changed = self.unchanged = self.embedded = 0
        self._writer, self._embedder, self._chunk_tokens, self._known = writer, embedder, chunk_tokens, known
        self._written = written
        self._chunks: list[tuple[str, Chunk]] = []
        self._entries: list[Entry] = []
        self._files: list[IndexedFile] = []
        self._losing: list[IndexedFile] = []
        self._recent: dict[str, Vectors] = {}
        self._total = 0

    def put(self, document: Document, file: str) -> None:
        """Take a document in, unless it is indexed just like this."""
        sha256 = document.sha256
        # A heading may become a sentence while the text stays.
        about = document.page_labels, document.left_out, document.author, document.modified
        structure = repr((document.blocks, document.pages, *about))
        version = _digest(document.id, sha256, structure, recipe(self._chunk_tokens))[:20]
        before = self._known.get(document.id)
        if before and before.version == version:
            self.unchanged += 1
            return
        self.changed += before is not None
        self.added += before is None
        chunks = chunk_document(document, self._chunk_tokens)
        for chunk in chunks:
            self._chunks.append((version, chunk))
            if len(self._chunks) >= SLICE_CHUNKS:
                self._write()
        self._entries.append(
            Entry(
                document.id,
                version,
                sha256,
                document.title,
                chunks=len(chunks),
                characters=len(document.text),
                file=file,
                left_out=document.left_out,
                pages=len(document.pages),
                author=document.author,
                modified=document.modified,
            )
        )
        if sum(entry.chunks for entry in self._entries) >= COMMIT_CHUNKS:
            self._commit()

    def note(self, file: IndexedFile, losing: bool) -> None:
        """Remember a file whose documents were all taken in; one that is losing some, only when these are `gone`."""
        (self._losing if losing else self._files).append(file)

    def finish(self, gone: Sequence[str], forgotten: Sequence[str]) -> None:
        """Make the rest of what was taken in visible, and take out documents and files."""
        self._files += self._losing
        self._commit(gone, forgotten)

    def _commit(self, gone: Sequence[str] = (), forgotten: Sequence[str] = ()) -> None:
        """Make what was taken in visible, in place of documents that are `gone` and files that are `forgotten`."""
        if self._entries or self._files or gone or forgotten:
            self._write()
            self._forget(self._writer.commit(self._entries, self._files, gone, forgotten))
            self._entries, self._files = [], []

    def _write(self) -> None:
        """Embed the chunks at hand and write them. A text that is in the index is not embedded again."""
        if not self._chunks:
            return
        self._writer.begin()
        contents = [content_key(embedded_text(chunk)) for _, chunk in self._chunks]
        texts = {content: embedded_text(chunk) for content, (_, chunk) in zip(contents, self._chunks, strict=True)}
        vectors = self._vectors(texts)
        self._writer.add(
            [
                Stored(chunk, version, content, vectors[content])
                for content, (version, chunk) in zip(contents, self._chunks, strict=True)
            ]
        )
        self._total += len(self._chunks)
        self._chunks = []
        if self._written:
            self._written(self._total)

    def _vectors(self, texts: Mapping[str, str]) -> dict[str, Vectors]:
        """The vector of each text, by the text's hash: as just made, from the index, or from the model."""
        vectors = {content: self._recent[content] for content in texts if content in self._recent}
        vectors |= self._writer.vectors_of([content for content in texts if content not in vectors])
        missing = {content: text for content, text in texts.items() if content not in vectors}
        made = self._embedder.embed_documents(list(missing.values())) if missing else []
        vectors |= {content: np.asarray(vector, np.float32) for content, vector in zip(missing, made, strict=True)}
        self.embedded += len(missing)
        if len(self._recent) > RECENT_VECTORS:
            self._recent.clear()
        self._recent |= vectors
        return vectors

    def _forget(self, chunks: Sequence[Chunk]) -> None:
        """Drop the token vectors of texts that went out of the index."""
        if chunks and isinstance(self._embedder, Embedder):
            self._embedder.token_vectors.forget(embedded_text(chunk) for chunk in chunks)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()
