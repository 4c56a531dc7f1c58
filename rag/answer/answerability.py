"""Deciding whether passages answer a question at all, from several kinds of evidence.

A logistic regression over features that can be read one by one, fitted by `eval/train_answerability.py` on questions
that people labelled; `data/answerability.json` holds its coefficients, the point at which it refuses, and how well it
tells answerable from unanswerable on questions it was not fitted on. `python -m eval.bench abstaining` draws the
whole curve.
"""

import functools
import importlib.resources
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from rag.answer.asked import lacks_what_is_asked, names_in, numbers_in
from rag.models.logistic import Logistic
from rag.models.minilm import Vectors

# A word that some word of the passages matches so well is mentioned there.
MENTIONED = 0.6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the unit that would be quoted, of its passage, and of the next best units."""

    kind_missing: float  # 1 if a kind of thing (a number, a name …) is asked for and the quoted words have none
    kind_missing_in_all: float  # the same of each of the three best units
    asked_unmentioned: float  # how far the word that says what is asked for ("court") is from any word of the passages
    worst_matches: float  # mean match of the three question tokens that the passage matches worst
    reverse_match: float  # of all units, the best mean match of a unit's tokens in the question
    likeness: float  # cosine of the question and the unit, each the mean of its token vectors
    names_missing: float  # how many names in the question stand neither in the quoted words nor in their heading
    numbers_missing: float  # how many numbers in the question the passage lacks

    @property
    def probability(self) -> float:
        """That the passages answer the question, from 0 to 1."""
        return _fitted()[0](asdict(self))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit as the decision sees it: the words that would be quoted, their heading, and its token vectors."""

    text: str
    heading: str
    tokens: Vectors


def evidence(
    question: str,
    asked: Vectors,
    best: Sequence[Candidate],
    passage: str,
    passage_matches: Vectors,
    *,
    mentioned: float,
) -> Evidence:
    """From the question and its token vectors, the units best first, and the best one's passage.

    `passage_matches` holds the passage's best match of each question token, and `mentioned` the best match that the
    word of `asked_word` has in any passage, 1 without such a word.
    """
    first = best[0]
    quoted = f"{first.heading} {first.text}".lower()
    lacking = [lacks_what_is_asked(question, unit.text) for unit in best[:3]]
    return Evidence(
        kind_missing=float(lacking[0]),
        kind_missing_in_all=float(all(lacking)),
        asked_unmentioned=max(0.0, MENTIONED - mentioned),
        worst_matches=float(np.sort(passage_matches)[:3].mean()),
        reverse_match=max(float((unit.tokens @ asked.T).max(axis=1).mean()) for unit in best),
        likeness=_cosine(asked.mean(axis=0), first.tokens.mean(axis=0)),
        names_missing=float(sum(_root(name) not in quoted for name in names_in(question))),
        numbers_missing=float(sum(number not in passage for number in numbers_in(question))),
    )


def default_point() -> float:
    """Below this probability the offline backend refuses, unless the settings say otherwise."""
    return _fitted()[1]


@functools.cache
def _fitted() -> tuple[Logistic, float]:
    record = json.loads((importlib.resources.files("rag") / "data" / "answerability.json").read_text("utf-8"))
    return Logistic.of(record), record["abstain_below"]


def _cosine(one: Vectors, other: Vectors) -> float:
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9))


def _root(word: str) -> str:
    """A word without what its forms differ in."""
    return word.lower()[: max(4, len(word) - 3)]
