"""Turning a follow-up into a question of its own, without a language model: of several readings the best answered.

A follow-up is read alone, after the question before it, as that question with its own words in the place of those
they are likest to, and beside what the last answer said. Each reading is searched, and a logistic regression fitted
by `python -m eval.training.answering` says which one the documents answer, and was meant.
"""

import functools
import importlib.resources
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.answer.answerer import Found, Search
from rag.answer.selection import LOGIT_LIMIT, logit, passage_pair
from rag.documents.passages import flat
from rag.models.logistic import Logistic
from rag.models.minilm import Encoding, MiniLM, Vectors
from rag.models.reader import Reader
from rag.types import Passage, Turn

# So many of a reading's passages are read, and so much of an answer is leant on.
PASSAGES_READ, ANSWER_CHARACTERS = 2, 200
_WORD = re.compile(r"\w[\w'’.-]*")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of a follow-up, and which kind of reading it is."""

    kind: str
    question: str


@dataclass(frozen=True, slots=True)
class Read:
    """A candidate with what it finds, and the features that the choice goes by."""

    candidate: Candidate
    passages: tuple[Passage, ...]
    features: Mapping[str, float]


class FollowUps:
    """Chooses among the readings of a follow-up. Safe to share between threads."""

    def __init__(self, model: MiniLM, reader: Reader) -> None:
        self._model, self._reader = model, reader

    def find(self, question: str, history: Sequence[Turn], search: Search) -> Found:
        """The reading that is likeliest to be meant and answered, with its passages."""
        readings = self.readings(question, history, search)
        best = max(readings, key=lambda reading: _fitted()(reading.features)) if len(readings) > 1 else readings[0]
        return Found(best.candidate.question, best.passages)

    def readings(self, question: str, history: Sequence[Turn], search: Search) -> list[Read]:
        """Every reading, searched and read; the question alone first."""
        found = [(candidate, search(candidate.question)) for candidate in self.candidates(question, history)]
        if len(found) == 1:
            return [Read(*found[0], {})]
        scores = [self._answered(candidate.question, passages) for candidate, passages in found]
        about = self._about(question)
        return [
            Read(candidate, passages, _features(candidate.kind, score, scores, about))
            for (candidate, passages), score in zip(found, scores, strict=True)
        ]

    def candidates(self, question: str, history: Sequence[Turn]) -> list[Candidate]:
        """The readings, each text once."""
        asked = [flat(turn.content) for turn in history if turn.role == "user"]
        said = [flat(turn.content) for turn in history if turn.role == "assistant"]
        found = [Candidate("alone", question)]
        if asked:
            found.append(Candidate("after", f"{asked[-1]} {question}"))
            found.append(Candidate("replaced", self._replaced(asked[-1], question)))
        if asked[1:]:
            found.append(Candidate("after_earlier", f"{asked[-2]} {question}"))
        if asked and said:
            found.append(Candidate("beside_answer", f"{question} ({said[-1][:ANSWER_CHARACTERS]})"))
        return list({candidate.question: candidate for candidate in reversed(found)}.values())[::-1]

    def _replaced(self, before: str, question: str) -> str:
        """The question before with the word that is likest to the new one's rarest word in favour of that word."""
        one, other = self._model.question(before), self._model.question(question)
        rarest = max(_WORD.finditer(question), key=lambda word: self._model.rarity(word[0]), default=None)
        words = list(_WORD.finditer(before))
        if rarest is None or not words:
            return question
        wanted = one.tokens @ _within(other, rarest.span()).mean(axis=0)
        likest = max(words, key=lambda word: float(np.mean(wanted[_inside(one, word.span())])))
        return f"{before[: likest.start()]}{rarest[0]}{before[likest.end() :]}"

    def _answered(self, question: str, passages: Sequence[Passage]) -> float:
        """The log odds that one of the best passages answers."""
        relevances = self._reader.answers([passage_pair(question, one) for one in passages[:PASSAGES_READ]])
        return max((logit(one.probability) for one in relevances), default=-LOGIT_LIMIT)

    def _about(self, question: str) -> Mapping[str, float]:
        """How much a question says by itself: its length, and how rare its rarest word is."""
        words = [word[0] for word in _WORD.finditer(question)]
        rarest = max((self._model.rarity(word) for word in words), default=0)
        return {"length": math.log1p(len(words)), "rarity": math.log1p(rarest)}


KINDS = ("after", "replaced", "after_earlier", "beside_answer")


def _features(kind: str, score: float, scores: Sequence[float], about: Mapping[str, float]) -> dict[str, float]:
    """For each kind of reading but the first: whether it is one, and that with what the question says by itself."""
    found = {"answered": score, "answered_behind": max(scores) - score}
    for one in KINDS:
        found[one] = float(kind == one)
        found |= {f"{one}_{name}": value * (kind == one) for name, value in about.items()}
    return found


def _within(encoding: Encoding, span: tuple[int, int]) -> Vectors:
    return encoding.tokens[_inside(encoding, span)]


def _inside(encoding: Encoding, span: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Which tokens stand between two characters."""
    starts, ends = encoding.offsets.T
    return np.asarray((starts < span[1]) & (ends > span[0]))


@functools.cache
def _fitted() -> Logistic:
    record = json.loads((importlib.resources.files("rag") / "data" / "answering.json").read_text("utf-8"))
    return Logistic.of(record["follow_up"])
