"""Choosing a language model by one string: what is needed, what moves on to what, what is part of its answer."""

import contextlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from servers.anthropic import AnthropicCitingWire
from servers.backends import KEY, STANDS, needs_package
from servers.openai import OpenAIWire
from servers.scripted import ANSWER, Reply, free_port, serving

from rag.chat import open_chat
from rag.errors import BackendNotReady, BackendUnavailable, SettingsError, StreamCut, UnknownBackend
from rag.installing import here
from rag.llms import BACKENDS, Backend, Spec, check_spec, context_tokens, open_model
from rag.llms.candidate import Candidate
from rag.llms.fallback import FallbackChatModel, repeats
from rag.llms.prompts import REFUSAL, prompt
from rag.settings import Settings, load_settings

WORDS = "".join(ANSWER)


def settings_with(**environ: str) -> Settings:
    return load_settings({}, environ)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("gpt-5", "No backend called 'gpt-5'. Use one of: offline, openai,"),
        ("openai", "openai needs a model, for example openai:gpt-5-mini"),
        ("openai:", "openai needs a model"),
        ("offline:fast", "offline takes no model. Write just: offline"),
        ("", "names no backend"),
        ("offline,,openai:x", "names no backend"),
    ],
)
def test_a_backend_that_cannot_be_meant_is_refused_with_what_to_write(spec: str, says: str) -> None:
    with pytest.raises(UnknownBackend, match=says):
        check_spec(spec, settings_with())


@pytest.mark.parametrize("name", [name for name, row in BACKENDS.items() if row.keys])
def test_a_missing_key_is_named(name: str) -> None:
    with pytest.raises(BackendNotReady, match=BACKENDS[name].keys[0]):
        check_spec(f"{name}:some-model", settings_with())


@pytest.mark.parametrize("name", [name for name, row in BACKENDS.items() if row.package])
def test_a_missing_package_says_exactly_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, BACKENDS[name].package or "", None)
    with pytest.raises(
        BackendNotReady, match=r"Type: \S*python\S* -m pip install ('pincite\[\w+\]'|langchain-openai)$"
    ):
        open_model(f"{name}:some-model", settings_with())


def test_a_compatible_server_that_is_not_set_says_how_to_set_it() -> None:
    with pytest.raises(BackendNotReady, match="Set PINCITE_COMPATIBLE=vllm=http://HOST:PORT/v1"):
        check_spec("compatible:vllm", settings_with())
    with pytest.raises(BackendNotReady, match="Known: studio"):
        check_spec("compatible:vllm", settings_with(PINCITE_COMPATIBLE="studio=http://127.0.0.1:1234/v1"))


def test_a_nonsensical_list_of_compatible_servers_is_refused_without_its_value() -> None:
    with pytest.raises(SettingsError, match="PINCITE_COMPATIBLE has an unusable value") as refused:
        settings_with(PINCITE_COMPATIBLE="vllm at secret-host")
    assert "secret-host" not in str(refused.value)


def test_a_compatible_server_is_asked_for_the_model_that_it_serves() -> None:
    with serving(OpenAIWire()) as server:
        settings = settings_with(PINCITE_COMPATIBLE=f"vllm={server.url}/v1")
        assert open_model("compatible:vllm", settings).invoke("Hello").text == WORDS
        assert server.seen[0].body["model"] == "served-model"
        assert context_tokens("compatible:vllm", settings) == 4096


def test_a_missing_model_file_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(BackendNotReady, match=r"No model file at /nowhere/x\.gguf"):
        check_spec("llamacpp:/nowhere/x.gguf", settings_with())


def test_the_next_backend_of_the_list_answers_when_one_does_not() -> None:
    needs_package("anthropic")
    broken, working = STANDS["anthropic"], STANDS["openai"]
    with serving(broken.wire, Reply(status=529, message="Overloaded")) as first, serving(working.wire) as second:
        environ = {"ANTHROPIC_BASE_URL": first.url, "OPENAI_BASE_URL": f"{second.url}/v1"}
        settings = load_settings({"retries": 1}, {**environ, "ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY})
        message = open_model("anthropic:a-model,openai:o-model,offline", settings).invoke("Which colour is the sky?")
        assert message.text == WORDS
        assert message.response_metadata["answered_by"] == "openai:o-model"
        (reason,) = message.response_metadata["passed_over"]
        assert "anthropic:a-model failed with status 529 after 2 tries" in reason and "Overloaded" in reason


def test_a_backend_without_a_key_is_passed_over_when_another_one_is_ready() -> None:
    with serving(OpenAIWire()) as server:
        settings = settings_with(PINCITE_COMPATIBLE=f"local={server.url}/v1")
        message = open_model("anthropic:a-model,compatible:local/m", settings).invoke("Hello")
        assert message.response_metadata["answered_by"] == "compatible:local/m"
        assert "ANTHROPIC_API_KEY" in message.response_metadata["passed_over"][0]


def test_when_none_of_the_list_answers_every_reason_is_given() -> None:
    needs_package("ollama")
    address = f"http://127.0.0.1:{free_port()}"
    settings = load_settings({"retries": 0}, {"OLLAMA_HOST": address, "PINCITE_COMPATIBLE": f"local={address}/v1"})
    with pytest.raises(BackendUnavailable) as failed:
        open_model("ollama:m,compatible:local/m", settings).invoke("Hello")
    assert len(str(failed.value).splitlines()) == 2


def test_many_questions_at_once_open_a_model_only_once() -> None:
    opened = []

    def slowly(model: str, settings: Settings) -> BaseChatModel:
        opened.append(model)
        time.sleep(0.05)
        return FakeListChatModel(responses=["Yes."])

    candidate = Candidate(Spec("theirs", "m"), Backend(open=slowly, example="m"), settings_with())
    model = FallbackChatModel(candidates=[candidate], retries=0)
    with ThreadPoolExecutor(8) as pool:
        assert {message.text for message in pool.map(model.invoke, ["Hello"] * 16)} == {"Yes."}
    assert opened == ["m"]


def test_an_answer_that_broke_off_is_not_begun_again_by_the_next_backend() -> None:
    needs_package("ollama")
    broken, working = STANDS["ollama"], STANDS["compatible"]
    with serving(broken.wire, Reply(cut="reset")) as first, serving(working.wire) as second:
        settings = settings_with(OLLAMA_HOST=first.url, PINCITE_COMPATIBLE=f"local={second.url}/v1")
        with pytest.raises(StreamCut):
            open_model("ollama:m,compatible:local/m", settings).invoke("Hello")
        assert not second.seen


def test_thoughts_of_a_reasoning_model_are_not_part_of_its_answer() -> None:
    pieces = ("\n<th", "ink>The sky is gre", "en.</th", "ink>\n\nThe sky ", "is <think> blue.")
    with serving(OpenAIWire(), Reply(pieces=pieces)) as server:
        settings = settings_with(PINCITE_COMPATIBLE=f"local={server.url}/v1")
        assert open_model("compatible:local", settings).invoke("Hello").text == "The sky is <think> blue."


def test_an_answer_that_only_looks_like_a_thought_at_first_is_kept_whole() -> None:
    with serving(OpenAIWire(), Reply(pieces=("<t", "d>1</td>"))) as server:
        settings = settings_with(PINCITE_COMPATIBLE=f"local={server.url}/v1")
        assert open_model("compatible:local", settings).invoke("Hello").text == "<td>1</td>"


def test_lines_that_only_look_alike_are_no_endless_repetition() -> None:
    assert repeats("And then: " + "it rains. It rains. " * 4)
    assert not repeats("".join(f"- item {n} of the list is good. [1.{n}]\n" for n in range(40)))
    assert not repeats("| --- " * 40)


def test_a_reasoning_model_is_left_its_own_temperature() -> None:
    with serving(OpenAIWire()) as server:
        settings = settings_with(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{server.url}/v1")
        open_model("openai:o4-mini", settings).invoke("Hello")
        assert "temperature" not in server.seen[0].body


def test_a_wait_until_a_date_is_understood_too() -> None:
    later = Reply(status=429, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})
    earlier = Reply(status=429, headers={"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})
    for script, requests in (((later, Reply()), 1), ((earlier, Reply()), 2)):
        with serving(OpenAIWire(), *script) as server:
            settings = settings_with(PINCITE_COMPATIBLE=f"local={server.url}/v1")
            with contextlib.suppress(BackendUnavailable):
                open_model("compatible:local/m", settings).invoke("Hello")
            assert len(server.seen) == requests


def test_a_question_that_gemini_blocks_is_a_refusal() -> None:
    needs_package("google")
    feedback = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 11}}
    stand = STANDS["google"]
    with (
        serving(stand.wire, Reply(body=f"data: {json.dumps(feedback)}\r\n\r\n".encode())) as server,
        pytest.raises(BackendUnavailable, match="declined to answer"),
    ):
        open_model(stand.spec, stand.settings(server.url)).invoke("Hello")


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("answer", ["passages", "question"]),
        ("answer_native", ["question"]),
        ("outline", ["passages", "question"]),
        ("rewrite", ["history", "question"]),
    ],
)
def test_a_prompt_has_exactly_its_variables_and_leaves_the_way_out_open(name: str, variables: list[str]) -> None:
    assert sorted(prompt(name).input_variables) == variables
    text = (Path("rag/llms/templates") / f"{name}.md").read_text("utf-8")
    assert name == "rewrite" or REFUSAL in text


def test_anthropics_own_citations_become_the_markers_of_the_sentences_they_point_at(tmp_path: Path) -> None:
    needs_package("anthropic")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "sky.md").write_text("# The sky\n\nThe sky is blue. At dusk it is red.\n")
    pieces = ("The sky is blue, at dusk it is red{0,0,2}", ". ", "Blue it is.{0,0,1}", " Nothing else is said.")
    where = {"documents": tmp_path / "documents", "data": tmp_path / "data", "show": "mark"}
    with serving(AnthropicCitingWire(), Reply(pieces=pieces)) as server:
        answer = open_chat(STANDS["anthropic-citations"].settings(server.url, **where)).ask("Which colour is the sky?")
        *documents, question = server.seen[0].body["messages"][0]["content"]
    quotes = ["The sky is blue.", "At dusk it is red."]
    assert [[block["text"] for block in document["source"]["content"]] for document in documents] == [quotes]
    assert question["text"] == "Question: Which colour is the sky?"
    cited = [[c.quote for c in s.citations if c.origin == "cited"] for s in answer.statements]
    assert cited == [
        quotes,
        quotes[:1],
        [],
    ]


def test_a_question_is_rewritten_without_documents_by_the_backend_with_its_own_citations() -> None:
    needs_package("anthropic")
    with serving(AnthropicCitingWire(), Reply(pieces=("Who built it?",))) as server:
        settings = settings_with(ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=server.url)
        chain = prompt("rewrite") | open_model("anthropic-citations:m", settings)
        assert chain.invoke({"history": "user: The bridge", "question": "Who built it?"}).text == "Who built it?"
        assert isinstance(server.seen[0].body["messages"][0]["content"], str)


def test_what_to_install_is_typed_to_the_python_that_runs_this(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(sys.executable).parent.parent.parent)
    assert here("pip install x") == f"{Path(sys.executable).relative_to(Path.cwd())} -m pip install x"
    monkeypatch.setattr(sys, "executable", "/some where/python")
    assert here("pip install x") == "'/some where/python' -m pip install x"
    assert here("brew install x") == "brew install x"
