"""A chat whose answers are written down, and arrive only as fast as a test lets them."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag.chat import DocumentInfo
from rag.documents.blocks import text_blocks
from rag.errors import BackendUnavailable, DocumentsError, QuestionError
from rag.types import (
    Answer,
    Block,
    Chunk,
    Citation,
    Document,
    Event,
    Passage,
    Searched,
    Statement,
    Timings,
    Turn,
    Usage,
)
from rag.verify import Check, Verifier

WAIT_S = 180


def document(name: str, text: str, pages: tuple[int, ...] = ()) -> Document:
    blocks: tuple[Block, ...] = text_blocks(text)
    return Document(name, text, blocks, pages)


def cite(source: Document, quote: str, heading: tuple[str, ...] = ()) -> Citation:
    start = source.text.index(quote)
    return Citation(source.id, source.sha256, start, start + len(quote), quote, None, heading, "cited")


def passage(source: Document, start: int, end: int) -> Passage:
    return Passage(Chunk(source.id, source.sha256, source.title, start, end, source.text[start:end], (), ()), 0.5)


def answered(question: str, *statements: Statement, withheld: tuple[Statement, ...] = (), **more: object) -> Answer:
    """A finished answer that says `statements`."""
    fields: dict[str, object] = {
        "backend": "offline",
        "answered_by": "offline",
        "verifier": "offline-1",
        "usage": Usage(120, 34),
        "timings": Timings(10.0, 20.0, 250.0),
    }
    text = " ".join(s.text for s in statements)
    return Answer(question, question, "answered", text, statements, withheld, **(fields | more))  # type: ignore[arg-type]


class WrittenVerifier:
    """Stands for the verifier whose verdicts the written answers hold."""

    name = "offline-1"
    quality = "offline verifier: catches 80 % of planted errors"

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        raise AssertionError("verdicts are written down here")


@dataclass
class ScriptedChat:
    """Answers by question. Those to `held` questions wait before each statement until `let_through` is released.

    So do those of `held` backends; those whose name begins with "down:" do not answer, and "bug:" breaks.
    """

    files: dict[str, Document]
    answers: dict[str, Answer] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    let_through: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    verifier: Verifier = field(default_factory=WrittenVerifier)
    asked: list[tuple[str, tuple[Turn, ...], str | None]] = field(default_factory=list)

    def documents(self) -> Sequence[DocumentInfo]:
        return [
            DocumentInfo(d.id, d.title, d.sha256, len(d.text), 1, d.id, len(d.pages), len(d.text), 0.0)
            for d in self.files.values()
        ]

    def document(self, document: str) -> Document:
        if document not in self.files:
            raise DocumentsError(f"There is no document {document!r}.")
        return self.files[document]

    def stream(
        self, question: str, history: Sequence[Turn] = (), backend: str | None = None, documents: Sequence[str] = ()
    ) -> Iterator[Event]:
        if not question.strip():
            raise QuestionError("The question is empty. Type one.")
        if len(question) > 4000:
            raise QuestionError(f"The question has {len(question):,} characters; at most 4,000 can be asked.")
        self.asked.append((question, tuple(history), backend))
        spec = backend or "offline"
        if question == "Divide by zero" or spec.startswith("bug:"):
            raise ZeroDivisionError("a bug")
        if question not in self.answers or spec.startswith("down:"):
            raise BackendUnavailable("openai:gpt-x did not answer: connection refused. Start its server.")
        answer = replace(self.answers[question], backend=spec, answered_by=spec)
        held = bool({question, spec} & self.held)
        yield Searched(question, answer.passages)
        for statement in (*answer.statements, *answer.withheld):
            if held:
                self.let_through.acquire(timeout=WAIT_S)
            yield statement
        if held:
            self.let_through.acquire(timeout=WAIT_S)
        yield answer
