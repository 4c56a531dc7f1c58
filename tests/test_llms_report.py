"""What is said about language models before they are asked: usable or not, at what cost, how much they read."""

from pathlib import Path

import pytest
from servers.backends import KEY, needs_package
from servers.openai import OpenAIWire
from servers.scripted import ANSWER, Reply, free_port, serving

from rag.llms import (
    BACKENDS,
    backends_report,
    context_tokens,
    cost_usd,
    fit,
    leaves_machine,
    passages_for,
    prompt_room,
    try_backends,
)
from rag.settings import Settings, load_settings
from rag.types import Chunk, Passage

WORDS = "".join(ANSWER)


def settings_with(**environ: str) -> Settings:
    return load_settings({}, environ)


@pytest.mark.parametrize(
    ("spec", "environ", "leaves"),
    [
        ("offline", {}, False),
        ("ollama:m", {}, False),
        ("ollama:m", {"OLLAMA_HOST": "http://gpu.example:11434"}, True),
        ("openai:m", {"OPENAI_API_KEY": KEY}, True),
        ("openai:m", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}, False),
        ("compatible:x", {"PINCITE_COMPATIBLE": "x=http://[::1]:8000/v1"}, False),
        ("compatible:x", {"PINCITE_COMPATIBLE": "x=http://10.0.0.7:8000/v1"}, True),
        ("ollama:m,anthropic:m", {"ANTHROPIC_API_KEY": KEY}, True),
        ("ollama:m,anthropic:m", {}, False),
    ],
)
def test_passages_leave_the_machine_exactly_when_an_address_is_elsewhere(
    spec: str, environ: dict[str, str], leaves: bool
) -> None:
    assert leaves_machine(spec, settings_with(**environ)) is leaves


def test_the_report_tells_what_can_be_used_now_and_why_the_rest_cannot() -> None:
    with serving(OpenAIWire()) as server:
        settings = settings_with(
            OPENAI_API_KEY=KEY, PINCITE_COMPATIBLE=f"up={server.url}/v1,down=http://127.0.0.1:{free_port()}/v1"
        )
        report = {line["name"]: line for line in backends_report(settings)}
    assert set(report) >= {*BACKENDS, "compatible:up", "compatible:down"} - {"compatible"}
    assert report["offline"]["usable"] and report["openai"]["usable"] and report["compatible:up"]["usable"]
    assert report["compatible:up"]["context"] == 4096
    assert "No server answers" in report["compatible:down"]["why"]
    assert "ANTHROPIC_API_KEY" in report["anthropic"]["why"]
    assert report["openai"]["leaves_machine"] and not report["offline"]["leaves_machine"]
    assert KEY not in repr(report)


def test_a_cost_is_tokens_times_price_and_unknown_is_none_never_zero() -> None:
    assert cost_usd("openai:gpt-4o", 1_000_000, 100_000) == pytest.approx(2.5 + 1.0)
    assert cost_usd("openai:a-model-of-tomorrow", 10, 10) is None
    assert cost_usd("openai:gpt-4o", None, 10) is None
    assert cost_usd("google:gemini-2.5-pro", 300_000, 0) > 2 * (cost_usd("google:gemini-2.5-pro", 100_000, 0) or 0)
    assert cost_usd("offline", None, None) == 0.0
    assert cost_usd("openai:gpt-4o,offline", 10, 10) is None


@pytest.mark.parametrize(
    ("spec", "environ", "count"),
    [
        ("offline", {}, 8),
        ("openai:m", {"OPENAI_API_KEY": KEY}, 8),
        ("ollama:m", {}, 4),
        ("compatible:x", {"PINCITE_COMPATIBLE": "x=http://127.0.0.1:8000/v1"}, 4),
        ("compatible:x", {"PINCITE_COMPATIBLE": "x=http://10.0.0.7:8000/v1"}, 8),
        ("openai:m,ollama:m", {}, 4),
        ("ollama:m", {"PINCITE_PASSAGES": "6"}, 6),
    ],
)
def test_a_model_on_this_machine_reads_fewer_passages_unless_it_is_told_how_many(
    spec: str, environ: dict[str, str], count: int
) -> None:
    assert passages_for(spec, settings_with(**environ)) == count


def passages_of(count: int) -> tuple[Passage, ...]:
    chunk = Chunk("a.txt", "0" * 64, "A", 0, 1, "x", (), ())
    return tuple(Passage(chunk, 1.0 - rank / 10) for rank in range(count))


def test_a_small_context_window_drops_the_lowest_passages() -> None:
    passages = passages_of(8)
    assert fit(passages, None, lambda kept: 100 * len(kept)) == passages
    assert fit(passages, 350, lambda kept: 50 + 100 * len(kept)) == passages[:3]
    assert fit(passages, 100, lambda kept: 50 + 100 * len(kept)) == ()
    assert prompt_room(None) is None
    assert prompt_room(8_192) == 5_973
    assert prompt_room(400) == 250


def test_the_context_window_comes_from_the_setting_then_the_table() -> None:
    environ = {"OPENAI_API_KEY": KEY}
    assert context_tokens("openai:gpt-4o", settings_with(**environ)) == 128_000
    assert context_tokens("openai:a-model-of-tomorrow", settings_with(**environ)) is None
    assert context_tokens("openai:gpt-4o,ollama:m", settings_with(**environ)) == 8_192
    assert context_tokens("openai:gpt-4o", settings_with(**environ, PINCITE_CONTEXT_TOKENS="2000")) == 2_000
    assert context_tokens("offline", settings_with(PINCITE_CONTEXT_TOKENS="2000")) is None


def test_a_trial_asks_one_real_question_and_says_what_came_of_it() -> None:
    needs_package("ollama")
    with serving(OpenAIWire(), Reply(pieces=("Sentences: [1.1]\n", "In 1932. [1.1]"))) as server:
        settings = settings_with(PINCITE_COMPATIBLE=f"local={server.url}/v1", OLLAMA_HOST=f"127.0.0.1:{free_port()}")
        answered, down = try_backends("compatible:local,ollama:m", settings)
        assert "harbour bridge" in server.seen[0].body["messages"][-1]["content"]
    assert (answered.spec, answered.error, answered.cited) == ("compatible:local", None, True)
    assert (down.cited, "Nothing answers" in str(down.error)) == (False, True)


def test_every_backend_and_its_settings_are_in_the_documentation() -> None:
    text = Path("docs/backends.md").read_text("utf-8")
    for name, row in BACKENDS.items():
        assert f"| `{name}" in text
        for setting in (*row.keys, row.address_setting, row.install):
            assert setting is None or setting in text or "langchain-openai" in setting or "OPENROUTER_BASE" in setting
