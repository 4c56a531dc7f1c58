"""A language model as verifier: `judge:BACKEND`, with one prompt, `rag/llms/templates/judge.md`."""

import re
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from rag.llms.prompts import prompt
from rag.types import Verdict
from rag.verify.check import UNCITED, Check

# What a verdict is worth when the model gives no number beside it.
WORTH: dict[Verdict, float] = {"supported": 0.95, "partial": 0.5, "unsupported": 0.1, "contradicted": 0.05}
VERDICT = re.compile(r"\b(unsupported|not supported|contradicted|partial|supported)(?:ly)?\b", re.IGNORECASE)
NUMBER = re.compile(r"^\D*(\d{1,3})\s*%?\W*$")
REASON_CHARACTERS = 200


class JudgeVerifier:
    """Asks a chat model about each statement once. What it does not answer in the agreed form supports nothing."""

    def __init__(self, spec: str, model: BaseChatModel) -> None:
        self.name = f"judge:{spec}"
        self.quality = f"{spec} as judge: not measured here; `pincite eval calibrate --judge {self.name}` measures it"
        self._chain = prompt("judge") | model

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        """The model's verdict, score and reason. Raises BackendUnavailable when the model does not answer."""
        if not any(quote.strip() for quote in quotes):
            return UNCITED
        reply = self._chain.invoke({"source": "\n\n".join(quotes), "statement": statement})
        return parse(str(reply.text))


def parse(reply: str) -> Check:
    """The check that a model's three lines describe."""
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    found = VERDICT.search(lines[0]) if lines else None
    if not found:
        return Check("unsupported", 0.0, "the judge gave no verdict")
    said = found[1].lower()
    verdict: Verdict = next(name for name in WORTH if name == said.replace("not supported", "unsupported"))
    numbers = [float(match[1]) for line in lines[1:] if (match := NUMBER.match(line))]
    score = min(numbers[0], 100.0) / 100 if numbers else WORTH[verdict]
    words = [line for line in lines[1:] if not NUMBER.match(line)]
    reason = " ".join(words)[:REASON_CHARACTERS] or None
    return Check(verdict, score, None if verdict == "supported" else reason or "the judge gave no reason")
