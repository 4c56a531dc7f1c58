"""A server that somebody tries to hold open: a person who asks meanwhile is answered."""

import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest
from http_door import Api, answering
from scripted_chat import ScriptedChat, answered, cite, document

from rag.settings import load_settings
from rag.types import Statement
from ui.api import server

BRIDGE = document("bridge.md", "The bridge was opened in 1932.")
QUESTION = "When was it opened?"
HALF = b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BODY = b"Content-Length: 100\r\n\r\n{"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    statement = Statement("It was opened in 1932.", "supported", 1.0, citations=(cite(BRIDGE, BRIDGE.text),))
    with answering(
        ScriptedChat({BRIDGE.id: BRIDGE}, {QUESTION: answered(QUESTION, statement)}), load_settings({}, {})
    ) as one:
        yield one


def opened(api: Api, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", api.port), timeout=20)
    connection.sendall(sent)
    return connection


def test_a_thousand_half_sent_requests_keep_nobody_from_asking(api: Api) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with contextlib.ExitStack() as held:
        for number in range(1000):
            with contextlib.suppress(ConnectionError):  # the oldest are closed already
                held.enter_context(opened(api, HALF + BODY if number % 2 else HALF))
            if number % 250 == 249:
                assert api.post("/v1/ask", {"question": QUESTION}).json["text"] == "It was opened in 1932."


def test_a_request_that_comes_in_drops_ends_when_its_time_is_over(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 0.5)
    for sent in (b"", HALF, HALF + BODY):
        with opened(api, sent) as connection, contextlib.suppress(ConnectionError):
            for _ in range(100):
                connection.sendall(b"a")
                time.sleep(0.05)
            pytest.fail("it was held open")


def test_a_head_that_is_too_large_is_refused(api: Api) -> None:
    with opened(api, HALF + b"X: " + b"a" * (server.HEADER_BYTES + 1)) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
