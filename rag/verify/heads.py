"""The two fitted heads, read from `data/offline.json`, which `eval/train_verifier.py` writes.

Stated: a logistic regression. Agrees: boosted trees, each allowed to move only the way its feature should.
"""

import functools
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.models.logistic import Logistic, sigmoid

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Boosted:
    """A sum of trees on the log-odds scale. A tree is a number, or `[feature, threshold, if at most, if above]`."""

    intercept: float
    trees: tuple[Any, ...]

    def __call__(self, features: Features) -> float:
        """The probability, from 0 to 1."""
        total = self.intercept
        for tree in self.trees:
            at = tree
            while isinstance(at, list):
                at = at[2] if features[at[0]] <= at[1] else at[3]
            total += at
        return sigmoid(total)


@dataclass(frozen=True, slots=True)
class Heads:
    """Both heads, the thresholds chosen for them, and what the reader is told about how good they are."""

    stated: Logistic
    agrees: Boosted
    supported_from: float
    unsupported_below: float
    quality: str


@functools.cache
def load_heads() -> Heads:
    """The heads that ship with the package."""
    return heads_from(
        json.loads((importlib.resources.files("rag.verify") / "data" / "offline.json").read_text("utf-8"))
    )


def heads_from(record: Mapping[str, Any]) -> Heads:
    """The heads that a training record describes."""
    stated, agrees, thresholds = record["stated"], record["agrees"], record["thresholds"]
    return Heads(
        Logistic.of(stated),
        Boosted(agrees["intercept"], tuple(agrees["trees"])),
        thresholds["supported_from"],
        thresholds["unsupported_below"],
        record["quality"],
    )
