"""What a provider's exception means for the reader: one line with the provider's own words and what to type.

Every provider has its own exceptions, but all of them carry an HTTP status, a response, or a network error
somewhere in their chain of causes; so they are read by those, without importing any provider.
"""

import email.utils
import json
import re
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from rag.llms.redaction import REMOVED, redact
from rag.llms.wire import WireError

# Worth another try: too many requests, overloaded, or a server that failed.
TRANSIENT_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
LOST_CONNECTION = frozenset(
    {"ReadError", "WriteError", "RemoteProtocolError", "ConnectionResetError", "BrokenPipeError"}
)
TIMED_OUT = frozenset(
    {"ReadTimeout", "WriteTimeout", "PoolTimeout", "ConnectTimeout", "APITimeoutError", "TimeoutError"}
)
REFUSED = frozenset({"ConnectError", "ConnectionRefusedError", "gaierror"})
WORDS_CHARACTERS = 300
# Keys as the large providers write them, whole or with the middle starred out.
KEY_SHAPE = re.compile(r"\b(?:sk|pk|rk|gsk|xai|AIza|Bearer)[-_ ]?[A-Za-z0-9_*.-]{8,}")


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it, outermost first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def status_of(error: BaseException) -> int | None:
    """The HTTP status that a provider answered with, if it answered."""
    for cause in causes(error):
        for holder in (cause, getattr(cause, "response", None)):
            for name in ("status_code", "code", "status"):
                value = getattr(holder, name, None)
                if isinstance(value, int) and 400 <= value < 600:
                    return value
    return None


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for cause in causes(error) for kind in type(cause).__mro__}


def refused_reply(error: BaseException) -> str | None:
    """Why we did not read a reply on, if that is what happened."""
    return next((str(cause) for cause in causes(error) if isinstance(cause, WireError)), None)


def timed_out(error: BaseException) -> bool:
    """Whether nothing came for as long as we were willing to wait."""
    return bool(_names(error) & TIMED_OUT)


def refused(error: BaseException) -> bool:
    """Whether there is no server at that address."""
    return bool(_names(error) & REFUSED) or any(isinstance(cause, socket.gaierror) for cause in causes(error))


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment: 429, a failed server, or a lost connection."""
    status = status_of(error)
    if status is not None:
        return status in TRANSIENT_STATUS
    return not timed_out(error) and not refused(error) and bool(_names(error) & LOST_CONNECTION)


def retry_after_s(error: BaseException) -> float | None:
    """Seconds that the provider asks to wait (`Retry-After`, as seconds or as a date), or None."""
    for cause in causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        value = headers.get("retry-after") if headers is not None else None
        if not value:
            continue
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except ValueError:
            return None
    return None


def provider_words(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """What the provider said, on one line, at most 300 characters, without any of `secrets`."""
    chain = list(causes(error))
    said = [_message(getattr(cause, name, None)) for cause in chain for name in ("body", "details")]
    text = next(filter(None, [*said, *map(_own_words, chain)]), type(error).__name__)
    text = " ".join(KEY_SHAPE.sub(REMOVED, redact(text, secrets)).split()).rstrip(".")
    return text if len(text) <= WORDS_CHARACTERS else text[: WORDS_CHARACTERS - 1] + "…"


def without_login(address: str) -> str:
    """An address without a user name and password in it."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _own_words(error: BaseException) -> str:
    """The exception's text, or the message of the error object that it quotes."""
    if isinstance(error, json.JSONDecodeError):
        return "a reply that is not JSON"
    text = str(error)
    try:
        return _message(json.loads(text[text.index("{") :])) or text
    except ValueError:
        return text


def _message(body: Any) -> str:
    """The message inside a provider's error object, however deep it lies."""
    while isinstance(body, dict):
        body = next((body[name] for name in ("message", "error", "detail") if name in body), None)
    return body if isinstance(body, str) else ""
