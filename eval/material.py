"""What questions are made from: the sentences of a folder's documents, and the words that occur in it at all."""

import calendar
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.documents import document_id, find_files, read_documents
from rag.documents.chunks import chunk_document
from rag.documents.passages import flat
from rag.errors import DocumentsError
from rag.types import Chunk, Document

# Capitalised words inside a sentence, with the small words between them.
_WORD = r"[A-Z][\w’-]*"
_NAME = re.compile(rf"(?<=[a-z,;:’')] )(?:the )?({_WORD}(?:(?: (?:of|for|on|and|to))?(?: the)? {_WORD})*)")
MONTHS = tuple(calendar.month_name[1:])
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])|(?<![\w.,-])\d+(?:\.\d+)?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Line:
    """A quotable sentence: where it stands, its exact words, and the same on one line. `unit` as in `Sentence`."""

    document: str
    title: str
    heading: str
    start: int
    quote: str
    kind: str
    unit: int

    @property
    def text(self) -> str:
        """The words on one line."""
        return flat(self.quote)

    @property
    def names(self) -> list[str]:
        """What looks like a name in it, in order."""
        found = (one[1].removesuffix("’s") for one in _NAME.finditer(self.text))
        return [name for name in found if len(name) > 2 and not name.startswith(MONTHS)]

    @property
    def numbers(self) -> list[str]:
        """The numbers in it, as written; days of a month are none."""
        found = _NUMBER.finditer(self.text)
        return [one[0] for one in found if not self.text[: one.start()].rstrip().endswith(MONTHS)]


class Material:
    """The sentences of all documents, in order. Those that do not stand exactly once in theirs are left out."""

    def __init__(self, documents: Sequence[Document], chunk_tokens: int) -> None:
        self.titles = {document.id: document.title for document in documents}
        self.chunks: list[Chunk] = []
        self.lines: list[Line] = []
        text = " ".join(document.text for document in documents)
        self._small = set(re.findall(r"\b[a-z]\w+", text))
        self._words = set(re.findall(r"\w+", text.lower()))
        for document in documents:
            chunks = chunk_document(document, chunk_tokens)
            self.chunks += chunks
            self.lines += [line for line in _lines(chunks) if document.text.count(line.quote) == 1]

    @functools.cached_property
    def by_name(self) -> dict[str, list[Line]]:
        """Each name with the sentences that it stands in. A word that is also written small is none."""
        names = dict.fromkeys(name for line in self.lines for name in line.names if name.lower() not in self._small)
        return {name: [line for line in self.lines if _holds(line.text, name)] for name in names}

    def knows(self, text: str) -> bool:
        """Whether any word of the text, of four letters or more, occurs in the documents."""
        return any(word in self._words for word in re.findall(r"\w{4,}", text.lower()))


def read_material(folder: Path, chunk_tokens: int) -> Material:
    """The material in a folder of documents. Raises DocumentsError when there is none."""
    documents = [
        found
        for path in find_files(folder)
        for found in read_documents(path.read_bytes(), document_id(path, folder))
        if isinstance(found, Document)
    ]
    if not documents:
        raise DocumentsError(f"No document in {str(folder)!r} can be read. Name another folder.")
    return Material(documents, chunk_tokens)


def _lines(chunks: Sequence[Chunk]) -> Iterator[Line]:
    for chunk in chunks:
        heading = flat(chunk.headings[-1]) if chunk.headings else flat(chunk.title)
        for s in chunk.sentences:
            quote = chunk.quote(s.start, s.end)
            yield Line(chunk.document, flat(chunk.title), heading, s.start, quote, s.kind, s.unit)


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
