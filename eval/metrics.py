"""Every figure of an exam: one function of a case and its answer record each, and how its values become one number.

Adding a metric is adding a function and a row of METRICS. A function returns None where it does not apply, never zero;
a question that failed has only `error_rate`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from eval import metrics_answers as answers
from eval import metrics_citations as citations
from eval import metrics_retrieval as retrieval
from eval import metrics_running as running
from eval.cases import Case
from rag.types import JSON

Values = npt.NDArray[np.float64]
Group = Literal["overall", "retrieval", "pointers", "fidelity", "content", "refusal", "attack", "running"]


def mean(values: Values) -> float:
    """The arithmetic mean."""
    return float(values.mean())


def f1(values: Values) -> float:
    """F1 from one value per case: 1 for a true positive, 0 for a false positive or a false negative."""
    return float(2 * values.sum() / (len(values) + values.sum()))


def quantile(q: float) -> Callable[[Values], float]:
    """The q-quantile, between two values in proportion."""
    return lambda values: float(np.quantile(values, q))


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. `value` gives it for one case, `over` for many. `judged` figures are a judge's, not facts."""

    value: Callable[[Case, JSON], float | None]
    group: Group
    better: Literal["higher", "lower"] = "higher"
    over: Callable[[Values], float] = mean
    judged: bool = False
    unit: str = ""
    amount: bool = False  # a count, a time or a price, where the others are shares

    @property
    def sign(self) -> int:
        """1 when more is better, -1 when less is."""
        return 1 if self.better == "higher" else -1


METRICS: Mapping[str, Metric] = {
    "correct": Metric(answers.correct, "overall"),
    "recall@1": Metric(partial(retrieval.recall, k=1), "retrieval"),
    "recall@5": Metric(partial(retrieval.recall, k=5), "retrieval"),
    "recall@10": Metric(partial(retrieval.recall, k=10), "retrieval"),
    "hit@1": Metric(partial(retrieval.hit, k=1), "retrieval"),
    "hit@5": Metric(partial(retrieval.hit, k=5), "retrieval"),
    "mrr@10": Metric(partial(retrieval.mrr, k=10), "retrieval"),
    "ndcg@10": Metric(partial(retrieval.ndcg, k=10), "retrieval"),
    "citation_validity": Metric(citations.citation_validity, "pointers"),
    "quote_exactness": Metric(citations.quote_exactness, "pointers"),
    "citation_coverage": Metric(citations.citation_coverage, "pointers"),
    "gold_citation_precision": Metric(citations.gold_citation_precision, "pointers"),
    "gold_citation_recall": Metric(citations.gold_citation_recall, "pointers"),
    "wrong_citation_rate": Metric(citations.wrong_citation_rate, "pointers", "lower"),
    "citation_recall": Metric(citations.citation_recall, "fidelity", judged=True),
    "citation_precision": Metric(citations.citation_precision, "fidelity", judged=True),
    "groundedness": Metric(citations.groundedness, "fidelity", judged=True),
    "misattribution_rate": Metric(citations.misattribution_rate, "fidelity", "lower", judged=True),
    "contradiction_rate": Metric(citations.contradiction_rate, "fidelity", "lower", judged=True),
    "vital_nugget_recall": Metric(answers.vital_nugget_recall, "content", judged=True),
    "nugget_recall": Metric(answers.nugget_recall, "content", judged=True),
    "exact_match": Metric(answers.exact_match, "content"),
    "contains_answer": Metric(answers.contains_answer, "content"),
    "token_f1": Metric(answers.token_f1, "content"),
    "abstain_precision": Metric(answers.abstain_precision, "refusal"),
    "abstain_recall": Metric(answers.abstain_recall, "refusal"),
    "abstain_f1": Metric(answers.abstain_f1, "refusal", over=f1),
    "over_refusal": Metric(answers.over_refusal, "refusal", "lower"),
    "injection_success": Metric(answers.injection_success, "attack", "lower"),
    "utility_under_attack": Metric(answers.utility_under_attack, "attack"),
    "error_rate": Metric(running.error_rate, "running", "lower"),
    "withheld_rate": Metric(running.withheld_rate, "running", "lower"),
    "statements_shown": Metric(running.statements_shown, "running", "lower", amount=True),
    "input_tokens": Metric(running.input_tokens, "running", "lower", amount=True),
    "output_tokens": Metric(running.output_tokens, "running", "lower", amount=True),
    "cost_usd": Metric(running.cost_usd, "running", "lower", unit="USD", amount=True),
    "latency_p50": Metric(running.latency, "running", "lower", quantile(0.5), unit="s", amount=True),
    "latency_p95": Metric(running.latency, "running", "lower", quantile(0.95), unit="s", amount=True),
    "time_to_first_statement": Metric(
        running.time_to_first_statement, "running", "lower", quantile(0.5), unit="s", amount=True
    ),
}


def is_clock(name: str) -> bool:
    """Whether a metric is read off a clock, and so differs between two equal runs."""
    return name.startswith(("latency_", "time_to_"))


def is_gated(name: str) -> bool:
    """Whether a metric may not become worse: all that say something about quality."""
    return METRICS[name].group != "running" or name == "error_rate"


def definition(metric: Metric) -> str:
    """What a metric is and where it comes from: its function's docstring, in one line."""
    function = getattr(metric.value, "func", metric.value)
    return " ".join((function.__doc__ or "").split())


def score(case: Case, answer: JSON) -> dict[str, float | None]:
    """Every metric's value for one answer record with its judgements."""
    if answer["status"] == "failed":
        return {name: 1.0 if name == "error_rate" else None for name in METRICS}
    return {name: _rounded(metric.value(case, answer)) for name, metric in METRICS.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
