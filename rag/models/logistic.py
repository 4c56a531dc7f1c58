"""A logistic regression on standardised features, as it stands in the readable files that training writes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Logistic:
    """`terms[name] = (mean, deviation, coefficient)` of each standardised feature."""

    intercept: float
    terms: Mapping[str, tuple[float, float, float]]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Logistic":
        """From `{"intercept": …, "terms": {name: [mean, deviation, coefficient]}}`."""
        return cls(record["intercept"], {name: tuple(term) for name, term in record["terms"].items()})

    def __call__(self, features: Mapping[str, float]) -> float:
        """The probability, from 0 to 1."""
        return sigmoid(
            self.intercept
            + sum(c * (features[name] - mean) / deviation for name, (mean, deviation, c) in self.terms.items())
        )


def sigmoid(x: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
