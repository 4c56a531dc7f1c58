"""The Evaluation page at /exam: choose, run, watch, read the figures, open the report; keep what readers report."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from rag.chat import Chat
from rag.errors import PinciteError
from rag.installing import evaluation_missing
from rag.settings import Settings
from ui.permitted import chosen, offered

if TYPE_CHECKING:
    from ui.web.evaluation_runs import Exams

PAGE = Path(__file__).parent / "assets" / "exam.html"
JSON_TYPE = "application/json"

_T = TypeVar("_T")


def exam_routes(chat: Chat, settings: Settings) -> APIRouter:
    """The routes of the page. What changes something takes JSON only, which no other website's form can send."""
    routes = APIRouter(prefix="/exam")

    @functools.cache
    def exams() -> "Exams":
        try:
            from ui.web.evaluation_runs import Exams  # loads statistics and plots, which the chat can do without
        except ModuleNotFoundError as error:
            if (line := evaluation_missing(error)) is None:
                raise
            raise PinciteError(line) from error
        return Exams(chat)

    @routes.get("")
    def page() -> HTMLResponse:
        return HTMLResponse(PAGE.read_text("utf-8"))

    @routes.get("/choices")
    def choices() -> Response:
        return _said(lambda: {"sets": exams().sets(), "backends": offered(settings)})

    @routes.get("/state")
    def state() -> Response:
        return _said(lambda: exams().state())

    @routes.get("/figures/{name}")
    def figures(name: str) -> Response:
        return _said(lambda: exams().figures(name))

    @routes.get("/report/{name}")
    def report(name: str) -> Response:
        try:
            return HTMLResponse(exams().report(name))
        except PinciteError as error:
            return JSONResponse({"error": str(error)}, 404)

    @routes.post("/start")
    async def start(request: Request) -> Response:
        wanted = await _json(request)

        def begin() -> None:
            backends = [chosen(str(one), settings) for one in wanted["backends"]]
            exams().start(str(wanted["set"]), backends, wanted.get("most"))

        return _said(begin)

    @routes.post("/stop")
    async def stop(request: Request) -> Response:
        await _json(request)
        return _said(exams().stop)

    @routes.post("/wrong")
    async def wrong(request: Request) -> Response:
        told = await _json(request)
        return _said(lambda: {"set": exams().wrong(told)})

    return routes


async def _json(request: Request) -> dict[str, Any]:
    """The body; empty when it is not sent as JSON."""
    if request.headers.get("content-type", "").split(";")[0] != JSON_TYPE:
        return {}
    body = await request.json()
    return body if isinstance(body, dict) else {}


def _said(happens: Callable[[], _T]) -> Response:
    """What came of it, or the one line that says what was wrong."""
    try:
        return JSONResponse(happens() or {})
    except PinciteError as error:
        return JSONResponse({"error": str(error)}, 400)
    except (KeyError, TypeError, ValueError):
        return JSONResponse({"error": "That request is not understood. Reload the page."}, 400)
