"""One conversation as plain values: what was asked, what has streamed in so far, and what goes back to the model."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.types import JSON, Answer, Block, Event, Searched, Statement, Turn
from rag.verify import Verifier


class Listed(Protocol):
    """What the list of documents shows of one."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def sha256(self) -> str: ...


class Source(Listed, Protocol):
    """A document as the source panel shows it."""

    @property
    def text(self) -> str: ...
    @property
    def blocks(self) -> tuple[Block, ...]: ...
    @property
    def pages(self) -> tuple[int, ...]: ...


class Chat(Protocol):
    """What the page asks of `rag.chat.Chat`."""

    verifier: Verifier

    def documents(self) -> Sequence[Listed]:
        """The documents that can be answered from."""
        ...

    def document(self, document: str) -> Source:
        """One of them, whole. Raises PinciteError when there is none with that id."""
        ...

    def stream(
        self, question: str, history: Sequence[Turn] = (), backend: str | None = None, documents: Sequence[str] = ()
    ) -> Iterator[Event]:
        """Searched, statements as they are checked, and last the Answer."""
        ...


BROKEN = "Something broke inside Pincite. The terminal it runs in says what; the question can be asked again."


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and as much of its answer as has arrived.

    Unfinished while `answer` and `error` are None and it has not been stopped. `beside` is the same question put to a
    second backend at the same time. `scope` are the globs of the documents that it is asked of, () is all of them.
    `receipt` is kept with a finished answer: what it was made from, and what its quotes stood between.
    """

    question: str
    searched: Searched | None = None
    statements: tuple[Statement, ...] = ()
    answer: Answer | None = None
    error: str | None = None
    stopped: bool = False
    backend: str | None = None
    beside: "Exchange | None" = None
    scope: tuple[str, ...] = ()
    receipt: JSON | None = None

    @property
    def columns(self) -> tuple["Exchange", ...]:
        """This and what stands beside it."""
        return (self, self.beside) if self.beside else (self,)

    @property
    def unfinished(self) -> bool:
        """Whether more may still come of this answer, whatever becomes of the one beside it."""
        return self.answer is None and self.error is None and not self.stopped

    @property
    def running(self) -> bool:
        """Whether more may still come of any of its answers."""
        return any(column.unfinished for column in self.columns)

    def ended(self, error: str | None = None) -> "Exchange":
        """The exchange where what was unfinished has been stopped, or has failed with `error`."""
        beside = self.beside and self.beside.ended(error)
        if not self.unfinished:
            return dataclasses.replace(self, beside=beside)
        return dataclasses.replace(self, beside=beside, stopped=error is None, error=error)


Conversation = tuple[Exchange, ...]


def converse(chat: Chat, exchange: Exchange, past: Sequence[Exchange]) -> Iterator[Exchange]:
    """The exchange as it grows, once per event. Raises what `Chat.stream` raises."""
    for event in chat.stream(exchange.question, history(past), exchange.backend, exchange.scope):
        match event:
            case Searched():
                exchange = dataclasses.replace(exchange, searched=event)
            case Statement():
                exchange = dataclasses.replace(exchange, statements=(*exchange.statements, event))
            case Answer():
                exchange = dataclasses.replace(exchange, answer=event)
        yield exchange


def history(past: Sequence[Exchange]) -> tuple[Turn, ...]:
    """The turns that go back to the model: questions and the text of their answers, never the sources.

    Of two answers it is the first: both backends go on from the same conversation.
    """
    turns: list[Turn] = []
    for exchange in past:
        if exchange.answer and exchange.answer.status != "failed" and exchange.answer.text:
            turns += [Turn("user", exchange.question), Turn("assistant", exchange.answer.text)]
    return tuple(turns)


def settled(exchanges: Sequence[Exchange], error: str | None = None) -> Conversation:
    """The exchanges, where one that was still running has been stopped, or has failed with `error`."""
    if not exchanges or not exchanges[-1].running:
        return tuple(exchanges)
    return (*exchanges[:-1], exchanges[-1].ended(error))
