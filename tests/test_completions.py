"""OpenAI's protocol, spoken to by OpenAI's own client: existing chat front ends can sit in front."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT
from http_door import Api, answering, without_times
from openai import APIError, BadRequestError, InternalServerError, NotFoundError, OpenAI
from scripted_chat import ScriptedChat, answered, cite, document
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, free_port, serving

from rag.chat import Chat, open_chat
from rag.settings import Settings, load_settings
from rag.types import Answer, Disagreement, Notice, Statement
from ui.markdown import markdown, plain, spoken

QUESTION = "When was the harbour bridge opened?"
OPENED = "The harbour bridge was opened to traffic in 1932."
TOLL = "The toll pays for its upkeep."
TEXT = f"{OPENED} It is 503 metres long. {TOLL}\n"
ALLOWED = r"Use one of: pincite, openai:some, offline, openai:other\.|names no backend\."
WRITTEN = (
    "Sentences: [1.1] [1.3]\n",
    f"It carried traffic from 1932 on. [1.1] {TOLL} [1.3] It is made of cheese. [1.2]",
)


class World:
    """The API over one document, whose settings name a language model of a scripted server."""

    def __init__(self, api: Api, model: ScriptedServer, chat: Chat) -> None:
        self.api, self.model, self.chat = api, model, chat
        self.client = OpenAI(base_url=api.url, api_key="anything", max_retries=0, timeout=600)

    def ask(self, *messages: str | dict[str, Any], **more: Any) -> Any:
        said = [m if isinstance(m, dict) else {"role": "user", "content": m} for m in messages]
        return self.client.chat.completions.create(messages=said, **({"model": "offline"} | more))  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("completions")
    (folder / "documents").mkdir()
    (folder / "documents" / "bridge.txt").write_text(TEXT, "utf-8")
    with serving(OpenAIWire(), Reply(pieces=WRITTEN)) as model:
        environ = {
            "OPENAI_API_KEY": "sk-operator-secret",
            "OPENAI_BASE_URL": f"{model.url}/v1",
            "PINCITE_BACKEND": "openai:some",
            "PINCITE_ALLOW_BACKENDS": "openai:other, mistral:large",
            "PINCITE_RETRIES": "0",
        }
        settings = load_settings({"documents": folder / "documents", "data": folder / "data"}, environ)
        chat = open_chat(settings)
        with answering(chat, settings) as api:
            yield World(api, model, chat)


def test_a_front_end_lists_what_it_may_choose_and_may_look_one_up(world: World) -> None:
    names = [model.id for model in world.client.models.list()]
    assert names == ["pincite", "openai:some", "offline", "openai:other"]  # mistral lacks its key
    assert world.client.models.retrieve("openai:other").id == "openai:other"
    with pytest.raises(NotFoundError):
        world.client.models.retrieve("openai:third")


def test_an_answer_reads_as_markdown_with_numbered_citations_and_brings_its_record(world: World) -> None:
    world.model.rehearse(Reply(pieces=WRITTEN))
    reply = world.ask(QUESTION, model="pincite", temperature=0.7, max_tokens=5, tools=[], user="me")
    said = reply.choices[0].message
    assert said.role == "assistant" and reply.choices[0].finish_reason == "stop"
    assert reply.object == "chat.completion" and reply.model == "pincite"
    text, sources, note = said.content.split("\n\n")[0], said.content.split("\n\n")[2], said.content.split("\n\n")[-1]
    assert text == f"It carried traffic from 1932 on. [1] {TOLL} [2]"
    assert sources.splitlines() == [
        f"- [1] bridge.txt, characters 0-{len(OPENED)}: “{OPENED}”",
        f"- [2] bridge.txt, characters {TEXT.index(TOLL)}-{TEXT.index(TOLL) + len(TOLL)}",
    ]
    assert re.fullmatch(r"\*Note: 1 \w+ statement withheld\.\*", note)
    assert [s["text"] for s in reply.pincite["withheld"]] == ["It is made of cheese."]
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (11, 7, 18)
    assert len(world.model.seen) == 1 and world.model.seen[0].body["temperature"] == 0


def test_the_example_in_the_guide_runs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.model.rehearse(Reply(pieces=WRITTEN))
    guide = (ROOT / "docs" / "serving.md").read_text("utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert "http://127.0.0.1:7860/v1" in example
    exec(example.replace("http://127.0.0.1:7860/v1", world.api.url), {})
    printed = capsys.readouterr().out
    assert printed.startswith("It carried traffic from 1932 on. [1]") and printed.endswith(f"\n{OPENED}\n")


def test_the_record_is_that_of_ask(world: World) -> None:
    record = world.ask(QUESTION).pincite
    assert without_times(record) == without_times(
        world.api.post("/v1/ask", {"question": QUESTION, "backend": "offline"}).json
    )


def test_streamed_pieces_joined_are_the_whole_text_and_the_record_comes_last(world: World) -> None:
    world.model.rehearse(Reply(pieces=WRITTEN))
    whole = world.ask(QUESTION, model="openai:some")
    chunks = list(world.ask(QUESTION, model="openai:some", stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert pieces[1] == "It carried traffic from 1932 on. [1]"
    assert chunks[0].choices[0].delta.role == "assistant" and len({chunk.id for chunk in chunks}) == 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert without_times(chunks[-2].pincite) == without_times(whole.pincite)
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 18


def test_what_was_written_below_and_between_an_answer_does_not_go_back_to_the_model(world: World) -> None:
    world.model.rehearse(Reply(pieces=WRITTEN))
    first = world.ask(QUESTION, model="pincite").choices[0].message.content
    world.ask(
        {"role": "system", "content": "You are a pirate."},
        QUESTION,
        {"role": "assistant", "content": first},
        {"role": "user", "content": [{"type": "text", "text": "Who pays for its upkeep?"}]},
        model="pincite",
    )
    sent = str([seen.body["messages"] for seen in world.model.seen[1:]])
    assert "It carried traffic from 1932 on." in sent and "pirate" not in sent
    assert "Sources" not in sent and "withheld" not in sent and "on. [1]" not in sent


@pytest.mark.parametrize(
    "name", ["gpt-4o", "openai:third", "compatible:http://10.0.0.1/v1", "offline,openai:third", ","]
)
def test_a_model_that_the_operator_did_not_allow_is_not_found_and_nobody_is_asked(world: World, name: str) -> None:
    world.model.rehearse(Reply(pieces=WRITTEN))
    for stream in (False, True):
        with pytest.raises(NotFoundError, match=ALLOWED) as refused:
            world.ask(QUESTION, model=name, stream=stream)
        assert refused.value.code == "model_not_found"
    assert world.model.seen == []


def test_of_a_conversation_that_is_longer_than_a_history_may_be_the_last_turns_count(world: World) -> None:
    long: list[str | dict[str, Any]] = [QUESTION, {"role": "assistant", "content": OPENED}] * 150
    assert world.ask(*long, QUESTION).pincite["status"] == "answered"


def test_allowed_backends_may_be_put_in_an_order(world: World) -> None:
    world.model.rehearse(Reply(status=503, message="overloaded"))
    reply = world.ask(QUESTION, model="openai:other,offline,offline")
    assert (reply.pincite["backend"], reply.pincite["answered_by"]) == ("openai:other,offline", "offline")


def test_a_backend_that_is_allowed_but_lacks_its_key_is_the_servers_affair(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InternalServerError, match="What it lacks stands in the server's log") as refused:
        world.ask(QUESTION, model="mistral:large")
    assert refused.value.status_code == 503
    assert "mistral needs MISTRAL_API_KEY" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"n": 2}, "The field n cannot be used"),
        ({"messages": [{"role": "assistant", "content": "Hello"}]}, "The last message is no question."),
        ({"messages": [{"role": "system", "content": "Hello"}]}, "The last message is no question."),
        ({"messages": [{"role": "user", "content": None}]}, "The question is empty."),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]}, "Only text can be read."),
        ({"messages": [{"role": "user", "content": "x" * 4001}]}, "The question has 4,001 characters."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_answered_is_refused_in_one_line(
    world: World, more: dict[str, Any], says: str, stream: bool
) -> None:
    with pytest.raises(BadRequestError, match=re.escape(says)):
        world.client.chat.completions.create(
            **({"model": "offline", "messages": [{"role": "user", "content": "x?"}], "stream": stream} | more)
        )


def test_a_backend_that_fails_is_an_error_in_either_form(world: World) -> None:
    world.model.rehearse(Reply(status=500, message="the provider's own words"))
    with pytest.raises(InternalServerError, match="the provider's own words") as failed:
        world.ask(QUESTION, model="pincite")
    assert failed.value.status_code == 502
    with pytest.raises(APIError, match="the provider's own words"):
        list(world.ask(QUESTION, model="pincite", stream=True))
    got = world.api.post("/v1/ask", {"question": QUESTION})
    assert (got.status, got.json["answer"]["status"]) == (502, "failed")
    assert got.json["error"]["message"] == got.json["answer"]["error"]
    assert "sk-operator-secret" not in got.body.decode()
    with world.api.listening("/v1/ask", {"question": QUESTION}) as events:
        name, last = list(events)[-1]
    assert (name, last["status"]) == ("answer", "failed")


def test_an_answer_that_broke_off_says_so(world: World) -> None:
    world.model.rehearse(Reply(pieces=(*WRITTEN, " And it"), cut="close"))
    reply = world.ask(QUESTION, model="pincite")
    assert reply.choices[0].finish_reason == "length"
    assert "*Note: openai:some broke off in the middle of its answer.*" in reply.choices[0].message.content


def test_a_question_that_the_documents_do_not_answer_is_declined_in_words(world: World) -> None:
    reply = world.ask("Who won the chess championship of 2031?")
    assert reply.pincite["status"] == "abstained"
    assert reply.choices[0].message.content.startswith(plain(reply.pincite["text"]))


HOSTILE = 'See ![x](https://evil.example/?q=1) and <img src="https://evil.example"> or \\![y](https://evil.example) [1]: https://evil.example ~ `x`'
PAGE = document("page.txt", f"{HOSTILE}\nIt is so. It is not.")


def hostile_answer() -> Answer:
    return answered(
        "What?",
        Statement(HOSTILE, "supported", 1.0, citations=(cite(PAGE, HOSTILE, ("![h](https://evil.example)",)),)),
        Statement("Two things:", "supported", 1.0),
        Statement("- It is so [sic].", "partial", 0.5, None, (Disagreement("so", "<b>not", "name"),), (cite(PAGE, "It is not."),)),
        Statement("- It is.", "supported", 1.0),
        Statement("All told.", "supported", 1.0),
        withheld=(Statement("No.", "contradicted", 0.0),),
        notices=(Notice("sources_disagree", "One says ![n](https://evil.example), *another* not."),),
    )  # fmt: skip


def test_documents_cannot_make_a_front_end_load_anything() -> None:
    text = markdown(hostile_answer())
    assert not re.search(r"(?<!\\)!\[|(?<!\\)(\\\\)*\]\(|(?<!\\)(\\\\)*<|(?<!\\)\]:", text), text


@pytest.mark.parametrize("fence", ["```html", "~~~"])
def test_documents_cannot_make_code_of_what_follows(fence: str) -> None:
    said = f"{fence} <img src=https://evil.example>"
    page = document("page.txt", said)
    text = markdown(answered("What?", Statement(said, "supported", 1.0, citations=(cite(page, said),))))
    assert not re.search(r"(?<!\\)[`~]", text) and text.split("\n\n")[0].endswith(" [1]")
    assert spoken(text) == said


def test_lists_stay_lists_and_what_stands_around_them_stays_outside() -> None:
    lines = markdown(hostile_answer()).split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("- It is so"))
    assert lines[at - 1] == "" and lines[at].endswith("[2] (check this: “so” here, “\\<b>not” in the source)")
    assert lines[at + 1 : at + 4] == ["- It is.", "", "All told."]


def test_an_answer_that_comes_back_is_what_was_said() -> None:
    words = [HOSTILE, "Two things:", "- It is so [sic].", "- It is.", "All told."]
    back = spoken(markdown(hostile_answer()))
    assert back.replace(" (check this: “so” here, “<b>not” in the source)", "").split() == " ".join(words).split()
    assert spoken("What somebody else wrote [1].") == "What somebody else wrote [1]."


def test_a_front_end_streams_each_statement_when_it_is_checked(world: World) -> None:
    river = document("river.txt", "It rises in the north. It flows east.")
    first, second = (
        Statement(quote, "supported", 1.0, citations=(cite(river, quote),))
        for quote in ("It rises in the north.", "It flows east.")
    )
    chat = ScriptedChat({river.id: river}, {"Where?": answered("Where?", first, second)}, held={"Where?"})
    settings: Settings = load_settings({}, environ={})
    with answering(chat, settings) as api:
        client = OpenAI(base_url=api.url, api_key="x", max_retries=0, timeout=600)
        stream = client.chat.completions.create(
            model="pincite", messages=[{"role": "user", "content": "Where?"}], stream=True
        )
        assert next(stream).choices[0].delta.role == "assistant"
        chat.let_through.release()
        assert next(stream).choices[0].delta.content == "It rises in the north. [1]"
        chat.let_through.release(3)
        assert next(stream).choices[0].delta.content == " It flows east. [2]"
        stream.close()


def test_a_server_that_is_down_is_named_to_the_caller_as_the_backend_not_as_this_server(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "bridge.txt").write_text(TEXT, "utf-8")
    environ = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}/v1", "PINCITE_RETRIES": "0"}
    where = {"documents": tmp_path / "documents", "data": tmp_path / "data", "backend": "openai:some"}
    settings = load_settings(where, environ)
    with answering(open_chat(settings), settings) as api:
        got = api.post("/v1/ask", {"question": QUESTION})
        with api.listening("/v1/ask", {"question": QUESTION}) as events:
            name, record = list(events)[-1]
    assert (got.status, got.json["error"]["type"]) == (502, "backend_error")
    assert (name, record["status"], record["error"]) == ("answer", "failed", got.message)
