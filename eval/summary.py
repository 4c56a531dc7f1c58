"""From rows to figures: what `pincite eval run --json` prints."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from eval.agreement import agreement
from eval.metrics import METRICS, Metric
from eval.stats import Pairs, cluster_means, detectable, interval
from rag.types import JSON

DIGITS = 6


def summarized(rows: Sequence[JSON]) -> JSON:
    """`{METRIC: {mean, low, high, n}}` for the rows of one backend; `n` counts cases, a missing figure is None."""
    return {name: figure(rows, name, metric) for name, metric in METRICS.items()}


def figure(rows: Sequence[JSON], name: str, metric: Metric) -> JSON:
    """One metric over some rows."""
    pairs = values_of(rows, name)
    if not pairs:
        return {"mean": None, "low": None, "high": None, "n": 0}
    low, high = interval(pairs, metric.over, not metric.amount)
    value = metric.over(np.array([value for _, value in pairs]))
    cases = len({row["case"] for row in rows if row["scores"].get(name) is not None})
    return {"mean": _rounded(value), "low": _rounded(low), "high": _rounded(high), "n": cases}


def values_of(rows: Iterable[JSON], name: str) -> Pairs:
    """A metric's values where it applies, each with its cluster."""
    return [(row["cluster"], row["scores"][name]) for row in rows if row["scores"].get(name) is not None]


def judge_of(manifest: JSON) -> str:
    """What is known of the judge whose figures a run has: they are never shown without it. Empty without a manifest."""
    return next((str(judge["quality"]) for judge in manifest.get("judges", ())), "")


def shown(backend: str) -> str:
    """A backend as a reader should see it: of a model file the name, not where somebody keeps it."""
    return re.sub(r"(?<=llamacpp:)[^,]*[\\/]", "", backend)


def by_backend(rows: Iterable[JSON]) -> dict[str, list[JSON]]:
    """The rows of each backend, in their order."""
    found: dict[str, list[JSON]] = {}
    for row in rows:
        found.setdefault(row["backend"], []).append(row)
    return found


def detectable_of(rows: Sequence[JSON], name: str) -> float | None:
    """The smallest difference in a metric that an exam of these cases could show between two backends.

    Two backends are taken to vary as this one does and to correlate at 0.5, which makes the deviation of their
    differences that of one of them; `pincite eval compare` knows the real one.
    """
    means = list(cluster_means(values_of(rows, name)).values())
    deviation = float(np.std(means, ddof=1)) if len(means) > 2 else 0.0
    return _rounded(detectable(deviation, len(means))) if deviation else None


def record(manifest: JSON, rows: Sequence[JSON]) -> JSON:
    """The figures of a run as one JSON object."""
    figures: Mapping[str, JSON] = {backend: summarized(some) for backend, some in by_backend(rows).items()}
    return {
        "cases": len(manifest["cases"]),
        "backends": figures,
        "controls": manifest["controls"],
        "repeats": manifest["repeats"],
        "judges": manifest["judges"],
        "agreement": agreement(rows),
        "detectable": {
            backend: {"correct": detectable_of(some, "correct")} for backend, some in by_backend(rows).items()
        },
        "manifest": manifest["identity"],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
