"""What an answer took: time, tokens, money; and whether there was one at all."""

from eval.cases import Case
from rag.types import JSON


def latency(case: Case, answer: JSON) -> float | None:
    """Seconds from the question to the end of the answer."""
    return float(answer["timings_ms"]["total"]) / 1000


def time_to_first_statement(case: Case, answer: JSON) -> float | None:
    """Seconds from the question to the first statement shown; only where one was."""
    first = answer["timings_ms"]["first_statement"]
    return None if first is None else float(first) / 1000


def input_tokens(case: Case, answer: JSON) -> float | None:
    """Tokens that the model read for one question, as its provider counts them; only where it says so."""
    return _number(answer["usage"]["input_tokens"])


def output_tokens(case: Case, answer: JSON) -> float | None:
    """Tokens that the model wrote for one question, as its provider counts them; only where it says so."""
    return _number(answer["usage"]["output_tokens"])


def cost_usd(case: Case, answer: JSON) -> float | None:
    """US dollars for one question; only where the model's price is known."""
    return _number(answer["usage"]["cost_usd"])


def statements_shown(case: Case, answer: JSON) -> float | None:
    """How many statements an answer shows; only where one was given."""
    return float(len(answer["statements"])) if answer["status"] == "answered" else None


def withheld_rate(case: Case, answer: JSON) -> float | None:
    """Share of the written statements that were withheld because they failed their check."""
    written = len(answer["statements"]) + len(answer["withheld"])
    return len(answer["withheld"]) / written if written else None


def error_rate(case: Case, answer: JSON) -> float | None:
    """Whether the question got no answer because something failed."""
    return float(answer["status"] == "failed")


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
