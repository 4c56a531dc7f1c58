"""Serving a web application on one socket, to this machine's browser only talking to this machine."""

import asyncio
import errno
import logging
import re
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import PinciteError

# The page needs inline scripts and styles, and evaluates its own templates; nothing may come from or go elsewhere.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-src 'none'; frame-ancestors 'self'"
)
# What somebody types who wants another port.
CHAT = "PORT={0} make chat (or PINCITE_PORT={0} pincite chat)"
SERVE = "pincite serve --port {0}"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFUSED = "This page is served to this machine only. To serve it under another name, set PINCITE_HOST."
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class OwnOriginOnly:
    """ASGI middleware: tells the browser to load from and send to nowhere but this server.

    A server that listens for this machine only also answers under this machine's names only: no website can read the
    documents by pointing a name of its own at 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app, self.this_machine_only = app, host in LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds the headers to every HTTP response."""
        guarded = scope["type"] == "http" and self.this_machine_only
        if guarded and asked_host(Headers(scope=scope)) not in LOOPBACK:
            await PlainTextResponse(f"{REFUSED}\n", 400)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def asked_host(headers: Headers) -> str:
    """The name under which a server is asked, without a port."""
    return re.sub(r":\d*$", "", headers.get("host", "")).strip("[]").lower()


class Beside:
    """ASGI middleware: requests for the HTTP API go to it, and all others to the page that it stands beside."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self.app, self.api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on."""
        asked = scope["type"] == "http" and re.match(r"/v1(/|$)|/openapi\.json$", scope["path"])
        await (self.api if asked else self.app)(scope, receive, send)


def listen(host: str, port: int, typed: str = CHAT) -> socket.socket:
    """A listening socket. Raises PinciteError saying what to type when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise PinciteError(f"No machine is called {host!r}. Set PINCITE_HOST to 127.0.0.1.") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise PinciteError(_refusal(error, host, port, typed)) from None
    return listening


def _refusal(error: OSError, host: str, port: int, typed: str) -> str:
    other = port + 1 if port < 65535 else 7860
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is already in use. Type: {typed.format(other)}"
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used without more rights. Type: {typed.format(7860)}"
    return f"This machine has no address {host!r} to listen on. Set PINCITE_HOST to 127.0.0.1."


class _Server(uvicorn.Server):
    """Says when it is being stopped, so that what is under way can end before it is cut off."""

    stopping: Callable[[], None] | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops."""
        if self.stopping:
            self.stopping()
        await super().shutdown(sockets)


def _not_of_stopping(record: logging.LogRecord) -> bool:
    """Whether a line of the log is of something else than a connection cut off because the server is being stopped.

    An open page keeps one for as long as it is open.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, asyncio.CancelledError) or str(record.msg).startswith("Cancel %s running task"))


def server(app: Any, stopping: Callable[[], None] | None = None) -> uvicorn.Server:
    """A server for an ASGI application that keeps quiet unless something goes wrong; `run(sockets=[…])` blocks.

    `stopping` is called when it is to stop, a second before what is still under way is cut off.
    """
    one = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    logging.getLogger("uvicorn.error").addFilter(_not_of_stopping)
    one.stopping = stopping
    return one
