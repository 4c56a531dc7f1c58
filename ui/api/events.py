"""Answers on their way to a client: as server-sent events or whole, and no longer than somebody waits for them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from rag.errors import PinciteError
from rag.types import JSON, Answer, Event
from ui.api.concurrency import Broken
from ui.api.errors import Refused, broken, refusal
from ui.door import Kind

EVENTS = "text/event-stream"
# After so long without an event a comment is sent, so that nothing in between takes the connection for a dead one.
QUIET_S = 15.0
PAUSE = ": still at work\n\n"

# Nobody reads it: the client has closed the connection.
GONE = 499

_T = TypeVar("_T")
Happened = tuple[Kind, Event]


def block(data: JSON | str, name: str | None = None) -> str:
    """One event. As ASCII, since some clients take more characters for line ends than the protocol knows."""
    text = data if isinstance(data, str) else json.dumps(data, allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n" if name else f"data: {text}\n\n"


class EventStream(StreamingResponse):
    """A response of events, which ends what makes them as soon as the client has gone."""

    def __init__(self, blocks: AsyncGenerator[str, None]) -> None:
        super().__init__(blocks, media_type=EVENTS, headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        self._blocks = blocks

    async def stream_response(self, send: Send) -> None:
        """Sends them."""
        async with aclosing(self._blocks):
            await super().stream_response(send)


async def streamed(
    request: Request,
    events: AsyncGenerator[Happened | None, None],
    written: Callable[[Kind, Event], Iterator[str]],
    refused: Callable[[Refused], str],
) -> Response:
    """Events as a response that begins with the first one. What cannot be begun at all is raised."""
    started = await _unless_gone(request, _begun(events))
    return EventStream(_blocks(started, written, refused)) if started else Response(status_code=GONE)


async def whole(
    request: Request, events: AsyncGenerator[Happened | None, None], written: Callable[[Answer], Response]
) -> Response:
    """The answer that the events end with as a response."""
    answer = await _unless_gone(request, _answer_of(events))
    return written(answer) if answer else Response(status_code=GONE)


async def _begun(events: AsyncGenerator[Happened | None, None]) -> AsyncGenerator[Happened | None, None]:
    """The same events once the first has happened."""
    first = await anext(events)
    while first is None:
        first = await anext(events)

    async def everything() -> AsyncGenerator[Happened | None, None]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return everything()


async def _blocks(
    events: AsyncGenerator[Happened | None, None],
    written: Callable[[Kind, Event], Iterator[str]],
    refused: Callable[[Refused], str],
) -> AsyncGenerator[str, None]:
    """Events as text, a comment where they pause. A failure is an event too, the last one."""
    try:
        async with aclosing(events):
            async for event in events:
                if event is None:
                    yield PAUSE
                    continue
                for text in written(*event):
                    yield text
    except PinciteError as error:
        yield refused(refusal(error))
    except Broken:
        yield refused(broken())


async def _answer_of(events: AsyncGenerator[Happened | None, None]) -> Answer:
    async with aclosing(events):
        async for event in events:
            if event and isinstance(event[1], Answer):
                return event[1]
    raise AssertionError("a stream ends with an answer")


async def _unless_gone(request: Request, work: Awaitable[_T]) -> _T | None:
    """What comes of the work; None, and no more of it, when the client goes away first. The body must be read."""
    doing = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        doing.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
