"""How well the passages were found. A passage is relevant when it overlaps a gold quote; a group of alternative quotes
is found once one of them is. Not applied where nothing was searched or nothing is to be found.
"""

from typing import Any

import ir_measures
from ir_measures import RR, R, Success, nDCG

from eval.cases import Case
from rag.types import JSON


def recall(case: Case, answer: JSON, k: int) -> float | None:
    """Share of the gold groups that the first k passages hold: R@k of ir_measures, with groups for documents."""
    gains = _gains(case, answer["passages"][:k])
    if gains is None:
        return None
    found = [f"group {group}" for covered in gains for group in sorted(covered)]
    return _measure(R @ max(1, len(case.groups)), {f"group {group}": 1 for group in case.groups}, found)


def hit(case: Case, answer: JSON, k: int) -> float | None:
    """Whether any of the first k passages is relevant: Success@k of ir_measures."""
    return _ranked(case, answer, Success @ k)


def mrr(case: Case, answer: JSON, k: int) -> float | None:
    """One over the rank of the first relevant passage, 0 beyond k: RR@k of ir_measures."""
    return _ranked(case, answer, RR @ k)


def ndcg(case: Case, answer: JSON, k: int) -> float | None:
    """nDCG@k of ir_measures (Järvelin and Kekäläinen, 2002). A passage gains 1 for every group it is the first to hold;
    ideal is the same passages in the best order, then one for every group that was not found.
    """
    return _ranked(case, answer, nDCG @ k)


def _ranked(case: Case, answer: JSON, measure: Any) -> float | None:
    gains = _gains(case, answer["passages"])
    if gains is None:
        return None
    relevant = {f"passage {rank}": len(covered) for rank, covered in enumerate(gains) if covered}
    missed = set(case.groups) - {group for covered in gains for group in covered}
    wanted = relevant | {f"group {group}": 1 for group in missed}
    return _measure(measure, wanted, [f"passage {rank}" for rank in range(len(gains))])


def _gains(case: Case, passages: list[JSON]) -> list[set[int]] | None:
    """For each passage the gold groups that it is the first to hold."""
    if not case.gold:
        return None
    left = set(case.groups)
    gains = []
    for passage in passages:
        covered = {g.group for g in case.gold if overlaps(passage, g.document, g.start, g.end)} & left
        left -= covered
        gains.append(covered)
    return gains


def overlaps(place: JSON, document: str, start: int, end: int) -> bool:
    """Whether a citation or passage of an answer record shares a character with this stretch of a document."""
    return bool(place["document"] == document and place["start"] < end and start < place["end"])


def _measure(measure: Any, gains: dict[str, int], ranked: list[str]) -> float:
    if not ranked:
        return 0.0
    qrels = [ir_measures.Qrel("case", name, gain) for name, gain in gains.items()]
    run = [ir_measures.ScoredDoc("case", name, -float(rank)) for rank, name in enumerate(ranked)]
    return float(ir_measures.calc_aggregate([measure], qrels, run)[measure])
