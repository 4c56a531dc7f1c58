"""How far a statement is stated in its cited words, as figures: what the first head judges by.

Word matches are MaxSim over the model's token vectors (Khattab & Zaharia, "ColBERT", 2020), a word's vector being
the mean of its pieces.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from rag.models.minilm import Vectors
from rag.verify.quantities import equal, quantities
from rag.verify.wording import Floats, Outline, Wording

Features = dict[str, float]
# The directions in which the words of the nearest sentences vary most.
SPAN_DIRECTIONS = 12
WINDOW = 6


def stated_features(
    claims: Sequence[Wording], source: Sequence[Outline], close: Sequence[Sequence[Wording]]
) -> Features:
    """The features by name. `close[k]`: the sentences read closely for claim sentence k; `source`: all of them.

    A statement of several sentences has the mean of its sentences' features, by length.
    """
    each = [_lexical(claim, source) | _matches(claim, near) for claim, near in zip(claims, close, strict=True)]
    lengths = np.array([len(claim) for claim in claims], np.float64)
    means = {name: float(np.average([one[name] for one in each], weights=lengths)) for name in each[0]}
    return means | {
        "log_claim_words": float(np.log1p(lengths.sum())),
        "log_source_words": float(np.log1p(sum(len(sentence) for sentence in source))),
    }


def _lexical(claim: Wording, source: Sequence[Outline]) -> Features:
    """Which words of the claim stand anywhere in the source, in the two neighbouring sentences with most, in a row."""
    weight = claim.weight
    everywhere = {one for sentence in source for one in sentence.stems}
    exact = np.array([one in everywhere for one in claim.stems])
    pairs = [set(a.stems) | set(b.stems) for a, b in itertools.pairwise(source)] or [everywhere]
    bigrams = _bigrams(claim)
    known_bigrams = set().union(*(_bigrams(sentence) for sentence in source))
    claimed = quantities(claim.text)
    known = [quantity for sentence in source for quantity in quantities(sentence.text)]
    unknown = [q for q in claimed if not any(equal(q, k) for k in known)]
    return {
        "recall": _mean(exact, weight),
        "recall_in_two": max(_mean(np.array([one in pair for one in claim.stems]), weight) for pair in pairs),
        "bigrams": len(bigrams & known_bigrams) / len(bigrams) if bigrams else float(exact.mean()),
        "names": float(np.log1p(claim.name.sum())),
        "names_unknown": float((claim.name & ~exact).sum()),
        "numbers_unknown": len(unknown) / max(1, len(claimed)),
        "unknown_weight": float(claim.rarity[claim.content & ~exact].sum()),
    }


def _matches(claim: Wording, near: Sequence[Wording]) -> Features:
    """How well each word of the claim is matched in context by the sentences read closely."""
    weight, content = claim.weight, claim.content
    per_sentence = np.stack([(claim.vectors @ sentence.vectors.T).max(axis=1) for sentence in near])
    best = per_sentence.max(axis=0)
    worst = np.sort(best[content])
    order = np.argsort(-(per_sentence @ weight), kind="stable")
    nearest = near[int(order[0])]
    back = (claim.vectors @ nearest.vectors.T).max(axis=0)
    everything = {one for sentence in near for one in sentence.stems}
    missing = weight * np.array(
        [0.0 if one in everything else 1 - max(0.0, float(match)) for one, match in zip(claim.stems, best, strict=True)]
    )
    top = [near[int(i)] for i in order[:3]]
    return {
        "match": float(best[content].mean()),
        "match_worst_quarter": float(worst[: max(1, len(worst) // 4)].mean()),
        "match_below_half": _mean(best < 0.5, weight),
        "match_worst_name": float(best[claim.name].min()) if claim.name.any() else 1.0,
        "match_in_windows": _windows(per_sentence, weight),
        "missing_most": float(missing.max()),
        "in_span": _in_span(claim, top, weight),
        "off_direction": _off_direction(claim, top[:2], weight),
        "source_matched": _mean(back, nearest.weight),
        "cosine": max(float(claim.vector @ sentence.vector) for sentence in near),
    }


def _mean(values: np.ndarray, weight: Floats) -> float:
    total = float(weight.sum())
    return float((values * weight).sum() / total) if total > 0 else 0.0


def _bigrams(outline: Outline) -> set[tuple[str, str]]:
    """Pairs of content words that follow one another, whatever function words stand between."""
    content = [one for one, stop in zip(outline.stems, outline.stop, strict=True) if not stop]
    return set(itertools.pairwise(content))


def _windows(per_sentence: Floats, weight: Floats) -> float:
    """Mean over stretches of six words of the match in the one sentence that matches the whole stretch best."""
    n = per_sentence.shape[1]
    if n <= WINDOW:
        return float((per_sentence @ weight).max() / max(float(weight.sum()), 1e-6))
    sums = np.cumsum(np.pad(per_sentence * weight, ((0, 0), (1, 0))), axis=1)
    weights = np.cumsum(np.pad(weight, (1, 0)))
    stretch = (sums[:, WINDOW:] - sums[:, :-WINDOW]) / np.maximum(weights[WINDOW:] - weights[:-WINDOW], 1e-6)
    return float(stretch.max(axis=0).mean())


def _in_span(claim: Wording, top: Sequence[Wording], weight: Floats) -> float:
    """How much of each word's vector lies in the main directions of the nearest sentences' words."""
    directions = _directions(np.concatenate([sentence.vectors for sentence in top]))
    return _mean(np.linalg.norm(claim.vectors @ directions.T, axis=1), weight)


def _directions(vectors: Vectors) -> Vectors:
    """The (up to 12) directions that hold most of the vectors, by the eigenvectors of their Gram matrix."""
    values, left = np.linalg.eigh((vectors @ vectors.T).astype(np.float64))
    kept = [k for k in np.argsort(-values)[:SPAN_DIRECTIONS] if values[k] > 1e-6]
    return (left[:, kept].T @ vectors / np.sqrt(values[kept])[:, None]).astype(np.float32)


def _off_direction(claim: Wording, top: Sequence[Wording], weight: Floats) -> float:
    """How far the words point where the claim as a whole departs from the nearest two sentences."""
    source = np.sum([sentence.vector * np.sqrt(len(sentence)) for sentence in top], axis=0)
    source = source / max(float(np.linalg.norm(source)), 1e-9)
    departs = claim.vector - (claim.vector @ source) * source
    departs = departs / max(float(np.linalg.norm(departs)), 1e-6)
    return _mean(claim.vectors @ departs, weight)
