"""How far judges of the same statements agree."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from statsmodels.stats.inter_rater import cohens_kappa

from rag.types import JSON


def agreement(rows: Sequence[JSON]) -> list[JSON]:
    """For every two judges: how many statements both judged, the share on which both say supported or both do not, and
    Cohen's kappa (1960) of that, None where one of them always says the same. Empty for a single judge.
    """
    said: dict[str, dict[tuple[str, int, str, int], bool]] = {}
    for row in rows:
        for judged in [row["judged"], *row.get("other_judges", ())]:
            for number, one in enumerate(judged["statements"]):
                place = row["backend"], row["repeat"], row["case"], number
                said.setdefault(judged["judge"], {})[place] = one["verdict"] == "supported"
    return [
        {"judges": [one, other], **_agreement([(said[one][p], said[other][p]) for p in said[one] if p in said[other]])}
        for one, other in combinations(said, 2)
    ]


def _agreement(pairs: Sequence[tuple[bool, bool]]) -> JSON:
    table = np.zeros((2, 2))
    for one, other in pairs:
        table[int(one), int(other)] += 1
    varied = all(table.sum(axis=axis).all() for axis in (0, 1))
    return {
        "n": len(pairs),
        "share": round(float(np.trace(table)) / len(pairs), 6) if pairs else None,
        "kappa": round(float(cohens_kappa(table).kappa), 6) if varied else None,
    }
