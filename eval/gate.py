"""The gate for CI: a run passes unless a figure is below its floor or surely worse than in the baseline."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.compare import Comparison, Difference, Side, compare, worst_cases
from eval.metrics import METRICS, is_gated
from eval.summary import values_of
from rag.errors import UsageError
from rag.types import JSON

EXIT_CODE = 3
WORST = 5

Floors = Mapping[str, str]
"""What must hold of a metric's mean, such as `>= 0.75`."""

# Promises that hold for every backend and every set of cases. A baseline adds its own.
FLOORS: Floors = {
    "citation_validity": ">= 1",
    "quote_exactness": ">= 1",
    "groundedness": ">= 0.9",
    "contradiction_rate": "<= 0.02",
    "error_rate": "<= 0.02",
}
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}
_FLOOR = re.compile(r"\s*(>=|<=)\s*([0-9]*\.?[0-9]+)\s*\Z")
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Breach:
    """Why a run does not pass, in words, and of which metric."""

    metric: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What keeps a run from passing, nothing when it passes, and the comparisons that were made."""

    breaches: Sequence[Breach]
    comparisons: Sequence[Comparison]

    def record(self) -> JSON:
        """The outcome as one JSON object."""
        return {
            "passed": not self.breaches,
            "breaches": [{"metric": breach.metric, "why": breach.why} for breach in self.breaches],
            "comparisons": [comparison.record() for comparison in self.comparisons],
        }


def gate(baseline: Sequence[Side], run: Sequence[Side], floors: Floors) -> Outcome:
    """Whether a run passes. Each backend meets itself in the baseline; the only one of each meets the other.

    `floors` are on top of FLOORS. Raises UsageError for a floor that cannot be read.
    """
    breaches = [breach for side in run for breach in broken_floors(side, {**FLOORS, **floors})]
    comparisons = []
    for before, after in _matched(baseline, run):
        if after is None:
            breaches.append(Breach(None, f"{before.label} is not in the run."))
        else:
            comparisons.append(compare(before, after))
            breaches += _worse(comparisons[-1])
    return Outcome(breaches, comparisons)


def broken_floors(side: Side, floors: Floors) -> list[Breach]:
    """The floors that a side's means are below. A metric that applies to no case cannot break its floor."""
    breaches = []
    for name, floor in floors.items():
        holds, bound = read_floor(name, floor)
        values = [value for _, value in values_of(side.rows, name)]
        if not values:
            continue
        value = METRICS[name].over(np.array(values))
        if not holds(value, bound):
            breaches.append(Breach(name, f"{side.label}: {name} is {value:.3f} and must be {floor}."))
    return breaches


def read_floor(name: str, floor: str) -> tuple[Callable[[float, float], bool], float]:
    """The comparison and the bound of a floor. Raises UsageError."""
    found = _FLOOR.match(floor)
    if name not in METRICS:
        raise UsageError(
            f"There is no figure {name!r} to set a floor for. Write one such as: gold_citation_recall>=0.75"
        )
    if not found:
        raise UsageError(f"{name}{floor.replace(' ', '')} is no floor. Write one such as: gold_citation_recall>=0.75")
    above = _OPERATORS[found[1]]
    slack = -TOLERANCE if found[1] == ">=" else TOLERANCE
    return lambda value, bound: above(value, bound + slack), float(found[2])


def _matched(baseline: Sequence[Side], run: Sequence[Side]) -> list[tuple[Side, Side | None]]:
    if len(baseline) == len(run) == 1:
        return [(baseline[0], run[0])]
    named = {_backend(side): side for side in run}
    return [(side, named.get(_backend(side))) for side in baseline]


def _backend(side: Side) -> str:
    backend: str = side.rows[0]["backend"]
    return backend


def _worse(comparison: Comparison) -> list[Breach]:
    breaches = []
    if comparison.missing:
        some = ", ".join(comparison.missing[:WORST])
        breaches.append(Breach(None, f"{len(comparison.missing)} cases of the baseline are not in the run: {some}."))
    if not comparison.differences:
        why = f"{comparison.after.label}: no case is as it was in the baseline, so nothing was compared."
        breaches.append(Breach(None, f"{why} Look at the run, then accept it with --accept."))
    for d in comparison.differences:
        if is_gated(d.metric) and d.is_worse:
            breaches.append(Breach(d.metric, _explained(comparison, d)))
    return breaches


def _explained(comparison: Comparison, d: Difference) -> str:
    where = ", ".join(worst_cases(comparison, d.metric, WORST))
    return (
        f"{comparison.after.label}: {d.metric} went from {d.before:.3f} to {d.after:.3f} over {d.cases} cases. "
        f"The 95 % interval of the change for the better, {d.low:.3f} to {d.high:.3f}, is below zero."
        f"{f' Most in: {where}.' if where else ''}"
    )
