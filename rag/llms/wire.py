"""What a provider's server may do with our requests: httpx event hooks that every provider's HTTP client is given.

A reply ends: within the deadline, and before one line, one event or the whole of it grows without bound. A request
goes to no other origin than the one it was addressed to. OpenAI's protocol is read more tolerantly than its package
does.
"""

import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from rag.settings import Settings

MAX_LINE_BYTES = 2_000_000
MAX_REPLY_BYTES = 64_000_000
_BEGAN = "pincite_began"

Reader = Callable[[Iterable[bytes]], Iterator[bytes]]
Hooks = dict[str, list[Callable[[Any], None]]]


class WireError(Exception):
    """A reply that is not read on. The message continues a sentence that begins with the backend's name."""


def hooks(settings: Settings, openai: bool = False, max_line_bytes: int = MAX_LINE_BYTES) -> Hooks:
    """Event hooks for a client of httpx or httpx2; `openai` where it speaks OpenAI's protocol."""

    def request(request: Any) -> None:
        request.extensions[_BEGAN] = time.monotonic()
        request.headers["accept-encoding"] = "identity"  # a compressed reply could grow after it was measured

    def response(response: Any) -> None:
        _stay(response)
        if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise WireError("sent a compressed reply, which it was not asked for")
        kind = response.headers.get("content-type", "").lower()
        began, asked = response.request.extensions[_BEGAN], response.request.content.replace(b" ", b"")
        readers: list[Reader] = [functools.partial(_bounded, began, settings.reply_deadline_s, kind, max_line_bytes)]
        if openai and response.status_code == 200 and b'"stream":true' in asked:
            readers.append(_whole_as_event if "json" in kind else _tolerant)
        response.stream = _stream_type(type(response.stream))(response.stream, readers)  # type: ignore[arg-type]

    return {"request": [request], "response": [response]}


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _stay(response: Any) -> None:
    """Raises WireError when the server sends the request, with its key and passages, to another origin."""
    here = str(response.request.url)
    if response.has_redirect_location:
        there = urljoin(here, response.headers["location"])
        if origin(here) != origin(there):
            address = "{}://{}:{}".format(*origin(there))
            raise WireError(f"sends its requests on to {address}, which was refused. Set its address to that server")


def _bounded(began: float, deadline_s: float, kind: str, max_line: int, stream: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a reply. Raises WireError when they come for too long or are too many."""
    total = line = event = 0
    for part in stream:
        if time.monotonic() - began > deadline_s:
            raise WireError(f"was not done after {deadline_s:g} s. Ask for less, or raise PINCITE_DEADLINE_S")
        total += len(part)
        first, *others = part.split(b"\n")
        line = max(line + len(first), *map(len, others)) if others else line + len(first)
        event = len(part) if b"\n\n" in part or b"\r\n\r\n" in part else event + len(part)
        if line > max_line or total > MAX_REPLY_BYTES or ("event-stream" in kind and event > 2 * max_line):
            raise WireError("sent more than an answer can be")
        line = len(others[-1]) if others else line
        yield part


def _lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    for part in parts:
        first, *others = part.split(b"\n")
        held.append(first)
        for other in others:
            yield b"".join(held) + b"\n"
            held = [other]
    if any(held):
        yield b"".join(held)


def _tolerant(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream, its content as one string and a refusal as how it ended."""
    for line in _lines(parts):
        if line.startswith(b"data:") and (b'"refusal"' in line or (b'"content"' in line and b'"text"' in line)):
            try:
                event = json.loads(line[5:])
                event["choices"] = [_plain(choice) for choice in event["choices"]]
            except (ValueError, KeyError, TypeError, AttributeError):
                yield line
            else:
                yield _event(event)
        else:
            yield line


def _whole_as_event(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A reply that was not streamed, although it was asked to be, as the stream that it would have been."""
    body = b"".join(parts)
    try:
        reply = json.loads(body)
        if "error" not in reply:
            choices = [{**choice, "delta": choice.pop("message")} for choice in reply["choices"]]
            reply |= {"object": "chat.completion.chunk", "choices": [_plain(choice) for choice in choices]}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WireError("sent a reply that is not OpenAI's protocol") from None
    yield _event(reply) + b"\ndata: [DONE]\n\n"


def _plain(choice: dict[str, Any]) -> dict[str, Any]:
    delta = choice["delta"]
    if isinstance(delta.get("content"), list):
        delta["content"] = "".join(part.get("text") or "" for part in delta["content"] if part.get("type") == "text")
    if delta.get("refusal"):
        choice["finish_reason"] = "refusal"
    return choice


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n"


@functools.cache
def _stream_type(library: Any) -> Any:
    """A byte stream of the library, httpx or httpx2, that `library` is a stream of."""
    base: Any = next(kind for kind in library.__mro__ if kind.__name__ == "SyncByteStream")

    class BoundedStream(base):  # type: ignore[misc]
        def __init__(self, stream: Any, readers: list[Reader]) -> None:
            self._stream, self._readers = stream, readers

        def __iter__(self) -> Iterator[bytes]:
            return iter(functools.reduce(lambda parts, read: read(parts), self._readers, self._stream))

        def close(self) -> None:
            self._stream.close()

    return BoundedStream
