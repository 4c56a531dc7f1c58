"""Which words of a statement correspond to which words of its source.

Exact matches come first, longest common run first whatever their order (greedy string tiling; Wise, "String
similarity via greedy string tiling", 1993), where a synonym or an acronym of the same thing counts as the same word.
What is left between two tiles in the statement faces what is left between them in the source: a slot.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.models.minilm import Vectors
from rag.verify.quantities import equal, placed
from rag.verify.wording import Flags, Floats, Wording

# A source gap longer than this faces nothing in particular.
SLOT_WORDS = 6

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The m words of all cited sentences in a row. `sentence`: which sentence each word stands in, (m,)."""

    words: tuple[str, ...]
    stems: tuple[str, ...]
    sentence: Ints
    stop: Flags
    number: Flags
    name: Flags
    rarity: Floats
    vectors: Vectors

    @classmethod
    def of(cls, sentences: Sequence[Wording]) -> "Source":
        """The words of `sentences`, of which there is at least one."""
        return cls(
            tuple(word for s in sentences for word in s.words),
            tuple(one for s in sentences for one in s.stems),
            np.repeat(np.arange(len(sentences)), [len(s) for s in sentences]),
            np.concatenate([s.stop for s in sentences]),
            np.concatenate([s.number for s in sentences]),
            np.concatenate([s.name for s in sentences]),
            np.concatenate([s.rarity for s in sentences]),
            np.concatenate([s.vectors for s in sentences]),
        )


@dataclass(frozen=True, slots=True)
class Slot:
    """Claim words `claim` that no tile covers, facing the uncovered source words `source` (maybe none).

    `anchored` counts the tiles, 0 to 2, that hold the slot in place on its two sides.
    """

    claim: tuple[int, ...]
    source: tuple[int, ...]
    anchored: int


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """`match[i]`: the source word of claim word i, or -1. `run[i]`: the length of the tile it stands in, or 0.

    `used`: which source words stand in a tile, (m,). `similarity`: cosines in context, (n, m).
    """

    claim: Wording
    source: Source
    match: Ints
    run: Ints
    used: Flags
    similarity: Floats
    slots: tuple[Slot, ...]


def align(claim: Wording, sentences: Sequence[Wording]) -> Alignment:
    """The alignment of a statement with its cited sentences."""
    source = Source.of(sentences)
    match, run = _tiles(claim, source)
    used = np.zeros(len(source.words), bool)
    used[match[match >= 0]] = True
    similarity = (claim.vectors @ source.vectors.T).astype(np.float32)
    for i, j in [*_acronyms(claim, source, match), *_numbers(claim, sentences, match)]:
        match[i], used[j] = j[0], True
    return Alignment(claim, source, match, run, used, similarity, tuple(_slots(match, source, used)))


def _tiles(claim: Wording, source: Source) -> tuple[Ints, Ints]:
    n, m = len(claim), len(source.words)
    places: dict[str, list[int]] = {}
    for j, one in enumerate(source.stems):
        places.setdefault(one, []).append(j)
    same = np.zeros((n + 1, m + 1), bool)
    for i, one in enumerate(claim.stems):
        same[i, places.get(one, [])] = True
    same[:n, :m] &= ~(claim.stop[:, None] ^ source.stop[None, :])
    runs = []
    for i, j in zip(*np.nonzero(same), strict=True):
        if i and j and same[i - 1, j - 1] and source.sentence[j - 1] == source.sentence[j]:
            continue
        length = 1
        while same[i + length, j + length] and source.sentence[j + length] == source.sentence[j]:
            length += 1
        runs.append((length, int(i), int(j)))
    match, run = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    taken = np.zeros(m, bool)
    for length, i, j in sorted(runs, key=lambda r: (-r[0], r[1], r[2])):
        free = [k for k in range(length) if match[i + k] < 0 and not taken[j + k]]
        # Function words match anywhere; alone they say nothing about the order of things.
        if len(free) < 3 and all(claim.stop[i + k] for k in free):
            continue
        for k in free:
            match[i + k], taken[j + k], run[i + k] = j + k, True, len(free)
    for i in np.flatnonzero((match < 0) & ~claim.stop).tolist():
        # A word said twice in the claim may stand once in the source.
        again = np.flatnonzero(same[i, :m])
        if len(again):
            match[i], run[i] = again[0], 1
    return match, run


def _acronyms(claim: Wording, source: Source, match: Ints) -> list[tuple[int, list[int]]]:
    """Claim words with the source words they abbreviate or spell out: U.S. and United States."""
    found: list[tuple[int, list[int]]] = []
    for i in np.flatnonzero((match < 0) & claim.name).tolist():
        letters = claim.words[i].replace(".", "").removesuffix("s")
        if letters.isupper() and len(letters) > 1:
            size = len(letters)
            for j in range(len(source.words) - size + 1):
                if "".join(word[0] for word in source.words[j : j + size]) == letters:
                    found.append((i, list(range(j, j + size))))
                    break
    for j in np.flatnonzero(source.name).tolist():
        letters = source.words[j].replace(".", "").removesuffix("s")
        if letters.isupper() and len(letters) > 1:
            size = len(letters)
            for i in range(len(claim) - size + 1):
                if "".join(word[0] for word in claim.words[i : i + size]) == letters:
                    found += [(k, [j]) for k in range(i, i + size)]
    return found


def _numbers(claim: Wording, sentences: Sequence[Wording], match: Ints) -> list[tuple[int, list[int]]]:
    """Unmatched claim words of a number with the source words of the same number, spelled otherwise."""
    known = placed(sentences)
    return [
        (i, list(range(other.first, other.last + 1)))
        for number in placed([claim])
        for other in known
        if equal(number.quantity, other.quantity)
        for i in range(number.first, number.last + 1)
        if match[i] < 0
    ]


def _slots(match: Ints, source: Source, used: Flags) -> list[Slot]:
    """The uncovered stretches of the claim, each with the uncovered source words that face it."""
    slots, n, m = [], len(match), len(source.words)
    i = 0
    while i < n:
        if match[i] >= 0:
            i += 1
            continue
        start = i
        while i < n and match[i] < 0:
            i += 1
        left = int(match[start - 1]) if start else -1
        right = int(match[i]) if i < n else -1
        facing, anchored = _facing(left, right, source, used, m)
        slots.append(Slot(tuple(range(start, i)), facing, anchored))
    return slots


def _facing(left: int, right: int, source: Source, used: Flags, m: int) -> tuple[tuple[int, ...], int]:
    """The free source words between two tiles, or beside the one tile there is, and how many tiles hold them."""
    if left >= 0 and right >= 0 and source.sentence[left] == source.sentence[right] and left < right:
        between = range(left + 1, right)
        if len(between) <= SLOT_WORDS:
            return tuple(j for j in between if not used[j]), 2
    after: list[int] = []
    if left >= 0:
        j = left + 1
        while j < m and not used[j] and source.sentence[j] == source.sentence[left] and len(after) < SLOT_WORDS:
            after.append(j)
            j += 1
    before: list[int] = []
    if right >= 0:
        j = right - 1
        while j >= 0 and not used[j] and source.sentence[j] == source.sentence[right] and len(before) < SLOT_WORDS:
            before.insert(0, j)
            j -= 1
    return tuple(after or before), int(bool(after or before))
