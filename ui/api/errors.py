"""What a program reads when it does not get what it asked for: a status, and one line that says what to do."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from rag.errors import (
    BackendError,
    BackendNotReady,
    NoDocument,
    PinciteError,
    QuestionError,
    UnknownBackend,
    UsageError,
)
from rag.types import JSON, Answer
from ui.api.concurrency import Broken, Full, Stopped
from ui.api.requests import wrong
from ui.cli.output import as_one_line, note
from ui.web.conversation import BROKEN

RETRY_S = 5
# By status, in the words of OpenAI's API, which most clients know.
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    500: "server_error",
    502: "backend_error",
    503: "overloaded_error",
}
NOT_READY = "The backend cannot be asked now. What it lacks stands in the server's log."
NO_INDEX = "The documents cannot be read now. Why stands in the server's log."


class Refused(Exception):
    """A request that is answered with an error. `message` is one line for whoever sent it."""

    def __init__(
        self,
        status: int,
        message: str,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, as_one_line(message), dict(headers or {})
        self.code = code
        self.kind = kind or KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")

    def body(self) -> JSON:
        """The error as the protocols of the field write it."""
        return {"error": {"message": self.message, "type": self.kind, "param": None, "code": self.code}}

    def response(self) -> JSONResponse:
        """The error as a response."""
        return JSONResponse(self.body(), self.status, headers=self.headers)


def refusal(error: PinciteError) -> Refused:
    """What the sender of a request reads of an error.

    What only the operator can mend may name folders and settings: that goes to standard error.
    """
    match error:
        case Full() | Stopped():
            return Refused(503, str(error), headers={"retry-after": str(RETRY_S)})
        case NoDocument():
            return Refused(404, str(error))
        case QuestionError() | UsageError() | UnknownBackend():
            return Refused(400, str(error))
    note(f"pincite: {error}")
    if isinstance(error, BackendError):
        return Refused(503, NOT_READY, "backend_error") if isinstance(error, BackendNotReady) else failed(str(error))
    return Refused(503, NO_INDEX, "server_error")


def failed(message: str | None) -> Refused:
    """That no backend gave an answer, in the provider's words."""
    return Refused(502, message or "The question could not be answered.")


def record_response(answer: Answer) -> JSONResponse:
    """The answer record; when no backend answered, the error beside it."""
    if answer.status != "failed":
        return JSONResponse(answer.record())
    refused = failed(answer.error)
    return JSONResponse({**refused.body(), "answer": answer.record()}, refused.status)


def broken() -> Refused:
    """What is read of a bug, whose traceback is in the log."""
    return Refused(500, BROKEN)


def answer_errors(app: FastAPI) -> None:
    """Has everything that goes wrong answered in one form. A bug is in the log besides."""
    for kind in (Refused, PinciteError, RequestValidationError, HTTPException, Broken, Exception):
        app.add_exception_handler(kind, _answered)


def _answered(request: Request, error: Exception) -> Response:
    return _seen(request, error).response()


def _seen(request: Request, error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case PinciteError():
            return refusal(error)
        case RequestValidationError():
            return Refused(400, wrong(error.errors(), _model(request)))
        case HTTPException(status_code=404):
            return Refused(404, "There is nothing at this address. GET /openapi.json lists what there is.")
        case HTTPException(status_code=405):
            words = f"This address does not know {request.method}. Use {(error.headers or {}).get('Allow', 'another')}."
            return Refused(405, words, headers=error.headers)
        case HTTPException(status_code=400):  # FastAPI's words for JSON that is nested too deeply
            return Refused(400, "The request is not JSON that can be read. Send one JSON object.")
        case HTTPException():
            return Refused(error.status_code, error.detail, headers=error.headers)
    return broken()


def _model(request: Request) -> type[BaseModel] | None:
    """What the body of a request to its route should have been."""
    hints = request.scope["endpoint"].__annotations__.values()
    return next((hint for hint in hints if isinstance(hint, type) and issubclass(hint, BaseModel)), None)
