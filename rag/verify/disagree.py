"""Where a statement says something else than its source: numbers, names, negation, opposites, scope, order.

Only what aligns is compared. A finding is `certain` when another word stands in the same place; every other one is a
warning. Fired without alignment, such rules hit a fifth of all true rewordings.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher

import numpy as np

from rag.verify.alignment import Alignment, Source
from rag.verify.figures import numbers
from rag.verify.finding import VERBATIM, Finding, finding, held
from rag.verify.negation import negations, negators
from rag.verify.order import order
from rag.verify.wording import Wording
from rag.verify.words import CAUSAL, HEDGES, LIGHT, TIMES, UNIVERSAL, opposite, stems

_UNIVERSAL, _HEDGES = stems(UNIVERSAL), stems(HEDGES)
_CAUSAL = stems(CAUSAL)
# General words, and all against some: that is a matter of scope.
_NOT_OPPOSED = stems(LIGHT) | _UNIVERSAL | _HEDGES
# In a statement quoted to this share, a word stands in for another one that is less like it than this in its place.
QUOTED, UNLIKE = 0.75, 0.33
MOST_REPLACED = 2


def findings(alignment: Alignment, sentences: list[Wording]) -> list[Finding]:
    """Everything on which a statement and its cited sentences disagree, in the order of the rules."""
    rules = (numbers, _names, negations, _opposites, _scope, order, _replaced)
    return [found for rule in rules for found in rule(alignment, sentences)]


def _names(alignment: Alignment, sentences: list[Wording]) -> Iterator[Finding]:
    claim, source = alignment.claim, alignment.source
    for slot in alignment.slots:
        names = [i for i in slot.claim if claim.name[i] and not claim.number[i] and not _named(claim.words[i], source)]
        if not names:
            continue
        rivals = [j for j in slot.source if source.name[j] and not source.number[j]]
        words = " ".join(claim.words[i] for i in names)
        kind = "date" if any(claim.words[i].lower() in TIMES for i in names) else "name"
        if rivals and held(slot, alignment):
            yield finding(kind, words, " ".join(source.words[j] for j in rivals), True)
        else:
            yield finding(kind, words, None, False)


def _named(word: str, source: Source) -> bool:
    """Whether the source has a form of this name: Africa and African, or one misspelt letter."""
    low = word.lower()
    return any(
        low[:4] == other.lower()[:4] if len(low) < 8 else SequenceMatcher(None, low, other.lower()).ratio() > 0.85
        for other in source.words
        if len(other) > 3 and other[0].isupper()
    )


def _opposites(alignment: Alignment, sentences: list[Wording]) -> Iterator[Finding]:
    claim, source = alignment.claim, alignment.source
    for slot in alignment.slots:
        for i in slot.claim:
            if (claim.stop[i] or claim.stems[i] in _NOT_OPPOSED) and claim.stems[i] not in ("less", "more"):
                continue
            free = [j for j in range(len(source.words)) if not alignment.used[j]]
            for j in free:
                if opposite(claim.stems[i], source.stems[j]) and not any(k < i <= k + 3 for k in negators(claim.words)):
                    yield finding("opposite", claim.words[i], source.words[j], j in slot.source)
                    break


def _scope(alignment: Alignment, sentences: list[Wording]) -> Iterator[Finding]:
    claim, source = alignment.claim, alignment.source
    known = set(source.stems)
    dropped = [j for j in range(len(source.words)) if not alignment.used[j] and source.stems[j] in _HEDGES]
    for slot in alignment.slots:
        for i in slot.claim:
            if claim.stems[i] in _UNIVERSAL and claim.stems[i] not in known:
                hedge = [j for j in slot.source if j in dropped]
                yield finding("scope", claim.words[i], source.words[hedge[0]] if hedge else None, bool(hedge))


def _replaced(alignment: Alignment, sentences: list[Wording]) -> Iterator[Finding]:
    """Another word in a quotation, one for one, that means something else by the model's vectors.

    Numbers, names, and words that say how much or how surely have rules of their own.
    """
    claim, source = alignment.claim, alignment.source
    if (alignment.run >= VERBATIM).mean() < QUOTED:
        return
    for slot in alignment.slots:
        if not 0 < len(slot.claim) == len(slot.source) <= MOST_REPLACED or not held(slot, alignment):
            continue
        pairs = list(zip(slot.claim, slot.source, strict=True))
        elsewhere = any(
            claim.stop[i]
            or source.stop[j]
            or claim.number[i]
            or source.number[j]
            or (claim.name[i] and source.name[j])
            or claim.stems[i] in _NOT_OPPOSED
            or source.stems[j] in _NOT_OPPOSED
            for i, j in pairs
        )
        times = all(word.lower() in TIMES for i, j in pairs for word in (claim.words[i], source.words[j]))
        if not elsewhere and (times or alignment.similarity[np.ix_(slot.claim, slot.source)].max() < UNLIKE):
            said, instead_of = [claim.words[i] for i, _ in pairs], [source.words[j] for _, j in pairs]
            yield finding("date" if times else "word", " ".join(said), " ".join(instead_of), True)


def causal_added(alignment: Alignment) -> bool:
    """Whether the statement makes a cause of something and no cited sentence does."""
    said = {alignment.claim.stems[i] for i in range(len(alignment.claim))} & _CAUSAL
    return bool(said) and not set(alignment.source.stems) & _CAUSAL


def hedges_dropped(alignment: Alignment) -> int:
    """How many words of doubt stand before a matched source word and nowhere in the statement."""
    source = alignment.source
    if set(alignment.claim.stems) & _HEDGES:
        return 0
    return sum(
        source.stems[j] in _HEDGES and not alignment.used[j] and bool(alignment.used[j + 1 : j + 3].any())
        for j in range(len(source.words))
    )
