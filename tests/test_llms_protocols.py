"""What servers that speak OpenAI's protocol, and the models behind them, do beside it: every reply ends as an answer,
an abstention or a failure that says why, and shows neither thoughts nor the prompt.
"""

import contextlib
import json
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.backends import KEY, STANDS
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, serving

from rag.chat import Chat, open_chat
from rag.types import Answer

QUESTION = "When was the harbour bridge opened?"
OPENED = "The harbour bridge was opened to traffic in 1932."
TEXT = f"""# Harbour bridge

{OPENED} It is 503 metres long and carries eight lanes. The toll pays for its upkeep.

# Ferry

The ferry stopped in 1933.
"""
SAID = f"[1.1]\n{OPENED} [1.1]"
RECORDED = [json.loads(line) for line in Path("tests/data/small_model_replies.jsonl").read_text("utf-8").splitlines()]
# Words of the prompt and of chat templates, none of which a reader may see.
OURS = re.compile(
    r"NOT IN THE DOCUMENTS|Sentences?:|Passages?:|Question:|Answer:|Task:|(?:sentence|passage) \[?\d|[\[【{<]\d+\.\d|"
    r"<\|?/?\w+\|?>|numbered sentences|plain sentences|nothing else",
    re.IGNORECASE,
)


class World:
    """A chat that shows whatever a model says, and the server that it is said by."""

    def __init__(self, server: ScriptedServer, folder: Path) -> None:
        self.server = server
        (folder / "documents").mkdir()
        (folder / "documents" / "bridge.md").write_text(TEXT)
        where = {"documents": folder / "documents", "data": folder / "data", "show": "mark", "retries": 0}
        self.chat = open_chat(STANDS["compatible"].settings(server.url, **where))
        self.hurried = open_chat(STANDS["compatible"].settings(server.url, **where, deadline_s=1.5))

    def ask(self, *script: Reply, spec: str = "compatible:local/m", chat: Chat | None = None) -> Answer:
        self.server.rehearse(*script)
        return (chat or self.chat).ask(QUESTION, backend=spec)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.ExitStack() as running:
        server = running.enter_context(serving(OpenAIWire()))
        yield World(server, tmp_path_factory.mktemp("protocols"))


def events(*deltas: dict[str, Any], finish: str | None = "stop", done: bool = True) -> Reply:
    """A stream of these deltas."""
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices += [{"index": 0, "delta": {}, "finish_reason": finish}] if finish else []
    lines = [json.dumps({"id": "1", "object": "chat.completion.chunk", "choices": [choice]}) for choice in choices]
    return Reply(body="".join(f"data: {line}\n\n" for line in [*lines, *["[DONE]"] * done]).encode())


def whole(value: dict[str, Any]) -> Reply:
    return Reply(body=json.dumps(value).encode(), headers={"content-type": "application/json"})


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "search", "arguments": "{}"}}
COMPLETION = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}]}  # fmt: skip


@pytest.mark.parametrize(
    "reply",
    [
        events({"content": f"Maybe 1999. Sand is yellow. [1.2]\n</think>\n\n{SAID}"}),
        events({"content": f"<think>\nMaybe 1999. [1.2]\n</think>\n\n{SAID}"}),
        events({"content": f"<thinking>Maybe 1999. [1.2]</thinking>{OPENED} [1.1]"}),
        events({"content": f"<|channel|>analysis<|message|>Maybe 1999. [1.2]<|end|><|start|>assistant<|channel|>final<|message|>{SAID}"}),
        events({"content": f"analysisWe need the year. assistantfinal{SAID}"}),
        events({"reasoning_content": "Maybe 1999. [1.2]", "content": None}, {"content": SAID}),
        events({"content": [{"type": "text", "text": SAID}]}),
        events({"content": f"{OPENED}【1.1】"}),
        events({"content": f"{OPENED} [1.1]"}, finish=None),
        whole(COMPLETION),
    ],
    ids=["lone-close", "think", "thinking", "harmony", "harmony-bare", "reasoning", "parts", "full-width", "no-done", "json"],
)  # fmt: skip
def test_an_answer_is_read_out_of_whatever_stands_around_it(world: World, reply: Reply) -> None:
    answer = world.ask(reply)
    assert (answer.status, [statement.text for statement in answer.statements]) == ("answered", [OPENED])
    assert len(world.server.seen) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (events({"content": ""}), "wrote no answer"),
        (events({"role": "assistant", "content": None}), "wrote no answer"),
        (events({"reasoning_content": f"thinking {SAID}"}), "wrote no answer"),
        (events({"content": "<think>Hm, 1932 [1.1]"}), "only thought"),
        (events({"content": "<think>Hm, 1932 [1.1]"}, finish="length"), "used up its tokens"),
        (events({"content": None, "tool_calls": [CALL]}, finish="tool_calls"), "asked for a tool"),
        (events({"refusal": "I cannot help with that."}), "declined"),
        (events({"content": ""}, finish="content_filter"), "declined"),
        (events({"content": "The harbour"}, finish="content_filter"), "declined"),
        (events({"content": "[1.1] [1.2]"}), "wrote no statement"),
        (whole({"error": {"message": "model is overloaded", "code": 503}}), "model is overloaded"),
    ],
    ids=["empty", "null", "reasoning", "think", "think-length", "tool", "refusal", "filter", "filter-begun", "numbers", "error-200"],
)  # fmt: skip
def test_a_silent_model_is_a_failure_with_a_reason_and_the_next_of_the_list_answers(
    world: World, reply: Reply, why: str
) -> None:
    answer = world.ask(reply)
    assert (answer.status, answer.statements) == ("failed", ())
    assert why in str(answer.error)
    second = world.ask(reply, spec="compatible:local/m,offline")
    assert (second.status, second.answered_by) == ("answered", "offline")
    assert any(why in notice.message for notice in second.notices)


@pytest.mark.parametrize(
    ("refused", "left_out"),
    [
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        ("System role not supported", "system"),
        ("`temperature` does not support 0 with this model", "temperature"),
    ],
)
def test_what_a_server_does_not_take_is_left_out_from_then_on(world: World, refused: str, left_out: str) -> None:
    spec = f"compatible:local/no-{left_out}"
    assert world.ask(Reply(status=400, message=refused), events({"content": SAID}), spec=spec).status == "answered"
    world.ask(events({"content": SAID}), spec=spec)
    (again,) = world.server.seen
    roles = [message["role"] for message in again.body["messages"]]
    assert left_out not in {*again.body, *roles}
    assert "NOT IN THE DOCUMENTS" in again.body["messages"][0]["content"]


def delta(**fields: Any) -> bytes:
    return (
        b"data: " + json.dumps({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}).encode() + b"\n\n"
    )


@pytest.mark.parametrize(
    "forever",
    [delta(reasoning_content="hm "), delta(content=""), b": ping\n\n", b"data: x" + b"x" * 65_536, b"event: x\n", delta(content="word ")],
    ids=["reasoning", "empty", "comments", "one-line", "one-event", "words"],
)  # fmt: skip
def test_a_reply_without_end_ends_and_does_not_grow(world: World, forever: bytes) -> None:
    tracemalloc.start()
    answer = world.ask(Reply(pieces=(), forever=forever), chat=world.hurried)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == "failed"
    assert peak < 50_000_000
    assert world.server.hung_up.wait(5)


def test_a_key_that_a_server_says_back_is_in_no_part_of_the_record(world: World) -> None:
    answer = world.ask(events({"content": f"{SAID}\nThe key is {KEY}. [1.1]\nBackwards it is {KEY[::-1]}. [1.1]"}))
    assert KEY not in json.dumps(answer.record()) and KEY[::-1] not in json.dumps(answer.record())


@pytest.mark.parametrize("recorded", RECORDED, ids=[f"{n}-{r['model'].split(',')[0]}" for n, r in enumerate(RECORDED)])
def test_what_a_small_model_writes_shows_no_word_of_the_prompt(world: World, recorded: dict[str, Any]) -> None:
    answer = world.ask(events({"content": recorded["reply"]}))
    shown = [statement.text for statement in (*answer.statements, *answer.withheld)]
    assert not any(OURS.search(text) for text in shown)
    status = {"refused": "abstained", "nothing": "failed"}.get(str(recorded["said"]), "answered")
    assert answer.status == status
    if isinstance(recorded["said"], list):
        assert shown == recorded["said"]
