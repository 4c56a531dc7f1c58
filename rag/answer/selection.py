"""Choosing which sentences answer a question, by meaning: MaxSim over token vectors, in two stages.

A unit is what is quoted together: a sentence, or a list with its lead-in. Every unit is first scored by the token
vectors it has inside its passage; the best are scored again alone with their heading, mixed with their passage's
score. On the tuning half of the questions over the seeds the right sentence comes first for 64 % and among the first
three for 82 %; by the first stage alone for 51 % and 72 %.
"""

import re
from collections.abc import Sequence

import numpy as np

from rag.answer.answerability import Candidate, Evidence, default_point, evidence
from rag.answer.asked import lacks_what_is_asked
from rag.answer.asked_word import asked_word
from rag.answer.choosing import COUNTS, WANTS_LIST, chosen, chosen_of_each, in_order
from rag.answer.comparisons import compared
from rag.answer.question_parts import parts_of
from rag.answer.units import Passages, Quotable, Unit, following, groups, quoted, with_subject
from rag.models.minilm import Encoding, MiniLM, Vectors
from rag.models.token_vectors import TokenVectors, turn, unpack

SHORTLIST = 20
# A unit with the kind of thing that is asked for goes before a better one without, from this share of its score on.
NEARLY = 0.9
# A sentence that goes on about the one quoted is quoted too when it matches the question's words better by this much,
# on average: of the tuning cases that finds six points more of the gold, without quoting more that is wrong.
GOES_ON = 0.008
# What a list gains when the question wants one, and again when it has as many items as the question says.
LIST_BONUS = 0.1
# What a unit loses whose first word stands for something named before it: it says more about that than by itself.
LEANING = 0.04
# What a unit gains that begins with the term a question wants explained.
DEFINED = 0.05
_WANTS_DEFINITION = re.compile(
    r"^\W*(?:what(?:'s|’s| is| are| does)|define|explain)\s+(?:the |an? )?(?:term |concept of )?[\"“']?"
    r"(?P<term>[\w' -]{3,45}?)[\"”']?(?:\s+(?:means?|refers? to)\b.*)?\W*$",
    re.IGNORECASE,
)


class Quoter:
    """Picks the sentences that answer a question, or none when that is less probable than `abstain_below`."""

    def __init__(self, model: MiniLM, token_vectors: TokenVectors, abstain_below: float | None = None) -> None:
        self._model, self._token_vectors = model, token_vectors
        self._abstain_below = default_point() if abstain_below is None else abstain_below

    def answer(self, question: str, passages: Passages) -> list[Quotable]:
        """The sentences to quote, in reading order; empty when the passages do not answer the question."""
        ranked = self.rank(question, passages)
        parts = [part for part in parts_of(question) if part != question]
        rankings = [self.rank(part, passages) for part in parts]
        probability = self._probability(question, ranked, passages)
        if compared(question):  # which is hard to match as a whole
            sides = [self._probability(*side, passages) for side in zip(parts, rankings, strict=True)]
            probability = max(probability, sum(sides) / len(sides))
        if probability < self._abstain_below:
            return []
        units = chosen_of_each(rankings) if parts else chosen(question, ranked)
        units += self._continued(question, units, passages)
        return list(dict.fromkeys(q for unit in in_order(units) for q in with_subject(unit, passages)))

    def rank(self, question: str, passages: Passages) -> list[Unit]:
        """The units most likely to answer, best first."""
        asked = self._asked(question)
        if not len(asked):
            return []
        units = self._first_stage(asked, passages)[:SHORTLIST]
        packed = self._token_vectors.of([unit.embedded for unit in units])
        for unit, codes in zip(units, packed, strict=True):
            unit.tokens = unpack(codes)
            unit.score = float((asked @ unit.tokens.T).max(axis=1).mean()) + unit.passage_score + _form(question, unit)
        ranked = sorted(units, key=lambda unit: (-unit.score, unit.place))
        return _of_the_kind_first(question, ranked, passages)

    def evidence(self, question: str, ranked: list[Unit], passages: Passages) -> Evidence | None:
        """What speaks for and against the best unit being an answer at all; None when there is no unit."""
        if not ranked:
            return None
        heading, sentences = passages[ranked[0].place[0]]
        candidates = [Candidate(quoted(unit, passages), unit.heading, unit.tokens) for unit in ranked]
        words = " ".join([heading, *(sentence.text for sentence in sentences)])
        asked = self._asked(question)
        mentioned = self._mentioned(question, ranked)
        return evidence(question, asked, candidates, words, ranked[0].passage_matches, mentioned=mentioned)

    def _mentioned(self, question: str, ranked: list[Unit]) -> float:
        """How well any passage matches the word that says what is asked for; 1 when there is no such word."""
        place = asked_word(question)
        if place is None:
            return 1.0
        matches = np.max([unit.passage_matches for unit in ranked], axis=0)
        encoding = self._model.question(question)
        starts, ends = encoding.offsets[_of_words(question, encoding)].T
        within = (starts < place[1]) & (ends > place[0])
        return float(matches[within].mean()) if within.any() else 1.0

    def _probability(self, question: str, ranked: list[Unit], passages: Passages) -> float:
        """That the passages answer the question; below zero when there is nothing to quote."""
        found = self.evidence(question, ranked, passages)
        return found.probability if found else -1.0

    def _asked(self, question: str) -> Vectors:
        """The token vectors of the question's words, turned; its punctuation asks for nothing."""
        encoding = self._model.question(question)
        return turn(encoding.tokens[_of_words(question, encoding)])

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
            for group in groups(sentences):
                columns = similarity[:, bounds[group[0] + 1] : bounds[group[-1] + 2]]
                if columns.shape[1]:
                    score = float(np.maximum(columns.max(axis=1), in_heading).mean()) + float(matches.mean())
                    units.append(Unit((number, group[0]), heading, [sentences[i] for i in group], matches, score))
        return sorted(units, key=lambda unit: (-unit.score, unit.place))

    def _continued(self, question: str, units: Sequence[Unit], passages: Passages) -> list[Unit]:
        """The sentences after these units that go on about them ("This partnership …") and add to the answer."""
        asked = self._asked(question)
        places = {unit.place for unit in units}
        found = []
        for unit in units:
            after = following(unit, passages)
            if after is None or not after.leans or after.place in places:
                continue
            after.tokens = unpack(self._token_vectors.of([after.embedded])[0])
            matches = (asked @ unit.tokens.T).max(axis=1)
            together = np.maximum(matches, (asked @ after.tokens.T).max(axis=1))
            if float(together.mean() - matches.mean()) >= GOES_ON:
                found.append(after)
        return found


def _of_words(question: str, encoding: Encoding) -> list[bool]:
    """Which tokens of a question ask for something: those of its words, or all when it has none."""
    words = [question[start].isalnum() for start, _ in encoding.offsets]
    return words if any(words) else [True] * len(words)


def _form(question: str, unit: Unit) -> float:
    """What a unit gains or loses by its form."""
    score = -LEANING if unit.leans else 0.0
    if WANTS_LIST.search(question) and unit.items > 1:
        score += LIST_BONUS * (1 + (unit.items == _count(question)))
    wanted = _WANTS_DEFINITION.match(question)
    if wanted and wanted["term"].lower() in unit.text.lower()[: len(wanted["term"]) + len("The ")]:
        score += DEFINED
    return score


def _count(question: str) -> int | None:
    """How many items a question says there are."""
    return next((count for word, count in COUNTS.items() if re.search(rf"\b{word}\b", question, re.IGNORECASE)), None)


def _of_the_kind_first(question: str, ranked: list[Unit], passages: Passages) -> list[Unit]:
    """The units with the first that holds the kind of thing asked for in front, if one is nearly as good."""
    for unit in ranked:
        if unit.score < NEARLY * ranked[0].score:
            break
        if not lacks_what_is_asked(question, quoted(unit, passages)):
            return [unit, *(other for other in ranked if other is not unit)]
    return ranked
