"""The HTTP API on a free port, and a client that sends exactly what a test says."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rag.settings import Settings
from ui.api.concurrency import Turnstile
from ui.api.routes import api, stop
from ui.api.server import listen, server

JSON_TYPE = {"content-type": "application/json"}
EVENTS = {"accept": "text/event-stream"}
WAIT_S = 180


@dataclass(frozen=True)
class Got:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What an error says: one line, in the form that every error has."""
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        message: str = error["message"]
        assert "\n" not in message and "Traceback" not in message
        return message


@dataclass(frozen=True)
class Api:
    """Where it answers."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def get(self, path: str, **headers: str) -> Got:
        return self.send("GET", path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, value: object, **headers: str) -> Got:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.send("POST", path, json.dumps(value).encode(), {**JSON_TYPE, **named})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Got:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)) as connection:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Got(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    @contextlib.contextmanager
    def listening(self, path: str, value: object, **headers: str) -> Iterator[Iterator[tuple[str, Any]]]:
        """The events of a streamed response as they arrive; leaving closes the connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request("POST", path, json.dumps(value), {**JSON_TYPE, **EVENTS, **headers})
            response = connection.getresponse()
            assert response.status == 200 and response.getheader("content-type", "").startswith("text/event-stream")
            yield events_in(response)
        finally:
            response.close()
            connection.close()


def events_in(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Each event's name and data; comments are left out."""
    name = "message"
    for raw in response:
        line = raw.decode("utf-8").rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
            yield name, data if data == "[DONE]" else json.loads(data)
            name = "message"


@contextlib.contextmanager
def answering(chat: Any, settings: Settings, turnstile: Turnstile | None = None) -> Iterator[Api]:
    """The API over `chat`, where questions pass this turnstile."""
    with listen("127.0.0.1", 0) as listening:
        app = api(chat, settings, questions=turnstile)
        running = server(app, lambda: stop(app))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            eventually(lambda: running.started)
            yield Api(listening.getsockname()[1])
        finally:
            running.should_exit = True
            thread.join(WAIT_S)


def eventually(holds: Any) -> None:
    """Waits until something holds; fails when it does not in time."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def without_times(record: dict[str, Any]) -> dict[str, Any]:
    """An answer record apart from its times."""
    return {name: value for name, value in record.items() if name != "timings_ms"}
