"""What a verifier answers, and what a verifier is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.types import Disagreement, Verdict

NO_CITATION = "no citation"


@dataclass(frozen=True, slots=True)
class Check:
    """What a verifier makes of one statement and the words it cites. `score` is from 0 (not stated) to 1 (stated).

    `unsupported_words`: offsets into the statement of the words that the cited words do not support, where known.
    """

    verdict: Verdict
    score: float
    reason: str | None = None
    disagreements: tuple[Disagreement, ...] = ()
    unsupported_words: tuple[tuple[int, int], ...] = ()


UNCITED = Check("unsupported", 0.0, NO_CITATION)


class Verifier(Protocol):
    """Decides whether cited words support a statement. `quality` says in one line which it is and how good."""

    name: str
    quality: str

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        """The verdict on `statement` given the exact cited words; without any it is unsupported."""
        ...


class Unchecked:
    """Checks nothing: what has a citation is shown to be checked by the person who reads it."""

    name = "none"
    quality = "nothing is checked (PINCITE_VERIFIER=none)"

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        """Partial, for want of a check; unsupported without cited words."""
        return Check("partial", 0.5, "not checked") if any(quote.strip() for quote in quotes) else UNCITED


def idle(statement: str, quotes: Sequence[str], verifier: Verifier) -> set[int]:
    """Indices of the quotes that are idle: the rest supports the statement, and the quote alone does not.

    That is citation precision as ALCE defines it (Gao et al., "Enabling Large Language Models to Generate Text with
    Citations", 2023); citation recall is `verifier.check` on all quotes together.
    """
    if len(quotes) < 2:
        return set()

    def supports(some: Sequence[str]) -> bool:
        return verifier.check(statement, some).verdict == "supported"

    kept = list(range(len(quotes)))
    for i in range(len(quotes)):
        rest = [j for j in kept if j != i]
        if rest and not supports([quotes[i]]) and supports([quotes[j] for j in rest]):
            kept = rest
    return set(range(len(quotes))) - set(kept)
