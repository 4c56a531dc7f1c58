"""Serving a web application on one socket, which nobody can hold open for himself."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from rag.errors import PinciteError

# What somebody types who wants another port.
CHAT = "PORT={0} make chat (or PINCITE_PORT={0} pincite chat)"
SERVE = "pincite serve --port {0}"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A request has to have come within REQUEST_S; a client that takes nothing of its answer for STALLED_S is cut off.
REQUEST_S, STALLED_S = 20.0, 60.0
HEADER_BYTES = 32_768
# Connections at once. When there is one more, the one that has been waiting longest for its request is closed.
MOST_CONNECTIONS = 200
# Connections taken in before the next look at what those there are have sent: fewer than MOST_CONNECTIONS.
TAKEN_AT_ONCE = 100


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


class _Connection(H11Protocol):
    """A connection that ends when its request, or the reading of its answer, takes too long."""

    waiting_since: float | None = None  # while the server waits for a request or the rest of one
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Makes room by closing the connection that has waited longest, which may be this one."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._watch(waiting=True)
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = [one for one in self.connections if isinstance(one, _Connection) and one.waiting_since]
            min(waiting, key=lambda one: one.waiting_since or 0.0).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Goes on with the request."""
        super().data_received(data)
        self._watch(self.waiting_since is not None and self._expects())

    def on_response_complete(self) -> None:
        """Waits for the next request. Uvicorn's own time-out ends one that is idle, not one that began."""
        super().on_response_complete()
        self._watch(self._expects())

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._watch(self.waiting_since is not None)

    def resume_writing(self) -> None:
        """It takes it again."""
        super().resume_writing()
        self._watch(self.waiting_since is not None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._watch(waiting=False)

    def _expects(self) -> bool:
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def _watch(self, waiting: bool) -> None:
        """Have the connection cut off in time. A request that comes in pieces gets no more time with each of them."""
        now = self.loop.time()
        self.waiting_since = (self.waiting_since or now) if waiting else None
        if self._timer:
            self._timer.cancel()
        seconds = STALLED_S if self.flow.write_paused else None
        if waiting and self.waiting_since and not seconds:
            seconds = self.waiting_since + REQUEST_S - now
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _should_upgrade(self) -> bool:
        return False  # nothing here speaks WebSocket: a request for it is an ordinary one, and guarded like one


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
    one = _Server(
        uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            log_level="warning",
            backlog=TAKEN_AT_ONCE,
            h11_max_incomplete_event_size=HEADER_BYTES,
            timeout_graceful_shutdown=1,
        )
    )
    logging.getLogger("uvicorn.error").addFilter(_not_of_stopping)
    one.stopping = stopping
    return one
