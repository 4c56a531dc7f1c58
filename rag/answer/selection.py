"""Which sentences answer a question, and whether any does: the reader in context, with MaxSim, in two fitted stacks.

Each passage is read once with the question, so that a sentence is judged where it stands. `data/answering.json` holds
the two logistic regressions and is written by `python -m eval.training.answering`.
"""

import functools
import importlib.resources
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.documents.passages import distinct_words, embedded_text, heading_line, sentence_texts
from rag.models.logistic import Logistic
from rag.models.minilm import MiniLM, Vectors
from rag.models.reader import Pair, Reader, Relevance
from rag.models.token_vectors import TokenVectors, line_matches, turn
from rag.types import Passage, Sentence
from rag.verify.prompt_injection import orders_in

# So many of the passages, best first, are read: each costs about 30 ms of one core.
PASSAGES_READ = 8
# Log odds beyond this say no more about anything.
LOGIT_LIMIT = 6.0
# The question's tokens that match worst are what a passage does not speak of.
WORST_TOKENS = 3
# A further sentence is quoted while it is at least this share as probable as the best one, from so many units: a list
# with its lead-in is one. Chosen on the tuning half of the cases; of the reporting half, follow-ups aside, .63 of what
# is quoted is right and .68 of the gold is found.
CLOSE, MAX_UNITS = 0.5, 3

# A sentence beside the best one is quoted too when both together match the question's tokens so much better.
CONTEXT_GAIN = 0.02

Place = tuple[int, int]
"""(passage, sentence), counted from 0."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `data/answering.json` holds."""

    sentence: Logistic
    answerable: Logistic
    abstain_below: float

    @classmethod
    @functools.cache
    def load(cls) -> "Fitted":
        """The bundled one."""
        record = json.loads((importlib.resources.files("rag") / "data" / "answering.json").read_text("utf-8"))
        sentence, answerable = Logistic.of(record["sentence"]), Logistic.of(record["answerable"])
        return cls(sentence, answerable, record["abstain_below"])


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of the passages: features of each sentence, and of them all (None: none was read).

    `matches` holds for each sentence its best match of each question token, or that of its heading.
    """

    question: str
    passages: tuple[Passage, ...]
    sentences: Mapping[Place, Mapping[str, float]]
    whole: Mapping[str, float] | None
    matches: Mapping[Place, Vectors]

    def sentence(self, place: Place) -> Sentence:
        """The sentence at a place."""
        return self.passages[place[0]].chunk.sentences[place[1]]

    @property
    def probability(self) -> float:
        """That the passages answer the question, from 0 to 1."""
        return Fitted.load().answerable(self.whole) if self.whole else 0.0

    def probabilities(self) -> dict[Place, float]:
        """For each sentence, that it belongs to the answer."""
        return {place: Fitted.load().sentence(features) for place, features in self.sentences.items()}


class Selector:
    """Reads passages with a question. Safe to share between threads."""

    def __init__(self, model: MiniLM, token_vectors: TokenVectors, reader: Reader) -> None:
        self._model, self._token_vectors, self._reader = model, token_vectors, reader

    def read(self, question: str, passages: Sequence[Passage]) -> Reading:
        """What the best passages say about a standalone question.

        Sentences that look like a prompt injection are left out, and the passages that hold one are only read when
        the others do not answer.
        """
        injected = {n: found for n, p in enumerate(passages) if (found := orders_in(sentence_texts(p.chunk)))}
        clean = self._read(question, passages, {n: set() for n in range(len(passages)) if n not in injected})
        if not injected or clean.probability >= Fitted.load().abstain_below:
            return clean
        return self._read(question, passages, {n: injected.get(n, set()) for n in range(len(passages))})

    def _read(self, question: str, passages: Sequence[Passage], left_out: Mapping[int, set[int]]) -> Reading:
        """Reads the first passages of which `left_out` says which sentences to leave out."""
        kept, places = list[Passage](), list[Place]()
        for number in list(left_out)[:PASSAGES_READ]:
            chunk = passages[number].chunk
            positions = [i for i in range(len(chunk.sentences)) if i not in left_out[number]]
            if positions:
                sentences = tuple(chunk.sentences[i] for i in positions)
                kept.append(replace(passages[number], chunk=replace(chunk, sentences=sentences)))
                places += [(number, i) for i in positions]
        if not kept:
            return Reading(question, tuple(passages), {}, None, {})
        relevances = self._reader.answers([passage_pair(question, passage) for passage in kept])
        matches = self._matches(question, kept)
        features = _sentence_features(kept, relevances, matches)
        columns = (column for lines in matches for column in np.maximum(lines[:, 1:], lines[:, :1]).T)
        return Reading(
            question,
            tuple(passages),
            dict(zip(places, features.values(), strict=True)),
            _whole_features(relevances, matches),
            dict(zip(places, columns, strict=True)),
        )

    def select(self, reading: Reading) -> list[Place]:
        """The sentences to quote, in reading order of their passages, the best passage first."""
        best = self.best(reading)
        chosen = set(best)
        for place in best:
            chosen |= self._list(reading, place)
        chosen |= self._beside(reading, best[0]) if best else set()
        order = list(dict.fromkeys(passage for passage, _ in best))
        return sorted(chosen, key=lambda place: (order.index(place[0]), place[1]))

    @staticmethod
    def best(reading: Reading) -> list[Place]:
        """The sentences that most probably belong to the answer, best first, from at most MAX_UNITS units."""
        probabilities = reading.probabilities()
        return quotable(_rows_asked_for(reading, probabilities), lambda place: reading.sentence(place).unit)

    @staticmethod
    def _list(reading: Reading, place: Place) -> set[Place]:
        """What is quoted with a list's sentence: the lead-in with each item, all the items with the lead-in."""
        sentence = reading.sentence(place)
        if sentence.kind == "prose":
            return set()
        return {
            other
            for other in reading.sentences
            if other[0] == place[0]
            and reading.sentence(other).unit == sentence.unit
            and "lead_in" in (sentence.kind, reading.sentence(other).kind)
        }

    @staticmethod
    def _beside(reading: Reading, place: Place) -> set[Place]:
        """The prose beside a sentence that speaks of what it leaves out of the question."""
        return {
            beside
            for beside in ((place[0], place[1] - 1), (place[0], place[1] + 1))
            if beside in reading.matches
            and reading.sentence(place).kind == reading.sentence(beside).kind == "prose"
            and _gain(reading.matches[place], reading.matches[beside]) >= CONTEXT_GAIN
        }

    def _matches(self, question: str, passages: Sequence[Passage]) -> list[Vectors]:
        """For each passage the best match of each question token, in (tokens, lines): its heading, its sentences."""
        encoding = self._model.question(question)
        words = [question[start].isalnum() for start, _ in encoding.offsets]
        tokens = turn(encoding.tokens[words if any(words) else [True] * len(words)])
        packed = self._token_vectors.packed([embedded_text(passage.chunk) for passage in passages])
        return [line_matches(tokens, one) for one in packed]


def _rows_asked_for(reading: Reading, probabilities: Mapping[Place, float]) -> dict[Place, float]:
    """The probabilities without the rows of a table, or numbered clauses, beside one with more of the question's words.

    Rows under one head read alike to a model; what tells them apart is the name or number that the question gives.
    """
    units = Counter((place[0], reading.sentence(place).unit) for place in probabilities)
    asked = distinct_words(reading.question)
    shared = {
        place: len(asked & distinct_words(sentence_texts(reading.passages[place[0]].chunk)[place[1]]))
        for place, probability in probabilities.items()
        if reading.sentence(place).kind == "item"
        and units[place[0], reading.sentence(place).unit] == 1
        and probability >= CLOSE * max(probabilities.values())
    }
    most = {passage: max(n for place, n in shared.items() if place[0] == passage) for passage, _ in shared}
    return {p: v for p, v in probabilities.items() if p not in shared or shared[p] == most[p[0]]}


def passage_pair(question: str, passage: Passage) -> Pair:
    """What the reader reads of a passage."""
    return Pair(question, tuple(sentence_texts(passage.chunk)), heading_line(passage.chunk))


def quotable(probabilities: Mapping[Place, float], unit_of: Callable[[Place], int]) -> list[Place]:
    """The sentences with at least CLOSE times the probability of the best one, best first, from MAX_UNITS units."""
    ranked = sorted(probabilities, key=lambda place: (-probabilities[place], place))
    units: dict[tuple[int, int], None] = {}
    found = []
    for place in ranked:
        unit = (place[0], unit_of(place))
        if probabilities[place] < CLOSE * probabilities[ranked[0]]:
            break
        if unit in units or len(units) < MAX_UNITS:
            units[unit] = None
            found.append(place)
    return found


def _gain(one: Vectors, other: Vectors) -> float:
    return float((np.maximum(one, other) - one).mean())


def logit(probability: float) -> float:
    """Log odds, within LOGIT_LIMIT."""
    bounded = min(max(probability, 1e-6), 1 - 1e-6)
    return max(-LOGIT_LIMIT, min(LOGIT_LIMIT, math.log(bounded / (1 - bounded))))


def _sentence_features(
    passages: Sequence[Passage], relevances: Sequence[Relevance], matches: Sequence[Vectors]
) -> dict[Place, Mapping[str, float]]:
    found = {
        (number, position): features
        for number, (passage, relevance, lines) in enumerate(zip(passages, relevances, matches, strict=True))
        for position, features in enumerate(_of_passage(number, passage, relevance, lines))
    }
    for name in ("reader", "maxsim"):
        best = max(features[f"{name}_sentence"] for features in found.values())
        for features in found.values():
            features[f"{name}_behind"] = best - features[f"{name}_sentence"]
    return dict(found)


def _of_passage(rank: int, passage: Passage, relevance: Relevance, lines: Vectors) -> Iterator[dict[str, float]]:
    sentences = passage.chunk.sentences
    scores = [logit(p) for p in relevance.sentences]
    own = np.maximum(lines[:, 1:], lines[:, :1]).mean(axis=0)
    for position, score in enumerate(scores):
        unit = [s for s, other in zip(scores, sentences, strict=True) if other.unit == sentences[position].unit]
        beside = [scores[i] for i in (position - 1, position + 1) if 0 <= i < len(scores)]
        yield {
            "reader_sentence": score,
            "reader_unit": max(unit),
            "reader_beside": max(beside, default=-LOGIT_LIMIT),
            "reader_passage": logit(relevance.probability),
            "maxsim_sentence": float(own[position]),
            "maxsim_passage": float(lines.max(axis=1).mean()),
            "rank": math.log1p(rank),
        }


def _whole_features(relevances: Sequence[Relevance], matches: Sequence[Vectors]) -> Mapping[str, float]:
    scores = sorted((logit(relevance.probability) for relevance in relevances), reverse=True)
    sentences = [p for relevance in relevances for p in relevance.sentences]
    per_passage = [lines.max(axis=1) for lines in matches]
    return {
        "reader_passage": scores[0],
        "reader_others": float(np.mean(scores[:3])),
        "reader_sentence": max(map(logit, sentences)),
        "reader_sum": math.log(sum(sentences) + 1e-3),
        "maxsim_passage": max(float(one.mean()) for one in per_passage),
        "maxsim_worst": float(np.sort(np.max(per_passage, axis=0))[:WORST_TOKENS].mean()),
    }
