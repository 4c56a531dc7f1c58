"""The verifier that needs nothing but the bundled models: the reader's probabilities in a small calibrated stack.

Two logistic regressions, fitted by `python -m eval.training verifier`: one for any statement, one for a near copy of
its source, which is judged on what differs. Numbers, dates and units are compared exactly.
"""

import functools
import importlib.resources
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.models.logistic import Logistic
from rag.models.minilm import MiniLM
from rag.models.reader import Pair, Reader, Support
from rag.types import Disagreement
from rag.verify.check import UNCITED, Check
from rag.verify.difference import Difference, is_quoted, nearest, nearly_copied, sentences_in, shared, words_in
from rag.verify.numbers import Quantity, unmatched

# A long answer is judged by its first sentences only; a statement has one.
MAX_SENTENCES = 40
WORST_TOKENS = 3
# The bundled model's vocabulary is sorted by how common its words are; this is where "the" stands in it.
COMMONEST = 1996
# What is contradicted, or has a figure that is not in the source, is never more likely than not.
LIKELY = 0.49
NOTHING_SAID = Check("unsupported", 0.0, "nothing to check")

Span = tuple[int, int]
Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class Stack:
    """The fitted part. A score is compared with the thresholds of its head.

    `supported_from` and `partial_from` are for the first head, `copied_from` and `contradicted_from` for near copies.
    """

    support: Logistic
    copy: Logistic
    supported_from: float
    partial_from: float
    copied_from: float
    contradicted_from: float
    quality: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Stack":
        """From what the training writes."""
        heads = Logistic.of(record["support"]), Logistic.of(record["copy"])
        return cls(*heads, **record["thresholds"], quality=record["quality"])


@functools.cache
def bundled_stack() -> Stack:
    """The stack that comes with the package."""
    return Stack.of(json.loads((importlib.resources.files("rag.verify") / "data" / "stack.json").read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Examination:
    """A statement and its cited words, read once. `copy` is set for a near copy of the source."""

    support: Features
    copy: Features | None
    difference: Difference | None
    figures: tuple[Quantity, ...]
    contradicted: float


class ReaderVerifier:
    """Judges how far a statement is stated in the cited words, and a near copy by what was changed."""

    name = "reader"

    def __init__(self, reader: Reader, model: MiniLM, stack: Stack | None = None) -> None:
        self._reader, self._model = reader, model
        self._stack = stack or bundled_stack()
        self.quality = self._stack.quality
        self._weight = functools.lru_cache(16384)(self._rarity)

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        """The verdict on `statement` given the exact cited words, all together."""
        if not any(quote.strip() for quote in quotes):
            return UNCITED
        if self.check_quoted(statement, quotes):
            return Check("supported", 1.0)
        seen = self.examine(statement, quotes)
        return judge(statement, seen, self._stack) if seen else NOTHING_SAID

    def check_quoted(self, statement: str, quotes: Sequence[str]) -> bool:
        """Whether a statement is one of the quotes or whole sentences of them, which needs no judgement."""
        return is_quoted(statement, [*quotes, *(sentence for quote in quotes for sentence in sentences_in(quote))])

    def examine(self, statement: str, quotes: Sequence[str]) -> Examination | None:
        """What the stack judges by; None when the statement or the cited words have no words."""
        claims = sentences_in(statement)[:MAX_SENTENCES]
        sentences = [sentence for quote in quotes for sentence in sentences_in(quote)]
        if not claims or not sentences:
            return None
        read = [self._read(claim, sentences) for claim in claims]
        weights = [len(words_in(claim)) for claim in claims]
        support = {
            name: float(np.average([features[name] for features, _ in read], weights=weights)) for name in read[0][0]
        }
        source = " ".join(sentences)
        figures = unmatched(statement, source)
        support["weakest"] = min(features["all"] for features, _ in read)
        support["figures"] = float(min(len(figures), 3))
        support["source_words"] = math.log1p(len(words_in(source)))
        support["claims"] = math.log(len(claims))
        changed = nearly_copied(statement, [sentences[i] for i in sorted(nearest(statement, sentences, self._weight))])
        copy = self._copy(statement, changed, len(figures)) if changed else None
        contradicted = max(found.contradicted for _, found in read)
        return Examination(support, copy, changed, tuple(figures), contradicted)

    def _read(self, claim: str, sentences: Sequence[str]) -> tuple[Features, Support]:
        """One sentence of a statement beside the cited sentences nearest to it."""
        near = nearest(claim, sentences, self._weight)
        texts = tuple(sentences[i] for i in sorted(near))
        alone, every = self._reader.supports([Pair(claim, (sentences[near[0]],)), Pair(claim, texts)])
        encoded = self._model.encode([claim, *texts])
        tokens = np.concatenate([one.tokens for one in encoded[1:]])
        best = (encoded[0].tokens @ tokens.T).max(axis=1, initial=-1.0)
        best = best if len(best) else np.zeros(1, np.float32)
        features = {
            "all": log_odds(every.supported),
            "alone": log_odds(alone.supported),
            "contradicted": log_odds(every.contradicted),
            "worst": float(np.sort(best)[:WORST_TOKENS].mean()),
            "match": float(best.mean()),
            "shared": shared(claim, " ".join(sentences), self._weight),
            "shared_by_one": shared(claim, sentences[near[0]], self._weight),
        }
        return features, every

    def _copy(self, statement: str, changed: Difference, figures: int) -> Features:
        """A near copy beside its source, read in both directions."""
        forward, back = self._reader.supports([Pair(statement, (changed.source,)), Pair(changed.source, (statement,))])
        marked = [p for start, end, p in forward.words if any(start < e and s < end for s, e in changed.added)]
        both = log_odds(forward.supported), log_odds(back.supported)
        return {
            "forward": both[0],
            "back": both[1],
            "least": min(both),
            "marked": log_odds(max(marked, default=0.0)),
            "moved": float(min(changed.moved, 4)),
            "figures": float(min(figures, 2)),
            "added": float(min(sum(len(words_in(statement[s:e])) for s, e in changed.added), 8)),
            "missing": float(min(changed.missing, 8)),
            "copied": changed.copied,
        }

    def _rarity(self, word: str) -> float:
        return math.log(max(self._model.rarity(word), COMMONEST) / COMMONEST)


def judge(statement: str, seen: Examination, stack: Stack) -> Check:
    """The verdict on what was seen: a near copy by what was changed, all else by how far it is stated.

    A number, date or unit that the cited words do not have is never supported, whatever the reader says.
    """
    stated = stack.support(seen.support)
    score = stated if seen.copy is None else stack.copy(seen.copy)
    certain = stack.supported_from if seen.copy is None else stack.copied_from
    if score >= certain and not seen.figures:
        return Check("supported", score)
    noted = _disagreements(statement, seen)
    words = tuple((start, end) for start, end, _ in noted)
    against = [one for _, _, one in noted if one.kind == "number" and one.source]
    disagreements = tuple(one for _, _, one in noted)
    if against or seen.contradicted >= stack.contradicted_from:
        reason = f"the source says “{against[0].source}”" if against else "the source says otherwise"
        return Check("contradicted", min(score, LIKELY), reason, disagreements, words)
    if max(score, stated) < stack.partial_from:
        return Check("unsupported", score, "the cited words do not say this", disagreements, words)
    score = min(score, LIKELY) if seen.figures else score
    reason = "almost the source's words, but not quite" if seen.copy else "reworded, or only partly stated"
    return Check("partial", score, reason, disagreements, words)


def _disagreements(statement: str, seen: Examination) -> list[tuple[int, int, Disagreement]]:
    """What is named as not supported, in order: where a near copy differs, and figures that the source has not."""
    figures = {(one.start, one.end) for one in seen.figures}
    found: list[tuple[int, int, Disagreement]] = []
    if seen.difference:
        for (start, end), instead in zip(seen.difference.added, seen.difference.replaced, strict=True):
            number = any(start < right and left < end for left, right in figures)
            kind = "number" if number else "words"
            found.append((start, end, Disagreement(statement[start:end], instead or None, kind)))
    for left, right in figures:
        if not any(start < right and left < end for start, end, _ in found):
            found.append((left, right, Disagreement(statement[left:right], None, "number")))
    return sorted(found, key=lambda one: one[:2])


def log_odds(chance: float) -> float:
    """Of a probability, at most about 7 either way."""
    inside = min(max(chance, 1e-3), 1 - 1e-3)
    return math.log(inside / (1 - inside))
