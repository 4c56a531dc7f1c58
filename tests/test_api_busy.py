"""The HTTP API when much is asked, when somebody leaves, and when something breaks."""

import asyncio
import concurrent.futures
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from http_door import JSON_TYPE, Api, answering, eventually
from scripted_chat import ScriptedChat, answered, cite, document
from servers.openai import OpenAIWire
from servers.scripted import Reply, serving

from rag.chat import open_chat
from rag.settings import Settings, load_settings
from rag.types import Event, Statement
from ui.api.concurrency import Stopped, Turnstile

RIVER = document("river.txt", "The Alder rises in the north. It flows east. It is long. It is deep.")
SAID = tuple(
    Statement(quote, "supported", 1.0, citations=(cite(RIVER, quote),))
    for quote in ("The Alder rises in the north.", "It flows east.", "It is long.")
)
SLOW, QUICK = "Where does it rise?", "Where does it flow?"
UNSAID = Statement("It is red.", "contradicted", 0.1)


@dataclass
class WatchedChat(ScriptedChat):
    """Knows which of its answers were broken off."""

    broken_off: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    def stream(self, question: str, *asked: Any, **more: Any) -> Iterator[Event]:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            yield from super().stream(question, *asked, **more)
        except GeneratorExit:
            self.broken_off.append(question)
            raise
        finally:
            self.under_way -= 1


@pytest.fixture
def chat() -> WatchedChat:
    answers = {question: answered(question, *SAID, withheld=(UNSAID,)) for question in (SLOW, QUICK)}
    return WatchedChat({RIVER.id: RIVER}, answers, held={SLOW})


@pytest.fixture
def settings() -> Settings:
    return load_settings({}, environ={})


def asked(api: Api, question: str) -> int:
    return api.post("/v1/ask", {"question": question}).status


def leave(api: Api, path: str, value: object) -> contextlib.closing[http.client.HTTPConnection]:
    """A request whose answer nobody waits for: closed when left."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=600)
    connection.request("POST", path, json.dumps(value), JSON_TYPE)
    return contextlib.closing(connection)


def test_a_statement_arrives_while_the_next_one_is_still_being_checked(chat: WatchedChat, settings: Settings) -> None:
    with answering(chat, settings) as api, api.listening("/v1/ask", {"question": SLOW}) as events:
        assert next(events)[0] == "searched"
        for said in SAID:
            chat.let_through.release()
            name, data = next(events)
            assert (name, data["text"]) == ("statement", said.text)
        chat.let_through.release(2)
        assert [name for name, _ in events] == ["withheld", "answer"]


def test_no_character_of_a_document_ends_a_line_of_the_stream(chat: WatchedChat, settings: Settings) -> None:
    odd = Statement("One\u2028two\x85three\x0cfour 🌊.", "supported", 1.0)
    chat.answers[QUICK] = answered(QUICK, odd)
    with answering(chat, settings) as api:
        got = api.post("/v1/ask", {"question": QUICK}, accept="text/event-stream")
        lines = [line for line in got.body.decode("utf-8").splitlines() if line]
        assert [line.split(": ")[0] for line in lines] == ["event", "data"] * 3
        assert json.loads(lines[3].removeprefix("data: "))["text"] == odd.text


def test_while_nothing_happens_the_stream_says_that_it_is_alive(
    chat: WatchedChat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.api.routes.QUIET_S", 0.1)
    with answering(chat, settings) as api, concurrent.futures.ThreadPoolExecutor() as pool:
        streamed = pool.submit(api.post, "/v1/ask", {"question": SLOW}, accept="text/event-stream")
        eventually(lambda: chat.under_way == 1)
        time.sleep(0.35)
        chat.let_through.release(5)
        blocks = streamed.result().body.decode().split("\n\n")
    assert blocks[0].startswith("event: searched") and blocks[1:3] == [": still at work"] * 2
    assert blocks[-2].startswith("event: answer") and blocks[-1] == ""


def test_two_clients_stream_side_by_side(chat: WatchedChat, settings: Settings) -> None:
    with answering(chat, settings) as api, api.listening("/v1/ask", {"question": SLOW}) as slow:
        next(slow)
        with api.listening("/v1/ask", {"question": QUICK}) as quick:
            assert [name for name, _ in quick] == [
                "searched",
                "statement",
                "statement",
                "statement",
                "withheld",
                "answer",
            ]
        chat.let_through.release(5)
        assert [name for name, _ in slow][-1] == "answer"


def test_when_as_many_wait_as_may_the_next_is_told_when_to_come_again(chat: WatchedChat, settings: Settings) -> None:
    turnstile = Turnstile(1, 1)
    with answering(chat, settings, turnstile) as api, concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(asked, api, SLOW)
        eventually(lambda: chat.under_way == 1)
        second = pool.submit(asked, api, QUICK)
        eventually(lambda: turnstile.waiting == 1)
        for body in ({"question": QUICK}, {"model": "pincite", "messages": [{"role": "user", "content": QUICK}]}):
            got = api.post("/v1/ask" if "question" in body else "/v1/chat/completions", body)
            assert (got.status, got.headers["retry-after"], got.json["error"]["type"]) == (503, "5", "overloaded_error")
            assert got.message.startswith("Too many questions are being answered already.")
        assert api.get("/v1/health").status == 200
        assert api.get("/v1/documents/river.txt").json["text"] == RIVER.text  # reading has a line of its own
        chat.let_through.release(5)
        assert (first.result(), second.result()) == (200, 200)
        assert asked(api, QUICK) == 200
    assert chat.most_under_way == 1


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_a_client_that_goes_away_ends_the_work_and_makes_room(
    chat: WatchedChat, settings: Settings, accept: str
) -> None:
    with answering(chat, settings, Turnstile(1, 0)) as api:
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=600)
        connection.request("POST", "/v1/ask", json.dumps({"question": SLOW}), {**JSON_TYPE, "accept": accept})
        eventually(lambda: chat.under_way == 1)
        connection.close()
        time.sleep(0.3)  # until the server has noticed; the work stands before its first statement
        chat.let_through.release()
        eventually(lambda: chat.broken_off == [SLOW])
        eventually(lambda: asked(api, QUICK) == 200)


def test_a_client_that_goes_away_while_it_waits_is_never_asked_for(chat: WatchedChat, settings: Settings) -> None:
    turnstile = Turnstile(1, 1)
    with answering(chat, settings, turnstile) as api, concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(asked, api, SLOW)
        eventually(lambda: chat.under_way == 1)
        with leave(api, "/v1/ask", {"question": QUICK}):
            eventually(lambda: turnstile.waiting == 1)
            assert asked(api, QUICK) == 503
        eventually(lambda: turnstile.waiting == 0)
        other = pool.submit(asked, api, QUICK)  # there is room for it again
        chat.let_through.release(5)
        assert (first.result(), other.result()) == (200, 200)
    assert [question for question, _, _ in chat.asked] == [SLOW, QUICK]


def test_a_client_that_goes_away_hangs_up_on_the_language_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("hang-up")
    (folder / "documents").mkdir()
    (folder / "documents" / "river.md").write_text("# The Alder\n\nThe Alder rises in the north.\n", "utf-8")
    pieces = ("The Alder rises in the north. [1.1]", *(f" It is item {n}. [1.1]" for n in range(300)))
    with serving(OpenAIWire(), Reply(pieces=pieces, pace_s=0.05)) as model:
        environ = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{model.url}/v1", "PINCITE_BACKEND": "openai:some"}
        where = {"documents": folder / "documents", "data": folder / "data"}
        settings = load_settings(where, environ)
        with answering(open_chat(settings), settings) as api:
            with api.listening("/v1/ask", {"question": SLOW}) as events:
                while next(events)[0] == "searched":
                    pass
            eventually(model.hung_up.is_set)
        assert model.pieces_sent < 200


def test_a_bug_is_one_line_for_the_client_and_a_traceback_for_the_log(
    chat: WatchedChat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda bug: seen.append(bug.exc_type))
    with answering(chat, settings, Turnstile(1, 0)) as api:
        got = api.post("/v1/ask", {"question": "Divide by zero"})
        assert (got.status, got.json["error"]["type"]) == (500, "server_error")
        assert "zero" not in got.message
        assert asked(api, QUICK) == 200
    assert seen == [ZeroDivisionError]


def test_a_bug_in_the_middle_is_the_last_event(
    chat: WatchedChat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda bug: None)
    chat.answers[QUICK] = replace(chat.answers[QUICK], passages=None)  # type: ignore[arg-type]
    whole = ScriptedChat.stream

    def breaking(self: ScriptedChat, *asked: object) -> Iterator[Event]:
        yield from list(whole(self, *asked))[1:2]  # type: ignore[arg-type]
        raise ZeroDivisionError

    monkeypatch.setattr(ScriptedChat, "stream", breaking)
    with answering(chat, settings) as api:
        with api.listening("/v1/ask", {"question": QUICK}) as events:
            happened = list(events)
        assert [name for name, _ in happened] == ["statement", "error"]
        assert happened[1][1]["error"]["message"].startswith("Something broke inside Pincite.")
        body = {"model": "pincite", "messages": [{"role": "user", "content": QUICK}], "stream": True}
        with api.listening("/v1/chat/completions", body) as chunks:
            assert list(chunks)[-1][1]["error"]["type"] == "server_error"


def test_nothing_failed_is_shown_and_strict_shows_nothing_before_all_is_checked(chat: WatchedChat) -> None:
    strict = load_settings({"show": "strict"}, environ={})
    chat.answers[QUICK] = replace(chat.answers[QUICK], status="abstained", statements=(), withheld=(*SAID, UNSAID))
    with answering(chat, strict) as api, api.listening("/v1/ask", {"question": QUICK}) as events:
        assert [name for name, _ in events] == ["searched", *["withheld"] * 4, "answer"]


def test_a_folder_that_cannot_be_read_is_the_servers_affair_and_its_path_stays_in_the_log(
    chat: WatchedChat, settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from rag.errors import StoreError

    def unreadable(self: ScriptedChat) -> list[object]:
        raise StoreError("The index in '/private/place' is damaged.")

    monkeypatch.setattr(ScriptedChat, "documents", unreadable)
    with answering(chat, settings) as api:
        for path in ("/v1/documents", "/v1/health"):
            got = api.get(path)
            assert (got.status, got.message) == (
                503,
                "The documents cannot be read now. Why stands in the server's log.",
            )
    assert capfd.readouterr().err.count("pincite: The index in '/private/place' is damaged.") == 2


def test_a_server_that_is_stopped_tells_those_who_wait_and_those_who_are_being_answered(
    chat: WatchedChat, settings: Settings
) -> None:
    turnstile = Turnstile(1, 2)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with answering(chat, settings, turnstile) as api:
            waiting = [pool.submit(api.post, "/v1/ask", {"question": SLOW})]
            eventually(lambda: chat.under_way == 1)
            waiting += [pool.submit(api.post, "/v1/ask", {"question": QUICK}) for _ in range(2)]
            eventually(lambda: turnstile.waiting == 2)
        for got in (one.result() for one in waiting):
            assert (got.status, got.message.split(".")[0]) == (503, "The server is being stopped")
    chat.let_through.release(5)


def test_who_comes_when_the_server_is_being_stopped_is_told_so_and_does_not_wait() -> None:
    async def come() -> None:
        turnstile, done = Turnstile(1, 1), threading.Event()
        under_way = asyncio.create_task(turnstile.run(done.wait))
        await asyncio.sleep(0)
        turnstile.stop()
        try:
            with pytest.raises(Stopped):
                await asyncio.wait_for(turnstile.run(lambda: None), 5)
            with pytest.raises(Stopped):
                await under_way
        finally:
            done.set()

    asyncio.run(come())
