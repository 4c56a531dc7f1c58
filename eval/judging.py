"""What a judge makes of an answer: the verdicts that the fidelity metrics are computed from.

A judge is a verifier (`rag.verify`) chosen for the evaluation, independently of the one that decided what was shown.
"""

import re
from collections.abc import Sequence

from eval.cases import Case
from rag.documents.passages import flat
from rag.types import JSON
from rag.verify import Check, Verifier

# A nugget counts as found when the judge scores it against the answer as high as this share of what it scores it
# against the gold quotes. So the gold itself contains every nugget, whatever the judge.
SHARE_OF_GOLD = 0.9
# A statement that its citations do not support is looked for in this many passages that share most words with it.
PASSAGES = 3


class Judge:
    """Judges the statements and nuggets of answers. Asks its verifier nothing twice; threads may share it."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self._known: dict[tuple[str, tuple[str, ...]], Check] = {}

    def judged(self, case: Case, answer: JSON) -> JSON:
        """`{judge, statements, nuggets}`, one item a shown statement and one a nugget of the case.

        A statement has its `verdict` and `score` given all its cited words, `needed` for each citation (ALCE's
        precision) and `in_passages`. A nugget is `found`, or not, or None when the gold does not hold it for the judge.
        """
        return {
            "judge": self.verifier.name,
            "statements": [self._statement(case, statement, answer) for statement in answer["statements"]],
            "nuggets": [self._nugget(case, answer, n.text) | {"vital": n.vital} for n in case.nuggets],
        }

    def _statement(self, case: Case, statement: JSON, answer: JSON) -> JSON:
        claim = statement["text"].removeprefix("- ")
        quotes = [flat(citation["quote"]) for citation in statement["citations"]]
        check = self._check(claim, quotes)
        supported = check.verdict == "supported"
        return {
            "verdict": check.verdict,
            "score": round(check.score, 4),
            "reason": check.reason,
            "needed": [supported and self._is_needed(claim, quotes, i) for i in range(len(quotes))],
            "in_passages": supported or self._in_passages(case, claim, answer["passages"]),
        }

    def _is_needed(self, claim: str, quotes: Sequence[str], i: int) -> bool:
        """Whether a quote supports the claim alone, or the others do not without it."""
        if len(quotes) == 1 or self._supports(claim, [quotes[i]]):
            return True
        return not self._supports(claim, [*quotes[:i], *quotes[i + 1 :]])

    def _in_passages(self, case: Case, claim: str, passages: Sequence[JSON]) -> bool:
        texts = [case.texts.of(p["document"]) or "" for p in passages]
        spans = [flat(text[p["start"] : p["end"]]) for text, p in zip(texts, passages, strict=True)]
        words = _words(claim)
        likely = sorted(range(len(spans)), key=lambda i: (-len(words & _words(spans[i])), i))[:PASSAGES]
        return any(self._supports(claim, [spans[i]]) for i in likely)

    def _nugget(self, case: Case, answer: JSON, nugget: str) -> JSON:
        gold = self._check(nugget, [flat(g.quote) for g in case.gold])
        if not case.gold or gold.verdict not in ("supported", "partial"):
            return {"text": nugget, "found": None}
        said = self._check(nugget, [statement["text"].removeprefix("- ") for statement in answer["statements"]])
        found = said.verdict in ("supported", "partial") and said.score >= SHARE_OF_GOLD * gold.score
        return {"text": nugget, "found": found}

    def _supports(self, claim: str, quotes: Sequence[str]) -> bool:
        return self._check(claim, quotes).verdict == "supported"

    def _check(self, claim: str, quotes: Sequence[str]) -> Check:
        key = (claim, tuple(quotes))
        if key not in self._known:
            self._known[key] = self.verifier.check(claim, quotes)
        return self._known[key]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))
