"""A server that plays a script: one reply a request, in any of the providers' protocols, down to the byte."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Protocol

ANSWER = ("[1.1]", " The sky is blue.", " [1.2]", " Grass is green.")


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    `pieces` is the answer as the model would stream it. `status` other than 200 sends `body` instead. `cut` ends
    the stream after its pieces without saying that it ends: by a reset, by closing, by falling silent for good, or by
    an error in the protocol's own form with `message` in it.
    `forever` is sent over and over after the pieces, until the client hangs up.
    `slice_bytes` sends everything in pieces of that many bytes, which splits lines, events and characters.
    """

    pieces: tuple[str, ...] = ANSWER
    status: int = 200
    body: bytes | None = None
    message: str = "the provider's own words"
    headers: dict[str, str] = field(default_factory=dict)
    first_wait_s: float = 0.0
    pace_s: float = 0.0
    cut: Literal["reset", "close", "silence", "error"] | None = None
    finish: Literal["stop", "length", "refused"] = "stop"
    slice_bytes: int | None = None
    forever: bytes = b""


class Wire(Protocol):
    """How one provider's protocol looks on the wire."""

    content_type: str

    def events(self, reply: Reply, model: str) -> list[bytes]:
        """One block of bytes a piece, plus what the protocol puts before and after; the last ones end the answer."""

    def closing_events(self) -> int:
        """How many of the last events belong to the end of the answer and not to a piece."""

    def error(self, status: int, message: str) -> bytes:
        """The body of a refusal."""

    def failure(self, message: str) -> bytes:
        """An error in the middle of a stream."""

    def other(self, path: str) -> dict[str, Any] | None:
        """The answer to a request that asks for no words, such as a list of models; None for no such thing."""


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ScriptedServer:
    """Runs on a free local port. The last reply of the script is repeated."""

    def __init__(self, wire: Wire, *script: Reply) -> None:
        self.wire = wire
        self.script = list(script) or [Reply()]
        self.seen: list[Seen] = []
        self.pieces_sent = 0
        self.hung_up = threading.Event()
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def rehearse(self, *script: Reply) -> None:
        """Begin anew with another script."""
        with self._lock:
            self.script = list(script) or [Reply()]
            self.seen.clear()
            self.pieces_sent = 0
            self.hung_up = threading.Event()

    def reply_for(self, seen: Seen) -> Reply:
        """The next reply of the script."""
        with self._lock:
            self.seen.append(seen)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._plain(owner.wire.other(self.path))

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                seen = Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                reply, hung_up = owner.reply_for(seen), owner.hung_up
                try:
                    owner.play(self, reply, str(body.get("model", "")))
                except (BrokenPipeError, ConnectionResetError):
                    hung_up.set()

            def _plain(self, value: dict[str, Any] | None) -> None:
                data = json.dumps(value or {"error": "no such path"}).encode()
                self.send_response(404 if value is None else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        return Handler

    def play(self, handler: BaseHTTPRequestHandler, reply: Reply, model: str) -> None:
        """Sends one reply; the connection ends with it."""
        handler.close_connection = True
        self.closing.wait(reply.first_wait_s)
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.status != 200 or reply.body is not None:
            body = self.wire.error(reply.status, reply.message) if reply.body is None else reply.body
            if "content-type" not in reply.headers:
                kind = "application/json" if reply.status != 200 else self.wire.content_type
                handler.send_header("content-type", kind)
            handler.send_header("content-length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        handler.send_header("content-type", self.wire.content_type)
        handler.send_header("connection", "close")
        handler.end_headers()
        events = self.wire.events(reply, model)
        if reply.cut or reply.forever:
            events = events[: -self.wire.closing_events()]
        for event in events:
            for part in _slices(event, reply.slice_bytes):
                handler.wfile.write(part)
                handler.wfile.flush()
            self.pieces_sent += 1
            time.sleep(reply.pace_s)
        while reply.forever:
            handler.wfile.write(reply.forever)
            time.sleep(reply.pace_s)
        if reply.cut == "error":
            handler.wfile.write(self.wire.failure(reply.message))
        if reply.cut == "silence":
            self.closing.wait(30)
        if reply.cut == "reset":
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.close()


def _slices(data: bytes, size: int | None) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)] if size else [data]


@contextlib.contextmanager
def serving(wire: Wire, *script: Reply) -> Iterator[ScriptedServer]:
    """A running server, stopped at the end."""
    server = ScriptedServer(wire, *script)
    thread = threading.Thread(target=server._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server._http.shutdown()
        server._http.server_close()
        thread.join()


def free_port() -> int:
    """A local port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
