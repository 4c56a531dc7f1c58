"""Controls: the same exam with one thing changed whose effect is known, through the same chain as every other answer.

What a control changes is what is found or what the finished answer cites; everything between is the real thing.
"""

import copy
import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.cases import Case, Gold
from rag.chat import Chat
from rag.search.hybrid import Retrieval
from rag.types import Answer, Chunk, Citation, Passage, Sentence

# A passage without a sentence, so that the model is asked although there is nothing to answer from.
NOTHING = Passage(Chunk("", "", "There are no passages", 0, 0, "", (), ()), 0.0)

Search = Callable[[str, int], tuple[Passage, ...]]


@dataclass(frozen=True, slots=True)
class Control:
    """`search` changes what is found for a case, `after` the finished answer. With `show_all` nothing is withheld."""

    says: str
    search: Callable[[Chat, Case, Sequence[Case]], Search] | None = None
    after: Callable[[Case, Answer], Answer] | None = None
    show_all: bool = False


class ControlledRetrieval(Retrieval):
    """Finds what a control says. It has no index of its own."""

    def __init__(self, search: Search) -> None:
        self._found = search

    def search(self, question: str, count: int, *_: Any, **__: Any) -> tuple[Passage, ...]:
        """The passages that the control gives for this question."""
        return self._found(question, count)


def controlled(chat: Chat, case: Case, cases: Sequence[Case], names: Sequence[str]) -> Chat:
    """A chat like `chat` that answers this one case under the controls; `chat` itself stays as it is."""
    changed = copy.copy(chat)
    for control in map(CONTROLS.__getitem__, names):
        if control.search:
            changed.retrieval = ControlledRetrieval(control.search(copy.copy(changed), case, cases))
        if control.show_all:
            changed.settings = changed.settings.model_copy(update={"show": "mark"})
    return changed


def after(answer: Answer, case: Case, names: Sequence[str]) -> Answer:
    """The answer as the controls leave it."""
    for control in map(CONTROLS.__getitem__, names):
        answer = control.after(case, answer) if control.after else answer
    return answer


def _oracle(chat: Chat, case: Case, cases: Sequence[Case]) -> Search:
    """The chunks that hold the gold, those of each group's first quote first. Without gold, the search as always.

    Gold that is no sentence for the index, such as a notice about the page, is made one: nothing is to be missing.
    """
    found: dict[tuple[str, int], Chunk] = {}
    firsts = [group[0] for group in case.groups.values()]
    for gold in dict.fromkeys([*firsts, *case.gold]):
        for chunk in chat.store.chunks_of(gold.document):
            if chunk.start < gold.end and gold.start < chunk.end:
                key = chunk.document, chunk.start
                found[key] = _quotable(found.get(key, chunk), gold)
    passages = tuple(Passage(chunk, 1.0) for chunk in found.values() if chunk.sentences)
    return (lambda question, count: passages) if passages else chat.retrieval.search


def _quotable(chunk: Chunk, gold: Gold) -> Chunk:
    """The chunk with its part of the gold among its sentences."""
    start, end = max(chunk.start, gold.start), min(chunk.end, gold.end)
    while start < end and chunk.quote(start, start + 1).isspace():
        start += 1
    if start == end or any(s.start < end and start < s.end for s in chunk.sentences):
        return chunk
    added = Sentence(start, end, unit=1 + max((s.unit for s in chunk.sentences), default=-1))
    return dataclasses.replace(chunk, sentences=tuple(sorted((*chunk.sentences, added), key=lambda s: s.start)))


def _closed_book(chat: Chat, case: Case, cases: Sequence[Case]) -> Search:
    return lambda question, count: (NOTHING,)


def _without_nothing(case: Case, answer: Answer) -> Answer:
    return dataclasses.replace(answer, passages=tuple(p for p in answer.passages if p is not NOTHING))


def _noise(chat: Chat, case: Case, cases: Sequence[Case]) -> Search:
    """As many passages again, found for the cases that follow in the file, each before one that was really found."""

    def search(question: str, count: int) -> tuple[Passage, ...]:
        found = chat.retrieval.search(question, count)
        taken = {(p.chunk.document, p.chunk.start) for p in found}
        noise: list[Passage] = []
        here = next(i for i, one in enumerate(cases) if one.id == case.id)
        for other in [*cases[here + 1 :], *cases[:here]]:
            if len(noise) >= len(found):
                break
            for passage in chat.retrieval.search(other.question, 1):
                place = (passage.chunk.document, passage.chunk.start)
                if place not in taken and not _holds_gold(passage.chunk, case):
                    taken.add(place)
                    noise.append(passage)
        pairs = zip([*noise, *[None] * (len(found) - len(noise))], found, strict=True)
        return tuple(passage for pair in pairs for passage in pair if passage)

    return search


def _holds_gold(chunk: Chunk, case: Case) -> bool:
    golds = (*case.gold, *case.also)
    return any(g.document == chunk.document and g.start < chunk.end and chunk.start < g.end for g in golds)


def _shuffled(case: Case, answer: Answer) -> Answer:
    """Every citation replaced by one for another sentence of the passages, as exact as before."""
    places = [(p.chunk, s) for p in answer.passages for s in p.chunk.sentences]
    statements = []
    for number, statement in enumerate(answer.statements):
        cited = {(c.document, c.start) for c in statement.citations}
        others = [(chunk, s) for chunk, s in places if (chunk.document, s.start) not in cited]
        drawn = random.Random(f"{case.id} {number}").sample(others, min(len(others), len(statement.citations)))
        citations = tuple(_citation(chunk, sentence) for chunk, sentence in drawn)
        statements.append(dataclasses.replace(statement, citations=citations))
    return dataclasses.replace(answer, statements=tuple(statements))


def _citation(chunk: Chunk, s: Sentence) -> Citation:
    quote = chunk.quote(s.start, s.end)
    return Citation(chunk.document, chunk.sha256, s.start, s.end, quote, chunk.page, chunk.headings, "cited")


# In the order in which they are applied.
CONTROLS: Mapping[str, Control] = {
    "closed_book": Control("asked without passages, nothing withheld", _closed_book, _without_nothing, show_all=True),
    "oracle": Control("given the passages that hold the gold", _oracle),
    "noise": Control("as many unrelated passages added", _noise),
    "shuffled_citations": Control("citations exchanged for others", after=_shuffled),
}
