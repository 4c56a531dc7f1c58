"""Whose session of the page it is: the name that a browser gives to one opens it to that browser alone."""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What the page asks Gradio for; the rest of it, such as reading files and calling by name, is not there.
PREFIX = "/gradio_api/"
USED = {"cancel", "heartbeat", "queue", "reset", "startup-events", "theme.css"}
NAME = "session_hash"


class OwnSessions:
    """ASGI middleware between the guard, which knows the visitor, and Gradio, which takes whoever names a session.

    A session's name is replaced by one that stands for the visitor and the name: nobody can name another's.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on under the session's own name."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        route, _, named = scope["path"].removeprefix(PREFIX).partition("/")
        if route not in USED:
            await PlainTextResponse("There is nothing at this address.\n", 404)(scope, receive, send)
            return
        visitor = scope["visitor"]
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        own = [(name, _own(visitor, value) if name == NAME else value) for name, value in query]
        scope = {**scope, "query_string": urlencode(own).encode()}
        if route == "heartbeat":
            scope |= {"path": (path := f"{PREFIX}heartbeat/{_own(visitor, named)}"), "raw_path": path.encode()}
        if scope["method"] == "POST":
            try:
                body = _renamed(await _whole(receive), visitor)
            except HTTPException as error:  # it is too large
                await PlainTextResponse(f"{error.detail}\n", error.status_code)(scope, receive, send)
                return
            scope["headers"] = list(scope["headers"])
            MutableHeaders(scope=scope)["content-length"] = str(len(body))
            receive = _again(body, receive)
        await self.app(scope, receive, send)


def _own(visitor: str, session: str) -> str:
    return hashlib.sha256(f"{visitor}/{session}".encode("utf-8", "surrogatepass")).hexdigest()


def _renamed(body: bytes, visitor: str) -> bytes:
    """The body with its session's own name; as it is when it is no object, which Gradio will say."""
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(asked, dict):
        return body
    return json.dumps({**asked, NAME: _own(visitor, str(asked.get(NAME)))}).encode()


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), bool(message.get("more_body"))
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already, and then what else happens."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return left.pop() if left else await receive()

    return receive_again
