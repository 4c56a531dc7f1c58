"""Putting one real question to each backend of a list, to see whether it answers and keeps to the protocol."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.errors import BackendError
from rag.llms.prices import cost_usd
from rag.llms.specs import parse_spec
from rag.llms.table import open_model
from rag.settings import Settings

PASSAGES = (
    "[1] The harbour bridge\n[1.1] The harbour bridge was opened to traffic in 1932.\n[1.2] It is 503 metres long."
)
QUESTION = "When was the harbour bridge opened?"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `error` is None when the backend answered; `cited` is whether it pointed at the sentence.

    `cost_usd` is None when the price is not known.
    """

    spec: str
    error: str | None
    cited: bool
    seconds: float
    cost_usd: float | None = None


def try_backends(spec: str, settings: Settings) -> list[Trial]:
    """One trial a listed backend, in order. Raises UnknownBackend; everything else is in the trials.

    `offline` asks nobody, so there is nothing to try.
    """
    from rag.llms.prompts import prompt

    trials = []
    for one in map(str, parse_spec(spec)):
        if one == "offline":
            trials.append(Trial(one, None, cited=True, seconds=0.0, cost_usd=0.0))
            continue
        began = time.perf_counter()
        error, words, cost = None, "", None
        try:
            chain = prompt("answer") | open_model(one, settings)
            said = chain.invoke({"passages": PASSAGES, "question": QUESTION})
            words = said.text
            used: Mapping[str, Any] = said.usage_metadata or {}
            cost = cost_usd(one, used.get("input_tokens"), used.get("output_tokens"))
        except BackendError as failure:
            error = str(failure)
        trials.append(Trial(one, error, "[1.1]" in words, time.perf_counter() - began, cost))
    return trials
