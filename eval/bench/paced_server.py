"""A language model's server with a fixed pace: it quotes the first sentences of its prompt, token by token.

It speaks OpenAI's chat completions. Since its pace is known, what a client adds to it can be measured.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NUMBERED = re.compile(r"^\[(\d+\.\d+)\] (.{40,200}[.!?])$", re.MULTILINE)


def written(prompt: str, statements: int) -> list[tuple[str, str]]:
    """The first whole sentences of a prompt with their numbers."""
    return [(found[1], found[2]) for found in NUMBERED.finditer(prompt)][:statements]


def tokens_of(sentences: list[tuple[str, str]]) -> list[str]:
    """The answer as the server streams it: a line of numbers, then each sentence with its number, in words."""
    header = "Sentences: " + " ".join(f"[{number}]" for number, _ in sentences) + "\n"
    body = " ".join(f"{text} [{number}]" for number, text in sentences)
    return re.findall(r"\s*\S+|\s+", header + body)


def first_statement_tokens(tokens: list[str], sentences: list[tuple[str, str]]) -> int:
    """How many tokens it takes until the first sentence, its number and one token more have been sent."""
    marker = f"[{sentences[0][0]}]"
    places = [place for place, token in enumerate(tokens) if token.strip() == marker]
    return places[1] + 2


class PacedServer:
    """Sends one token every `pace_s` seconds. `last_body` is what it was last asked, `sent` counts its tokens."""

    def __init__(self, pace_s: float, statements: int) -> None:
        self.pace_s = pace_s
        self.statements = statements
        self.last_body: dict[str, Any] = {}
        self.sent = 0
        lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.last_body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                prompt = owner.last_body["messages"][-1]["content"]
                tokens = tokens_of(written(prompt, owner.statements))
                with lock:
                    owner.sent += len(tokens)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # whoever has read enough may go
                    self._stream(tokens)

            def _stream(self, tokens: list[str]) -> None:
                due = time.perf_counter()
                for token in tokens:
                    due += owner.pace_s
                    time.sleep(max(0.0, due - time.perf_counter()))
                    self._send({"delta": {"content": token}, "finish_reason": None})
                self._send({"delta": {}, "finish_reason": "stop"})
                self.wfile.write(b"data: [DONE]\n\n")

            def _send(self, choice: dict[str, Any]) -> None:
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "paced"}
                data = json.dumps({**chunk, "choices": [{"index": 0, **choice}]})
                self.wfile.write(f"data: {data}\n\n".encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it listens, on this machine."""
        return int(self.http.server_address[1])


@contextlib.contextmanager
def paced_server(pace_s: float, statements: int) -> Iterator[PacedServer]:
    """A running server, stopped at the end."""
    server = PacedServer(pace_s, statements)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
