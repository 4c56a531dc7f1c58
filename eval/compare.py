"""What differs between two runs, figure by figure and case by case, and how sure that is."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.manifest import differences
from eval.metrics import METRICS, Metric, is_clock
from eval.stats import cluster_means, detectable, difference_interval, exact_mcnemar, holm
from eval.summary import judge_of, values_of
from rag.types import JSON

PASSED = 0.5
SMALLEST_P = 0.001
# Figures that are 0 or 1 for a case, so that McNemar's test applies.
YES_OR_NO = (
    "correct",
    "hit@1",
    "hit@5",
    "exact_match",
    "contains_answer",
    "abstain_recall",
    "over_refusal",
    "injection_success",
)
# Figures over what was answered in a certain way, which differs between two sides.
OVER_OUTCOMES = ("abstain_precision", "abstain_f1")


@dataclass(frozen=True, slots=True)
class Side:
    """One backend's rows of one run, and what to call it."""

    label: str
    rows: Sequence[JSON]
    manifest: JSON


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric on both sides, over the cases that both have. `better` is signed so that above zero is better.

    `p` is of the exact McNemar test, only for figures that are 0 or 1 a case; `p_holm` is corrected for how many
    were tested. `detectable` is the smallest difference that these cases could show; None where nothing varies.
    """

    metric: str
    before: float
    after: float
    better: float
    low: float | None
    high: float | None
    cases: int
    p: float | None = None
    p_holm: float | None = None
    detectable: float | None = None

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval lies on the worse side of zero."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compared. `missing` cases only the first has, `altered` ones say something else since; `differs` names
    what else the runs were not equal in: documents, prompts, settings, code, ….
    """

    before: Side
    after: Side
    differences: Sequence[Difference]
    changed: Sequence[JSON]
    missing: Sequence[str]
    altered: Sequence[str]
    differs: Sequence[str]

    def record(self) -> JSON:
        """The comparison as one JSON object."""
        return {
            "before": self.before.label,
            "after": self.after.label,
            "metrics": {
                d.metric: {name: _rounded(getattr(d, name)) for name in Difference.__slots__ if name != "metric"}
                for d in self.differences
            },
            "changed": list(self.changed),
            "missing": list(self.missing),
            "altered": list(self.altered),
            "differs": list(self.differs),
            "judges": list(self.judges),
        }

    @property
    def judges(self) -> list[str]:
        """What is known of the judges of both sides, once where they are the same."""
        return list(dict.fromkeys(filter(None, map(judge_of, (self.before.manifest, self.after.manifest)))))


def compare(before: Side, after: Side) -> Comparison:
    """Compare two sides over the cases that both have in the same wording."""
    digests = {row["case"]: row["digest"] for row in before.rows}
    others = {row["case"]: row["digest"] for row in after.rows}
    common = {case for case, digest in digests.items() if others.get(case) == digest}
    rows = [row for row in before.rows if row["case"] in common]
    clusters = {row["case"]: row["cluster"] for row in rows}
    other_rows = [row | {"cluster": clusters[row["case"]]} for row in after.rows if row["case"] in common]
    found = [_difference(rows, other_rows, name, metric) for name, metric in METRICS.items() if not is_clock(name)]
    return Comparison(
        before,
        after,
        _corrected([difference for difference in found if difference]),
        _changed(rows, other_rows),
        missing=[case for case in digests if case not in others],
        altered=[case for case in digests if case in others and case not in common],
        differs=_differs(before.manifest, after.manifest),
    )


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Comparisons that are looked at together, with Holm's correction for all their tests."""
    adjusted = iter(_corrected([d for comparison in comparisons for d in comparison.differences]))
    return [dataclasses.replace(one, differences=[next(adjusted) for _ in one.differences]) for one in comparisons]


def p_value(p: float) -> str:
    """A p-value to read: never zero."""
    return "<0.001" if p < SMALLEST_P else f"{p:.3f}"


def worst_cases(comparison: Comparison, metric: str, most: int) -> list[str]:
    """The cases in which a metric lost most, as `id (from → to)`."""
    before, after = _means(comparison.before.rows, metric), _means(comparison.after.rows, metric)
    lost = {case: METRICS[metric].sign * (before[case] - after[case]) for case in before if case in after}
    worst = sorted((case for case in lost if lost[case] > 0), key=lambda case: (-lost[case], case))
    return [f"{case} ({before[case]:.2f} → {after[case]:.2f})" for case in worst[:most]]


def _difference(before: Sequence[JSON], after: Sequence[JSON], name: str, metric: Metric) -> Difference | None:
    one, other = values_of(before, name), values_of(after, name)
    if not one or not other:
        return None
    left, right = (metric.over(np.array([value for _, value in pairs])) for pairs in (one, other))
    low, high = difference_interval(one, other, metric.over)
    means, others = cluster_means(one), cluster_means(other)
    both = [others[cluster] - means[cluster] for cluster in means if cluster in others]
    deviation = float(np.std(both, ddof=1)) if len(both) > 2 and name not in OVER_OUTCOMES else 0.0
    if metric.sign < 0 and low is not None and high is not None:
        low, high = 0.0 - high, 0.0 - low
    return Difference(
        metric=name,
        before=left,
        after=right,
        better=right - left if metric.sign > 0 else left - right,
        low=low,
        high=high,
        cases=len(_means(before, name).keys() & _means(after, name).keys()),
        p=_p_value(before, after, name) if name in YES_OR_NO else None,
        detectable=detectable(deviation, len(both)) if deviation else None,
    )


def _p_value(before: Sequence[JSON], after: Sequence[JSON], name: str) -> float | None:
    """Of the exact McNemar test; None where nothing changed. Of several repeats of a case, the majority counts."""
    one, other = _means(before, name), _means(after, name)
    common = one.keys() & other.keys()
    return exact_mcnemar([(one[case] > PASSED, other[case] > PASSED) for case in common])


def _corrected(found: list[Difference]) -> list[Difference]:
    corrected = iter(holm([d.p for d in found if d.p is not None]))
    return [dataclasses.replace(d, p_holm=next(corrected)) if d.p is not None else d for d in found]


def _differs(before: JSON, after: JSON) -> list[str]:
    """What a report puts beside each other has no manifest, and a baseline none of the cases."""
    if not before or not after:
        return []
    return [name for name in differences(before, after) if name not in ("backends", "cases")]


def _changed(before: Sequence[JSON], after: Sequence[JSON]) -> list[JSON]:
    """The cases that pass on one side only, then those answered in other words."""
    one, other = _means(before, "correct"), _means(after, "correct")
    said, says = _texts(before), _texts(after)
    changed = []
    for case in one:
        if case not in other:
            continue
        passed, passes = one[case] >= PASSED, other[case] >= PASSED
        what = "broken" if passed and not passes else "fixed" if passes and not passed else "reworded"
        if what != "reworded" or said.get(case) != says.get(case):
            changed.append({"case": case, "what": what, **_shown(before, after, case)})
    order = ["broken", "fixed", "reworded"]
    return sorted(changed, key=lambda row: order.index(row["what"]))


def _shown(before: Sequence[JSON], after: Sequence[JSON], case: str) -> JSON:
    rows = [next(row for row in side if row["case"] == case) for side in (before, after)]
    if not all("answer" in row for row in rows):
        return {}
    question = rows[0]["answer"]["question"]
    return {"question": question, "before": rows[0]["answer"]["text"], "after": rows[1]["answer"]["text"]}


def _texts(rows: Sequence[JSON]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if "answer" in row:
            found.setdefault(row["case"], []).append(row["answer"]["text"])
    return found


def _means(rows: Sequence[JSON], name: str) -> dict[str, float]:
    """A metric's mean over the repeats of each case."""
    return cluster_means([(row["case"], row["scores"][name]) for row in rows if row["scores"].get(name) is not None])


def _rounded(value: float | int | None) -> float | int | None:
    return round(value, 6) if isinstance(value, float) else value
