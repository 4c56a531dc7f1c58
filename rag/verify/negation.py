"""Negations that a statement adds to its source or drops from it."""

from collections.abc import Iterator

from rag.verify.alignment import Alignment, Slot
from rag.verify.finding import NEAR, Finding, finding, held
from rag.verify.wording import Wording
from rag.verify.words import NEGATORS, REVERSERS, stems

_REVERSERS = stems(REVERSERS)
# "Not only", "not just": a negation that adds.
_ADDING = frozenset({"only", "just", "merely", "solely", "simply", "necessarily"})


def negations(alignment: Alignment, sentences: list[Wording]) -> Iterator[Finding]:
    claim, source = alignment.claim, alignment.source
    back = {int(j): i for i, j in enumerate(alignment.match) if j >= 0}
    in_claim, in_source = negators(claim.words), negators(source.words)
    # A word that both say turns nothing round.
    own_claim = {i for i in range(len(claim)) if alignment.match[i] < 0}
    own_source = {j for j in range(len(source.words)) if not alignment.used[j]}
    for i in in_claim:
        anchor = _anchor(i, [k for k in range(len(claim)) if alignment.match[k] >= 0 and not claim.stop[k]])
        if anchor is None:
            if not in_source and not _turned(source.stems, own_source):
                yield finding("negation", claim.words[i], None, False)
            continue
        j = int(alignment.match[anchor])
        if any(j - NEAR <= k <= j + NEAR for k in in_source):
            continue
        inserted = len(in_claim) == 1 and any(
            i in slot.claim and _inserted(slot, i, alignment) for slot in alignment.slots
        )
        reach = 2 if inserted else NEAR + 2
        if not _turned(source.stems, own_source & set(range(j - reach, j + reach + 1))):
            yield finding("negation", around(claim.words, i), around(source.words, j), inserted)
    for j in in_source:
        anchor = _anchor(j, [k for k in back if not source.stop[k]])
        if anchor is None:
            continue
        i = back[anchor]
        if any(i - NEAR <= k <= i + NEAR for k in in_claim):
            continue
        dropped = len(in_source) == 1 and _dropped(alignment, back, j)
        reach = 2 if dropped else NEAR + 2
        if not _turned(claim.stems, own_claim & set(range(i - reach, i + reach + 1))):
            yield finding("negation", around(claim.words, i), around(source.words, j), dropped)


def _inserted(slot: Slot, i: int, alignment: Alignment) -> bool:
    """Whether claim word i is all that a slot puts into a quotation."""
    return held(slot, alignment) and all(k == i or alignment.claim.stop[k] for k in slot.claim)


def _dropped(alignment: Alignment, back: dict[int, int], j: int) -> bool:
    """Whether the words around source word j stand in the statement as they do there, and it does not."""
    left = next((k for k in range(j - 1, j - NEAR, -1) if k in back), None)
    right = next((k for k in range(j + 1, j + NEAR) if k in back), None)
    if left is None or right is None or not 0 < back[right] - back[left] < NEAR:
        return False
    return bool(alignment.run[back[left]] + alignment.run[back[right]] >= NEAR)


def polarity(words: tuple[str, ...], stem_of: tuple[str, ...]) -> int:
    """How many words of a text turn its meaning round, openly or inside."""
    return len(negators(words)) + sum(one in _REVERSERS for one in stem_of)


def negators(words: tuple[str, ...]) -> list[int]:
    """Which words say "not", except where that adds: not only."""
    low = [word.lower().replace("’", "'") for word in words]
    return [
        i
        for i, word in enumerate(low)
        if (word in NEGATORS or word.endswith("n't")) and (i + 1 == len(low) or low[i + 1] not in _ADDING)
    ]


def _anchor(i: int, places: list[int]) -> int | None:
    """The nearest of `places` to word i, to the right first: that is what a negation is about."""
    near = [k for k in places if 0 < abs(k - i) <= NEAR]
    return min(near, key=lambda k: (k < i, abs(k - i)), default=None)


def _turned(stem_of: tuple[str, ...], places: set[int]) -> bool:
    """Whether a word that says "not" inside stands at one of some places."""
    return any(stem_of[k] in _REVERSERS for k in places)


def around(words: tuple[str, ...], i: int) -> str:
    return " ".join(words[max(0, i - 1) : i + 2])
