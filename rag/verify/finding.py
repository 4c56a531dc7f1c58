"""A disagreement between a statement and its source, and when it is certain."""

from dataclasses import dataclass

from rag.types import Disagreement
from rag.verify.alignment import Alignment, Slot

# How many words away two things still belong together.
NEAR = 4
# A tile of this many words is a quotation, not a coincidence.
VERBATIM = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """A disagreement, and whether it is aligned and unambiguous."""

    disagreement: Disagreement
    certain: bool

    @property
    def kind(self) -> str:
        """What kind of words disagree."""
        return self.disagreement.kind


def finding(kind: str, claim: str, source: str | None, certain: bool) -> Finding:
    """A Finding from its parts."""
    return Finding(Disagreement(claim, source, kind), certain)


def held(slot: Slot, alignment: Alignment) -> bool:
    """Whether a slot stands in a quotation, so that what faces it is in the same place."""
    first, last, n = slot.claim[0], slot.claim[-1], len(alignment.claim)
    left = int(alignment.run[first - 1]) if first else 0
    right = int(alignment.run[last + 1]) if last + 1 < n else 0
    if slot.anchored == 2:
        return left + right >= NEAR
    return slot.anchored == 1 and (first == 0 or last == n - 1) and left + right >= VERBATIM
