"""Sentences of a text, and the sentences of long evidence that matter for a statement."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import sentencex

MAX_WORDS = 235
# Words in a piece of a sentence that is too long to be one.
PIECE_WORDS = 90


def flat(text: str) -> str:
    return " ".join(text.split())


def sentences(text: str) -> list[str]:
    return [one for line in text.split("\n") for one in map(flat, sentencex.segment("en", line)) if one]


def content(text: str) -> set[str]:
    """Words by their first six letters, without the shortest: a rough stem."""
    return {word[:6] for word in re.findall(r"[a-z0-9]{3,}", text.lower())}


def select(claim: str, passages: Sequence[str], words: int = MAX_WORDS) -> list[str]:
    """The sentences that share most with the claim, rare words counting more, each with a neighbour; in order."""
    units = [piece for passage in passages for one in sentences(passage) for piece in _pieces(one)]
    lengths = [len(unit.split()) for unit in units]
    if sum(lengths) <= words:
        return units
    sets = [content(unit) for unit in units]
    frequency = Counter(word for one in sets for word in one)
    need = {word: math.log(1 + len(units) / frequency[word]) for word in content(claim) if word in frequency}
    chosen: set[int] = set()
    used = 0
    while True:
        gains = [
            0.0 if i in chosen else sum(need.get(word, 0.0) for word in one) / (8 + lengths[i]) ** 0.35
            for i, one in enumerate(sets)
        ]
        best = max(range(len(units)), key=gains.__getitem__)
        if gains[best] <= 0 or used + lengths[best] > words:
            break
        chosen.add(best)
        used += lengths[best]
        need = {word: weight * (0.45 if word in sets[best] else 1.0) for word, weight in need.items()}
        for near in (best - 1, best + 1):
            if 0 <= near < len(units) and near not in chosen and used + lengths[near] <= words * 0.75:
                chosen.add(near)
                used += lengths[near]
    return [units[i] for i in sorted(chosen or {0})]


def _pieces(sentence: str) -> list[str]:
    words = sentence.split()
    return [" ".join(words[i : i + PIECE_WORDS]) for i in range(0, len(words), PIECE_WORDS)]
