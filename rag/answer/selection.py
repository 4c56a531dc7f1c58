"""Which sentences answer a question, and whether any does: the reader in context, with MaxSim, in two fitted stacks.

Each passage is read once with the question, so that a sentence is judged where it stands. `data/answering.json` holds
the two logistic regressions and is written by `python -m eval.training.answering`.
"""

import functools
import importlib.resources
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.documents.passages import embedded_text, heading_line, sentence_texts
from rag.models.logistic import Logistic
from rag.models.minilm import MiniLM, Vectors
from rag.models.reader import Pair, Reader, Relevance
from rag.models.token_vectors import TokenVectors, line_matches, turn
from rag.types import Passage

# So many of the passages, best first, are read: each costs about 30 ms of one core.
PASSAGES_READ = 8
# Log odds beyond this say no more about anything.
LOGIT_LIMIT = 6.0
# The question's tokens that match worst are what a passage does not speak of.
WORST_TOKENS = 3

Place = tuple[int, int]
"""(passage, sentence), counted from 0."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `data/answering.json` holds."""

    sentence: Logistic
    answerable: Logistic
    abstain_below: float
    context_gain: float

    @classmethod
    @functools.cache
    def load(cls) -> "Fitted":
        """The bundled one."""
        record = json.loads((importlib.resources.files("rag") / "data" / "answering.json").read_text("utf-8"))
        sentence, answerable = Logistic.of(record["sentence"]), Logistic.of(record["answerable"])
        return cls(sentence, answerable, record["abstain_below"], record["context_gain"])


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of the passages: features of each sentence, and of them all (None: none was read)."""

    question: str
    passages: tuple[Passage, ...]
    sentences: Mapping[Place, Mapping[str, float]]
    whole: Mapping[str, float] | None

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
        """What the best passages say about a standalone question."""
        kept = tuple(passages[:PASSAGES_READ])
        relevances = self._reader.answers([passage_pair(question, passage) for passage in kept])
        matches = self._matches(question, kept)
        if not any(relevance.sentences for relevance in relevances):
            return Reading(question, tuple(passages), {}, None)
        return Reading(
            question,
            tuple(passages),
            _sentence_features(kept, relevances, matches),
            _whole_features(question, kept, relevances, matches),
        )

    def select(self, reading: Reading) -> list[Place]:
        """The sentences to quote, in reading order of their passages, the best passage first."""
        probabilities = reading.probabilities()
        best = most_expected(probabilities)
        chosen = set(best)
        for place in best:
            chosen |= self._context(reading, place)
        order = list(dict.fromkeys(passage for passage, _ in best))
        return sorted(chosen, key=lambda place: (order.index(place[0]), place[1]))

    def _context(self, reading: Reading, place: Place) -> set[Place]:
        """What is quoted with a sentence: the lead-in of a list item, or the sentence before that it leans on."""
        passage, position = place
        chunk = reading.passages[passage].chunk
        sentence = chunk.sentences[position]
        leads = {
            (passage, i)
            for i, other in enumerate(chunk.sentences[:position])
            if other.unit == sentence.unit and other.kind == "lead_in"
        }
        if leads or not position or sentence.kind == "item":
            return leads
        texts, heading = sentence_texts(chunk), heading_line(chunk)
        alone, together = self._reader.answers(
            [
                Pair(reading.question, (texts[position],), heading),
                Pair(reading.question, (texts[position - 1], texts[position]), heading),
            ]
        )
        gain = logit(together.probability) - logit(alone.probability)
        return {(passage, position - 1)} if gain >= Fitted.load().context_gain else set()

    def _matches(self, question: str, passages: Sequence[Passage]) -> list[Vectors]:
        """For each passage the best match of each question token, in (tokens, lines): its heading, its sentences."""
        encoding = self._model.question(question)
        words = [question[start].isalnum() for start, _ in encoding.offsets]
        tokens = turn(encoding.tokens[words if any(words) else [True] * len(words)])
        packed = self._token_vectors.packed([embedded_text(passage.chunk) for passage in passages])
        return [line_matches(tokens, one) for one in packed]


def passage_pair(question: str, passage: Passage) -> Pair:
    """What the reader reads of a passage."""
    return Pair(question, tuple(sentence_texts(passage.chunk)), heading_line(passage.chunk))


def most_expected(probabilities: Mapping[Place, float]) -> list[Place]:
    """The sentences, best first, whose expected F1 is highest (Lewis, "Evaluating and optimizing autonomous text
    classification systems", 1995), given for each the probability that it belongs to the answer.
    """
    ranked = sorted(probabilities, key=lambda place: (-probabilities[place], place))
    found = list(itertools.accumulate(probabilities[place] for place in ranked))
    scores = [2 * expected / (count + found[-1]) for count, expected in enumerate(found, 1)]
    return ranked[: 1 + int(np.argmax(scores))] if scores else []


def logit(probability: float) -> float:
    """Log odds, within LOGIT_LIMIT."""
    bounded = min(max(probability, 1e-6), 1 - 1e-6)
    return max(-LOGIT_LIMIT, min(LOGIT_LIMIT, math.log(bounded / (1 - bounded))))


def _sentence_features(
    passages: Sequence[Passage], relevances: Sequence[Relevance], matches: Sequence[Vectors]
) -> dict[Place, Mapping[str, float]]:
    best = max(logit(p) for relevance in relevances for p in relevance.sentences)
    return {
        (number, position): features
        for number, (passage, relevance, lines) in enumerate(zip(passages, relevances, matches, strict=True))
        for position, features in enumerate(_of_passage(number, passage, relevance, lines, best))
    }


def _of_passage(
    rank: int, passage: Passage, relevance: Relevance, lines: Vectors, best: float
) -> Iterator[Mapping[str, float]]:
    sentences = passage.chunk.sentences
    scores = [logit(p) for p in relevance.sentences]
    whole = float(lines.max(axis=1).mean()) if lines.size else 0.0
    for position, score in enumerate(scores):
        unit = [s for s, other in zip(scores, sentences, strict=True) if other.unit == sentences[position].unit]
        beside = [scores[i] for i in (position - 1, position + 1) if 0 <= i < len(scores)]
        own = np.maximum(lines[:, position + 1], lines[:, 0]) if lines.shape[1] > position + 1 else np.zeros(1)
        yield {
            "reader_sentence": score,
            "reader_unit": max(unit),
            "reader_beside": max(beside, default=-LOGIT_LIMIT),
            "reader_passage": logit(relevance.probability),
            "reader_behind": best - score,
            "maxsim_sentence": float(own.mean()),
            "maxsim_passage": whole,
            "rank": math.log1p(rank),
        }


def _whole_features(
    question: str, passages: Sequence[Passage], relevances: Sequence[Relevance], matches: Sequence[Vectors]
) -> Mapping[str, float]:
    scores = [logit(relevance.probability) for relevance in relevances]
    best = int(np.argmax(scores))
    per_passage = [lines.max(axis=1) if lines.size else np.zeros(1) for lines in matches]
    text = f"{heading_line(passages[best].chunk)} {passages[best].chunk.text}".casefold()
    words = _words(question)
    return {
        "reader_passage": scores[best],
        "reader_others": float(np.mean(sorted(scores)[-3:])),
        "reader_sentence": max(logit(p) for relevance in relevances for p in relevance.sentences),
        "maxsim_passage": max(float(one.mean()) for one in per_passage),
        "maxsim_worst": float(np.sort(np.max(per_passage, axis=0))[:WORST_TOKENS].mean()),
        "overlap": sum(word in text for word in words) / len(words) if words else 0.0,
    }


def _words(text: str) -> list[str]:
    return ["".join(run) for alnum, run in itertools.groupby(text.casefold(), str.isalnum) if alnum]
