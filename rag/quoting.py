"""Choosing which sentences answer a question, by meaning: MaxSim over token vectors, in two stages.

A unit is what is quoted together: a sentence, or a list with its lead-in. Every unit is first scored by the token
vectors it has inside its passage; the best are scored again alone with their heading, mixed with their passage's
score. On the tuning half of the questions over the seeds the right sentence comes first for 64 % and among the first
three for 82 %; by the first stage alone for 51 % and 72 %.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.answerability import Candidate, Evidence, default_point, evidence
from rag.asked import lacks_what_is_asked
from rag.minilm import MiniLM, Vectors
from rag.passages import SEPARATOR
from rag.token_vectors import TokenVectors, turn, unpack

SHORTLIST = 20
# A further unit is quoted while it scores at least this share of the best one's score. On the tuning half of the
# questions over the seeds .86 finds two points more of the gold, and a tenth fewer of the sentences quoted are gold.
CLOSE = 0.95
MOST_UNITS = 3
# A unit with the kind of thing that is asked for goes before a better one without, from this share of its score on.
NEARLY = 0.9
# Two units whose tokens match this well say the same.
SAME = 0.86
# A sentence that begins like this is about something named in the sentence before it.
ANAPHOR = re.compile(
    r"(?:this|these|those|such|they|it|its|their|he|she|his|her|both|the former|the latter|in (?:this|these|such)|"
    r"by doing so|as a result|consequently|through (?:this|these))\b",
    re.IGNORECASE,
)
_SOME = "two|three|four|five|six|seven"
WANTS_LIST = re.compile(
    rf"^(?:list|name|enumerate|give)\b|\bwhat are\b|\b(?:what|which|list|name|give)\b.*\b(?:{_SOME})\b|"
    r"\b(?:what|which|name) (?:key|main) \w+s\b",
    re.IGNORECASE,
)
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
# What a list gains when the question wants one, and again when it has as many items as the question says.
LIST_BONUS = 0.1


@dataclass(frozen=True, slots=True)
class Quotable:
    """A numbered sentence of the prompt."""

    number: str
    text: str
    item: bool = False


@dataclass(slots=True)
class Unit:
    """What is quoted together. `place` is (passage, position of its first sentence), counted from 0."""

    place: tuple[int, int]
    heading: str
    sentences: list[Quotable]
    passage_matches: Vectors  # the passage's best match of each question token
    score: float
    tokens: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def passage_score(self) -> float:
        """MaxSim of its passage."""
        return float(self.passage_matches.mean())

    @property
    def text(self) -> str:
        """The unit's words in one line."""
        return " ".join(sentence.text for sentence in self.sentences)


Passages = Sequence[tuple[str, list[Quotable]]]


class Quoter:
    """Picks the sentences that answer a question, or none when that is less probable than `abstain_below`."""

    def __init__(self, model: MiniLM, token_vectors: TokenVectors, abstain_below: float | None = None) -> None:
        self._model, self._token_vectors = model, token_vectors
        self._abstain_below = default_point() if abstain_below is None else abstain_below

    def answer(self, question: str, passages: Passages) -> list[Quotable]:
        """The sentences to quote, in reading order; empty when the passages do not answer the question."""
        ranked = self.rank(question, passages)
        found = self.evidence(question, ranked, passages)
        if found is None or found.probability < self._abstain_below:
            return []
        chosen = _in_order(self._choose(question, ranked))
        return list(dict.fromkeys(q for unit in chosen for q in _with_subject(unit, passages)))

    def rank(self, question: str, passages: Passages) -> list[Unit]:
        """The units most likely to answer, best first."""
        asked = turn(self._model.question(question).tokens)
        if not len(asked):
            return []
        units = self._first_stage(asked, passages)[:SHORTLIST]
        packed = self._token_vectors.of([f"{unit.heading}\n{unit.text}" for unit in units])
        listing, count = bool(WANTS_LIST.search(question)), _count(question)
        for unit, codes in zip(units, packed, strict=True):
            items = sum(sentence.item for sentence in unit.sentences)
            unit.tokens = unpack(codes)
            bonus = LIST_BONUS * ((items > 1) + (items > 1 and items == count)) if listing else 0.0
            unit.score = float((asked @ unit.tokens.T).max(axis=1).mean()) + unit.passage_score + bonus
        ranked = sorted(units, key=lambda unit: (-unit.score, unit.place))
        return _of_the_kind_first(question, ranked, passages)

    def evidence(self, question: str, ranked: list[Unit], passages: Passages) -> Evidence | None:
        """What speaks for and against the best unit being an answer at all; None when there is no unit."""
        if not ranked:
            return None
        heading, sentences = passages[ranked[0].place[0]]
        candidates = [Candidate(_quoted(unit, passages), unit.heading, unit.tokens) for unit in ranked]
        words = " ".join([heading, *(sentence.text for sentence in sentences)])
        asked = turn(self._model.question(question).tokens)
        return evidence(question, asked, candidates, words, ranked[0].passage_matches)

    def _first_stage(self, asked: Vectors, passages: Passages) -> list[Unit]:
        texts = ["\n".join([heading, *(q.text for q in sentences)]) for heading, sentences in passages]
        units: list[Unit] = []
        for number, (text, codes) in enumerate(zip(texts, self._token_vectors.of(texts), strict=True)):
            heading, sentences = passages[number]
            similarity = asked @ unpack(codes).T
            matches = similarity.max(axis=1)
            starts = self._model.token_offsets(text)[:, 0]
            bounds = np.searchsorted(starts, np.cumsum([0, len(heading) + 1, *(len(q.text) + 1 for q in sentences)]))
            in_heading = similarity[:, : bounds[1]].max(axis=1) if bounds[1] else np.full(len(asked), -1.0)
            for group in _units(sentences):
                columns = similarity[:, bounds[group[0] + 1] : bounds[group[-1] + 2]]
                if columns.shape[1]:
                    score = float(np.maximum(columns.max(axis=1), in_heading).mean()) + float(matches.mean())
                    units.append(Unit((number, group[0]), heading, [sentences[i] for i in group], matches, score))
        return sorted(units, key=lambda unit: (-unit.score, unit.place))

    def _choose(self, question: str, ranked: list[Unit]) -> list[Unit]:
        """The best unit, and others that are nearly as good and say something else."""
        best = ranked[0]
        chosen = [best]
        if len(best.sentences) > 2 and WANTS_LIST.search(question):
            return chosen
        best_lacks = lacks_what_is_asked(question, best.text)
        for unit in ranked[1:]:
            if len(chosen) == MOST_UNITS or unit.score < CLOSE * best.score:
                break
            if not best_lacks and lacks_what_is_asked(question, unit.text):
                continue
            if len(unit.sentences) <= 2 and not any(_same(unit, other) for other in chosen):
                chosen.append(unit)
        return chosen


def outline(passages: Passages) -> list[Quotable]:
    """For each passage its heading and first sentence, as a list item. Expository prose opens with what it is about."""
    return [
        Quotable(first.number, f"{heading.rsplit(SEPARATOR, 1)[-1]}: {first.text}", item=True)
        for heading, sentences in passages
        for first in sentences[:1]
    ]


def _units(sentences: list[Quotable]) -> list[list[int]]:
    """Positions that are quoted together: list items in a row, with the sentence before them if it ends in a colon."""
    groups: list[list[int]] = []
    for position, sentence in enumerate(sentences):
        before = sentences[position - 1] if position else None
        if before and sentence.item and (before.item or before.text.endswith(":")):
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def _count(question: str) -> int | None:
    """How many items a question says there are."""
    return next((count for word, count in COUNTS.items() if re.search(rf"\b{word}\b", question, re.IGNORECASE)), None)


def _same(one: Unit, other: Unit) -> bool:
    """Whether two units say nearly the same: each token of the shorter finds its like in the longer."""
    short, long = sorted((one.tokens, other.tokens), key=len)
    return float((short @ long.T).max(axis=1).mean()) >= SAME


def _in_order(units: list[Unit]) -> list[Unit]:
    """Units of one passage together and in their order; passages by their best unit."""
    passages = list(dict.fromkeys(unit.place[0] for unit in units))
    return sorted(units, key=lambda unit: (passages.index(unit.place[0]), unit.place[1]))


def _of_the_kind_first(question: str, ranked: list[Unit], passages: Passages) -> list[Unit]:
    """The units with the first that holds the number, date or name asked for in front, if one is nearly as good."""
    for unit in ranked:
        if unit.score < NEARLY * ranked[0].score:
            break
        if not lacks_what_is_asked(question, _quoted(unit, passages)):
            return [unit, *(other for other in ranked if other is not unit)]
    return ranked


def _quoted(unit: Unit, passages: Passages) -> str:
    """The words that quoting the unit would show."""
    return " ".join(sentence.text for sentence in _with_subject(unit, passages))


def _with_subject(unit: Unit, passages: Passages) -> list[Quotable]:
    """The unit's sentences, after the sentence before them where theirs leans on it."""
    number, position = unit.place
    if position and ANAPHOR.match(unit.text):
        return [passages[number][1][position - 1], *unit.sentences]
    return unit.sentences
