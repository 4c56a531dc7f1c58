"""The backend `perfect`: a scripted model that answers from the gold of the cases. With oracle passages it must score
at the ceiling; where it does not, the metric is wrong.

It is a local server that speaks OpenAI's chat completions, so that it is asked through the same door as any other.
"""

import contextlib
import difflib
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eval.cases import Case
from rag.documents.passages import flat, original
from rag.llms.prompts import REFUSAL, conversation
from rag.settings import Settings

NAME = "perfect"
SPEC = "compatible:perfect/gold"
CONTEXT_TOKENS = 1_000_000
_NUMBERED = re.compile(r"^\[(\d+\.\d+)\] (- )?(.*)$", re.MULTILINE)
_QUESTION = re.compile(r"^Question: (.*)\Z", re.MULTILINE | re.DOTALL)
# How a follow-up is told from others of the same words once it has been made to stand alone.
_NAMED = re.compile(r"\(case (.+)\)\Z")

Reply = Callable[[str], str]


def perfect_reply(cases: Sequence[Case]) -> Reply:
    """What the perfect model answers to a prompt: the sentences that are gold, each with its number, or a refusal."""
    by_id = {case.id: case for case in cases}
    by_question = {case.question.strip(): case for case in reversed(cases)}

    def reply(prompt: str) -> str:
        asked = _QUESTION.search(prompt)
        question = asked[1].strip() if asked else ""
        if "\nTask: rewrite\n" in f"\n{prompt}":
            case = next(
                (c for c in cases if c.question.strip() == question and conversation(c.history) in prompt), None
            )
            return f"{question} (case {case.id})" if case else question
        named = _NAMED.search(question)
        # A misspelt question comes with its words put right.
        nearest = difflib.get_close_matches(question, by_question, n=1, cutoff=0.8)
        case = by_id.get(named[1]) if named else by_question.get(nearest[0]) if nearest else None
        lines = _gold_lines(prompt, case) if case else []
        return "\n".join(lines) or REFUSAL

    return reply


def _gold_lines(prompt: str, case: Case) -> list[str]:
    """The sentences of the prompt that are gold or part of it, or of which gold is a part, each once."""
    quotes = [flat(gold.quote) for gold in case.gold]
    lines: dict[str, str] = {}
    for number, item, shown in _NUMBERED.findall(prompt):
        text = original(shown)
        if any(text in quote or quote in text for quote in quotes):
            lines.setdefault(text, f"{item}{shown} [{number}]")
    return list(lines.values())


@contextlib.contextmanager
def scripted(settings: Settings, name: str, reply: Reply) -> Iterator[Settings]:
    """Settings in which `compatible:NAME/…` is a local server that answers every prompt with `reply(prompt)`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(reply))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    here = f"{name}=http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        servers = ",".join(filter(None, [settings.compatible, here]))
        # Named, so that it reads as many passages as a model that is hosted elsewhere.
        yield settings.model_copy(update={"compatible": servers, "passages": settings.passages})
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(reply: Reply) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._begin("application/json")
            self._write(json.dumps({"data": [{"id": "gold", "max_model_len": CONTEXT_TOKENS}]}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._begin("text/event-stream")
            self._send({"role": "assistant", "content": reply(body["messages"][-1]["content"])}, None)
            self._send({}, "stop")
            self._write("data: [DONE]\n\n")

        def _begin(self, content_type: str) -> None:
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.end_headers()

        def _send(self, delta: dict[str, Any], finish: str | None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gold", "choices": [choice]}
            self._write(f"data: {json.dumps(chunk)}\n\n")

        def _write(self, text: str) -> None:
            self.wfile.write(text.encode("utf-8"))

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return Handler
