"""The HTTP API: documents, answers, passages and checks as JSON, to programs. Built once, for every host it is on."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from rag import __version__
from rag.chat import Chat
from rag.settings import Settings
from rag.types import JSON, Answer, Event, Searched, Statement, as_json
from ui.api.completions import completion_routes
from ui.api.concurrency import Turnstile
from ui.api.errors import Refused, answer_errors, record_response
from ui.api.events import EVENTS, QUIET_S, block, streamed, whole
from ui.api.guard import Guard
from ui.api.requests import MOST, Ask, Read, Search
from ui.api.schema import AnswerRecord, Documents, Error, Passages, Text, Verification
from ui.door import Door, Kind

# Questions that are answered at once, and that wait for it; what is more is told to come again.
ASKED_AT_ONCE, ASKED_WAITING = 8, 32
# The same for what takes no language model.
READ_AT_ONCE, READ_WAITING = 4, 64


def api(
    chat: Chat, settings: Settings, questions: Turnstile | None = None, readings: Turnstile | None = None
) -> FastAPI:
    """The HTTP API over an open chat, guarded, as an application of its own for `settings.host`.

    `questions` and `readings` say how much is done at once.
    """
    door = Door(chat, settings)
    questions = questions or Turnstile(ASKED_AT_ONCE, ASKED_WAITING)
    readings = readings or Turnstile(READ_AT_ONCE, READ_WAITING)
    app = FastAPI(title="Pincite", version=__version__, openapi_url=None, redirect_slashes=False)
    app.include_router(_reading(door, readings))
    app.include_router(_asking(door, questions))
    app.include_router(completion_routes(door, questions, int(time.time())))
    app.add_api_route("/openapi.json", _description(app), include_in_schema=False)
    app.add_middleware(Guard, host=settings.host, token=settings.token)
    answer_errors(app)
    app.state.turnstiles = (questions, readings)
    return app


def stop(app: FastAPI) -> None:
    """Ends what the API has under way, each with an error that says so."""
    for turnstile in app.state.turnstiles:
        turnstile.stop()


def _description(app: FastAPI) -> Callable[[], JSON]:
    """What there is, for tools. A wrong request is answered with 400, not as FastAPI would have it."""

    @functools.cache
    def description() -> JSON:
        described = app.openapi()
        for operation in (one for path in described["paths"].values() for one in path.values()):
            operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            described["components"]["schemas"].pop(name, None)
        return described

    return description


def gives(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """What a route answers, for `/openapi.json`. Its answers are not made from these models."""
    return {200: {"model": model}, "4XX": {"model": Error}, "5XX": {"model": Error}}


PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}},
    "4XX": {"model": Error},
    "5XX": {"model": Error},
}


def _reading(door: Door, turnstile: Turnstile) -> APIRouter:
    """The routes that need no language model."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/health")
    async def health() -> JSON:
        """Whether questions can be answered. Needs no token and says no more than that."""
        await turnstile.run(door.chat.documents)
        return {"status": "ok"}

    @routes.get("/documents", responses=gives(Documents))
    async def documents() -> JSON:
        """The documents that can be asked about."""
        return await turnstile.run(door.documents)

    @routes.get("/documents/{document:path}/pages/{page}.png", responses=PICTURE, response_class=Response)
    async def picture(
        document: str,
        page: Annotated[int, Path(ge=1, le=MOST)],
        start: Annotated[int, Query(ge=0, le=MOST)] = 0,
        end: Annotated[int, Query(ge=0, le=MOST)] = 0,
    ) -> Response:
        """A page of a PDF as it looks, with the words between two offsets marked."""
        wanted = Read(document=document, start=start, end=end)
        png = await turnstile.run(lambda: door.picture(wanted, page))
        return Response(png, media_type="image/png", headers={"cache-control": "private, max-age=300"})

    @routes.get("/documents/{document:path}", responses=gives(Text))
    async def read(
        document: str,
        start: Annotated[int, Query(ge=0, le=MOST)] = 0,
        end: Annotated[int | None, Query(ge=0, le=MOST)] = None,
    ) -> JSON:
        """A document's canonical text, which the offsets of citations count in, or part of it."""
        return await turnstile.run(lambda: door.read(Read(document=document, start=start, end=end)))

    @routes.post("/search", responses=gives(Passages))
    async def search(wanted: Search) -> JSON:
        """The passages that best answer a question, and no answer."""
        return await turnstile.run(lambda: door.search(wanted))

    @routes.post("/verify", responses=gives(Verification))
    async def verify(saved: dict[str, Any], request: Request) -> JSON:
        """Which citations of a saved answer, or of a receipt, still hold today."""
        body = await request.body()
        return (await turnstile.run(lambda: door.verify(body)))[0]

    return routes


def _asking(door: Door, turnstile: Turnstile) -> APIRouter:
    routes = APIRouter(prefix="/v1")

    @routes.post("/ask", responses=gives(AnswerRecord))
    async def ask(wanted: Ask, request: Request) -> Response:
        """The answer record; with `Accept: text/event-stream` each statement as soon as it is checked, then the record.

        Events are `searched`, `statement` (shown), `withheld` (not to be shown without its reason) and last `answer`,
        or `error`.
        """
        events = turnstile.stream(lambda: door.stream(wanted), QUIET_S)
        if EVENTS in request.headers.get("accept", ""):
            return await streamed(request, events, _written, _told)
        return await whole(request, events, record_response)

    return routes


def _written(kind: Kind, event: Event) -> Iterator[str]:
    match event:
        case Answer():
            yield block(event.record(), kind)
        case Searched():
            passages = [passage.record() for passage in event.passages]
            yield block({"search_question": event.search_question, "passages": passages}, kind)
        case Statement():
            yield block(as_json(event), kind)


def _told(refused: Refused) -> str:
    return block(refused.body(), "error")
