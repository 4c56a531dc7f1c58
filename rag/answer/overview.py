"""What the index knows of whole documents: how each, or each of its sections, begins, and its headings and pages."""

from collections.abc import Iterable, Iterator, Sequence

from rag.index.store import Store
from rag.types import Block, Chunk, Document, Passage

MOST_PASSAGES = 30


def opening_passages(store: Store, document: str | None, documents: Iterable[str]) -> tuple[Passage, ...]:
    """The first chunk of each section of `document`, or, when that is None, of each of the first `documents`."""
    if document is None:
        chunks = [next(_with_sentences(store, each), None) for each in sorted(documents)[:MOST_PASSAGES]]
        return tuple(Passage(chunk, 0.0) for chunk in chunks if chunk)
    sections: dict[tuple[str, ...], Chunk] = {}
    for chunk in _with_sentences(store, document):
        sections.setdefault(chunk.headings, chunk)
    return tuple(Passage(chunk, 0.0) for chunk in list(sections.values())[:MOST_PASSAGES])


def indexed_document(document: str, text: str, chunks: Sequence[Chunk]) -> Document:
    """The document with the headings and pages that its chunks remember."""
    blocks: list[Block] = []
    pages: list[int] = []
    labels: list[str] = []
    known: tuple[str, ...] = ()
    for chunk in chunks:
        for level, heading in enumerate(chunk.headings, 1):
            start = chunk.text.find(heading)
            if chunk.headings[:level] != known[:level] and start >= 0:
                blocks.append(Block(chunk.start + start, chunk.start + start + len(heading), "heading", level))
        known = chunk.headings
        if chunk.page is not None:
            starts = [*([chunk.start] if len(pages) < chunk.page else []), *chunk.page_starts]
            labels += chunk.page_labels[-len(starts) :] if starts else ()
            pages += starts
    return Document(document, text, tuple(blocks), tuple(pages), tuple(labels))


def _with_sentences(store: Store, document: str) -> Iterator[Chunk]:
    return (chunk for chunk in store.chunks_of(document) if chunk.sentences)
