"""Who writes an answer: the protocol that the language models and the offline backend share."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rag.answer.parser import Draft, Refused
from rag.types import Passage, Turn, Usage

Search = Callable[[str], tuple[Passage, ...]]
"""The passages for a standalone question, best first."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model's side says about its answer: streamed when it begins and when it has ended."""

    answered_by: str | None = None
    passed_over: tuple[str, ...] = ()
    finish: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Restart:
    """What was said before were thoughts: the answer begins anew."""


Part = Draft | Refused | Reply | Restart


@dataclass(frozen=True, slots=True)
class Found:
    """A standalone question with its passages, and what making it standalone used."""

    question: str
    passages: tuple[Passage, ...]
    usage: Usage = field(default_factory=Usage)


class Answerer(Protocol):
    """Turns a question and typed passages into parsed sentences with the numbers of the sentences they rest on.

    `abstain_below` is the probability that the passages answer below which it is not asked, unless the settings say.
    Both methods raise BackendError.
    """

    abstain_below: float

    def find(self, question: str, history: Sequence[Turn], search: Search) -> Found:
        """What is searched for, which a follow-up's history decides, and what is found."""
        ...

    def answer(self, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        """The parts of an answer as they come. Close it to stop."""
        ...

    def outline(self, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        """One list item for each passage, which says what it is about."""
        ...
