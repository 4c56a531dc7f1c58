"""The nouns, as plain frozen values. Offsets count Unicode code points in a document's canonical text."""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = "pincite.answer/2"
# What saved answers may say that they are: a record of the version before has all that is read of it.
READABLE = (SCHEMA, "pincite.answer/1")

BlockKind = Literal["heading", "prose", "lead_in", "item", "row", "link", "notice"]
Verdict = Literal["supported", "partial", "unsupported", "contradicted"]
Origin = Literal["cited", "narrowed", "attributed"]
Status = Literal["answered", "abstained", "failed"]

JSON = dict[str, Any]


def sha256_of(text: str) -> str:
    """Hex digest of `text` as UTF-8: what a citation's `sha256` is."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True)
class Block:
    """One structural piece of a document: `text[start:end]` without the white space around it.

    `level` is a heading's depth from 1, and 0 for everything else.
    """

    start: int
    end: int
    kind: BlockKind
    level: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a reader gives it: canonical text, and the blocks that stand in it in order.

    `pages` holds the offset at which each page begins, for formats that have pages; `page_labels` the numbers printed
    on them, where the file says that these differ. `left_out` counts what its text does not hold, in the plural:
    `("pictures", 3)`. `author` and `modified` (ISO 8601) are what the file itself says of them; `notes` are sentences
    on how it was read.
    """

    id: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[int, ...] = ()
    page_labels: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    author: str = ""
    modified: str = ""
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of the canonical text."""
        return sha256_of(self.text)

    @property
    def title(self) -> str:
        """The first heading, or else the file's name without folder and ending."""
        for block in self.blocks:
            if block.kind == "heading":
                return self.text[block.start : block.end]
        return self.id.rsplit("/", 1)[-1].rsplit(".", 1)[0]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A quotable sentence. Sentences that share a `unit` are quoted together: a list and its lead-in."""

    start: int
    end: int
    kind: Literal["prose", "lead_in", "item"] = "prose"
    unit: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of one document: `text == document.text[start:end]`; consecutive chunks tile the document."""

    document: str
    sha256: str
    title: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    page: int | None = None
    page_starts: tuple[int, ...] = ()  # where further pages begin inside it: `page` is that of its first character
    page_labels: tuple[str, ...] = ()  # the numbers printed on these pages, where the file says that they differ

    def page_at(self, offset: int) -> int | None:
        """The page, counted from 1, on which that offset of the document stands; None where there are no pages."""
        return None if self.page is None else self.page + sum(first <= offset for first in self.page_starts)

    def page_label_at(self, offset: int) -> str | None:
        """What is printed as the number of that page, where the file says so."""
        return self.page_labels[sum(first <= offset for first in self.page_starts)] if self.page_labels else None

    def quote(self, start: int, end: int) -> str:
        """The exact characters of the document between two of its offsets, which must lie in this chunk."""
        if not self.start <= start <= end <= self.end:
            raise ValueError(f"{start}:{end} lies outside chunk {self.start}:{self.end} of {self.document}")
        return self.text[start - self.start : end - self.start]


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk retrieved for a question. `score` is comparable within one search only; higher is better."""

    chunk: Chunk
    score: float

    def record(self) -> JSON:
        """Where it stands, as the answer record says it."""
        chunk = self.chunk
        return {
            "document": chunk.document,
            "start": chunk.start,
            "end": chunk.end,
            "score": round(self.score, 4),
            "heading": list(chunk.headings),
        }


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words that carry a statement: `quote == text[start:end]` of the document with that sha256."""

    document: str
    sha256: str
    start: int
    end: int
    quote: str
    page: int | None
    heading: tuple[str, ...]
    origin: Origin
    page_label: str | None = None  # what is printed as the page's number, where the file says so


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Words of a statement that the cited words contradict or do not know (`source` None)."""

    claim: str
    source: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the answer, checked. A list item keeps its leading "- ".

    `unsupported_words`: offsets into `text` of the words that the cited words do not support, in order.
    """

    text: str
    verdict: Verdict
    score: float
    reason: str | None = None
    disagreements: tuple[Disagreement, ...] = ()
    citations: tuple[Citation, ...] = ()
    unsupported_words: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader should know about how an answer came about. `code` is stable, `message` is prose."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them; None where it does not say. `cost_usd` is None when no price is known."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the question was asked; `first_statement` is None when nothing was shown."""

    search: float = 0.0
    first_statement: float | None = None
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation so far."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about one question. `record()` is the contract that every door hands out.

    `answers_question`: the probability that what is shown answers it; None where no model said.
    """

    question: str
    search_question: str
    status: Status
    text: str
    statements: tuple[Statement, ...] = ()
    withheld: tuple[Statement, ...] = ()
    dangling: tuple[str, ...] = ()
    idle_citations: int = 0
    passages: tuple[Passage, ...] = ()
    backend: str = ""
    answered_by: str | None = None
    embedder: str = ""
    verifier: str = ""
    index: str = ""
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    notices: tuple[Notice, ...] = ()
    error: str | None = None
    id: str | None = None
    answers_question: float | None = None  # the probability that the passages answer; None where none was read
    scope: tuple[str, ...] = ()  # the globs that limited what it was asked of; () is every document

    def record(self) -> JSON:
        """The answer record `pincite.answer/2` as JSON values."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            "schema": SCHEMA,
            "id": plain.pop("id"),
            **{
                name: as_json(value)
                for name, value in plain.items()
                if name not in ("passages", "usage", "timings", "notices", "error")
            },
            "passages": [passage.record() for passage in self.passages],
            "usage": as_json(self.usage),
            "timings_ms": {k: None if v is None else round(v, 1) for k, v in dataclasses.asdict(self.timings).items()},
            "notices": as_json(self.notices),
            "error": self.error,
        }


def as_json(value: Any) -> Any:
    """A value with dataclasses as objects and tuples as arrays, as it stands in the answer record."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Searched:
    """Streamed first: what was searched for and what was found."""

    search_question: str
    passages: tuple[Passage, ...]


# What `Chat.stream` yields: one Searched (unless nothing is searched), the statements as they are checked
# (shown and withheld alike, in order), and last the Answer.
Event = Searched | Statement | Answer
