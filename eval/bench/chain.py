"""What the path of one question adds to the language model alone, measured on a server of a fixed pace."""

import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from eval.bench.paced_server import PacedServer, first_statement_tokens, paced_server, tokens_of, written
from rag.chat import Chat, open_chat
from rag.settings import load_settings
from rag.types import Searched, Statement

QUESTIONS = (
    "What does the African Union do about peace and security?",
    "Who decides about sanctions?",
    "How is the work paid for?",
    "What happens at the summits?",
    "Which goals were set for the coming years?",
    "How do members take part?",
    "What is said about trade?",
    "What has changed since the beginning?",
)
PACE_S = 0.02
STATEMENTS = 4
ROUNDS = 3
WORKERS = 8


def measure_chain() -> dict[str, Any]:
    """`ratio.time_to_first_statement`: ours to the bare server's, at most 1.15 wanted; `ratio.throughput_8`: ours to
    the bare server's with eight questions at once, at least 0.9 wanted. Both without the search. Raw in seconds and
    tokens a second.
    """
    with tempfile.TemporaryDirectory() as data, paced_server(PACE_S, STATEMENTS) as server:
        settings = load_settings(
            {
                "data": Path(data),
                "backend": "compatible:paced/paced",
                "compatible": f"paced=http://127.0.0.1:{server.port}/v1",
            },
            environ={},
        )
        chat = open_chat(settings)
        chat.ask(QUESTIONS[0])
        return _measured(chat, server)


def _measured(chat: Chat, server: PacedServer) -> dict[str, Any]:
    ours, bare, bodies = [], [], []
    for question in QUESTIONS:
        ours.append(_first_statement_s(chat, question))
        bodies.append(server.last_body)
        bare.append(_bare_first_statement_s(server))
    bare_rate = _tokens_per_s(server, lambda number: _bare_s(server, bodies[number % len(bodies)], None))
    ours_rate = _tokens_per_s(server, lambda number: _answer_s(chat, QUESTIONS[number % len(QUESTIONS)]))
    first, bare_first = statistics.median(ours), statistics.median(bare)
    return {
        "ratio": {
            "time_to_first_statement": round(first / bare_first, 3),
            "throughput_8": round(ours_rate / bare_rate, 3),
        },
        "raw": {
            "time_to_first_statement_s": round(first, 4),
            "time_to_first_statement_bare_s": round(bare_first, 4),
            "throughput_8_tokens_per_s": round(ours_rate, 1),
            "throughput_8_bare_tokens_per_s": round(bare_rate, 1),
            "pace_s": PACE_S,
            "n": len(ours),
        },
    }


def _first_statement_s(chat: Chat, question: str) -> float:
    """From the end of the search to the first statement shown."""
    began = time.perf_counter()
    for event in chat.stream(question):
        if isinstance(event, Searched):
            began = time.perf_counter()
        elif isinstance(event, Statement):
            break
    else:
        raise RuntimeError(f"No statement was shown for {question!r}: the measurement means nothing.")
    return time.perf_counter() - began


def _bare_first_statement_s(server: PacedServer) -> float:
    """The same prompt, read without any client library up to the end of its first sentence and one token more."""
    body = server.last_body
    sentences = written(body["messages"][-1]["content"], STATEMENTS)
    return _bare_s(server, body, first_statement_tokens(tokens_of(sentences), sentences))


def _bare_s(server: PacedServer, body: dict[str, Any], tokens: int | None) -> float:
    """Seconds until that many tokens were read, or all of them."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    response = connection.getresponse()
    read = 0
    while (tokens is None or read < tokens) and (line := response.readline()):
        read += line.startswith(b"data: ")
    took_s = time.perf_counter() - began
    connection.close()
    return took_s


def _answer_s(chat: Chat, question: str) -> float:
    """Seconds that one answer took without the search."""
    timings = chat.ask(question).timings
    return (timings.total - timings.search) / 1000


def _tokens_per_s(server: PacedServer, ask: Callable[[int], float]) -> float:
    """Eight at once, a few rounds: the server's tokens over the seconds that each worker spent, eight side by side."""
    before = server.sent
    with ThreadPoolExecutor(WORKERS) as pool:
        seconds = sum(pool.map(ask, range(WORKERS * ROUNDS)))
    return WORKERS * (server.sent - before) / seconds
