"""What a statement adds to its source or changes in it, as figures: the second head beside what is stated there."""

import itertools
import re
from collections.abc import Sequence

import numpy as np

from rag.verify.alignment import Alignment
from rag.verify.disagree import causal_added, hedges_dropped
from rag.verify.finding import VERBATIM, Finding
from rag.verify.negation import polarity
from rag.verify.wording import Floats
from rag.verify.words import HEDGES, LIGHT, UNIVERSAL, stems

_LIGHT = stems(LIGHT) | stems(HEDGES)
_UNIVERSAL = stems(UNIVERSAL)

Features = dict[str, float]
# What sets two things side by side, and what makes one of them the cause, the means or a part of the other.
BESIDE = re.compile(r"[;:.()–—]|\b(?:and|but|while|whereas|or|also)\b")
MAKES_ONE = re.compile(
    r"\b(?:because|as|since|so|that|which|who|by|through|thereby|therefore|thus|hence|due|"
    r"(?:allow|enabl|caus|forc|mak|lead|result|ensur|creat|giv)\w*|led|made|gave)\b"
)


def novelty(alignment: Alignment) -> Floats:
    """How much each word of the statement says that no cited word says, (n,); 0 for function words and light words."""
    claim = alignment.claim
    best = alignment.similarity.max(axis=1)
    new = np.array(
        [alignment.match[i] < 0 and not claim.stop[i] and claim.stems[i] not in _LIGHT for i in range(len(claim))]
    )
    added: Floats = (new * np.clip(1 - best, 0, 1)).astype(np.float32)
    return added


def agreement_features(alignment: Alignment, found: Sequence[Finding]) -> Features:
    """The features by name, each growing with the risk that something was changed (but `verbatim`, `stated`)."""
    claim, source = alignment.claim, alignment.source
    new = novelty(alignment)
    content = claim.content
    verbatim = float((alignment.run >= VERBATIM).mean())
    count = dict.fromkeys(("number", "name", "negation", "opposite", "scope"), 0.0)
    sure = 0.0
    for finding in found:
        kind = {"date": "number", "unit": "number", "order": "name"}.get(finding.kind, finding.kind)
        if finding.certain:
            sure += 1
        else:
            count[kind] += 1
    covered = np.array([_covered(alignment, s, content) for s in range(int(source.sentence[-1]) + 1)])
    matched = float((alignment.match[content] >= 0).mean())
    new_count = float((new > 0).sum())
    return {
        "certain": min(sure, 1.0),
        **{f"loose_{kind}": min(times, 2.0) for kind, times in count.items()},
        "hedges_dropped": min(hedges_dropped(alignment), 2),
        "cause_added": float(causal_added(alignment)),
        "new_total": float(new.sum()),
        "new_share": new_count / max(1, int(content.sum())),
        "new_worst": float(new.max()),
        "new_in_quotation": min(_quoted_slots(alignment, new), 2.0),
        "polarity": float(min(2, abs(polarity(claim.words, claim.stems) - polarity(source.words, source.stems)))),
        "new_any_verbatim": verbatim * min(new_count, 2),
        "splices": min(_splices(alignment), 2.0),
        "spread": matched - float(covered.max()),
        "sentences": float(np.log(len(covered))),
        "verbatim": verbatim,
    }


def _quoted_slots(alignment: Alignment, new: Floats) -> float:
    """How many slots with new words stand in a quotation: what is beside them, as far as there is any, is verbatim."""
    found = 0.0
    for slot in alignment.slots:
        sides = [i for i in (slot.claim[0] - 1, slot.claim[-1] + 1) if 0 <= i < len(new)]
        if sides and all(alignment.run[i] >= 2 for i in sides) and sum(alignment.run[i] for i in sides) >= 5:
            found += bool((new[list(slot.claim)] > 0).any())
    return found


def _splices(alignment: Alignment) -> float:
    """How often the statement goes from one cited sentence to another and makes them one thing.

    Two sentences may stand side by side: joined by "and", or the second from its beginning on.
    """
    claim, source = alignment.claim, alignment.source
    matched = [i for i in range(len(claim)) if alignment.match[i] >= 0 and not claim.stop[i]]
    found = 0
    for a, b in itertools.pairwise(matched):
        before, after = int(alignment.match[a]), int(alignment.match[b])
        if source.sentence[before] == source.sentence[after]:
            continue
        between = claim.text[claim.spans[a][1] - 1 : claim.spans[b][0]]  # a number may end with its comma
        opens = not (source.sentence[:after] == source.sentence[after])[~source.stop[:after]].any()
        beside = BESIDE.search(between) or (opens and "," in between)
        found += bool(MAKES_ONE.search(between)) or not beside
    return float(found)


def _covered(alignment: Alignment, sentence: int, content: np.ndarray) -> float:
    """Which share of the statement's content words one cited sentence has."""
    inside = np.array([j >= 0 and alignment.source.sentence[j] == sentence for j in alignment.match])
    return float(inside[content].mean())
