"""OpenAI's chat completions, so that chat front ends can sit in front: the text cites, the record comes with it."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from rag.errors import UnknownBackend
from rag.types import JSON, Answer, Event, Statement
from ui.api.concurrency import Turnstile
from ui.api.errors import Refused, failed, record_response
from ui.api.events import QUIET_S, block, streamed, whole
from ui.api.requests import SCOPE, SPEC_CHARACTERS, TURNS, Ask, Said
from ui.door import Door, Kind
from ui.markdown import Writing, markdown, spoken
from ui.permitted import OWN, spec_of, usable

CHUNK = "chat.completion.chunk"
CUT = {"stream_cut", "answer_cut"}


class Part(BaseModel):
    """A piece of a message."""

    type: str
    text: str | None = None


class Message(BaseModel):
    """One message of the conversation. Other roles than user and assistant are left out: the prompts are Pincite's."""

    role: str
    content: str | list[Part] | None = None

    def text(self) -> str:
        """Its words. Raises Refused for a message that holds anything else."""
        if isinstance(self.content, list):
            if any(part.type != "text" for part in self.content):
                raise Refused(400, "Only text can be read. Send messages whose content is text.")
            return "\n".join(part.text or "" for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What else a stream tells."""

    include_usage: bool = False


class Completion(BaseModel):
    """A request for a chat completion. Fields that steer a language model, such as temperature, are left aside."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(max_length=SPEC_CHARACTERS)
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, ge=1, le=1)
    documents: list[str] = Field(default_factory=list, max_length=SCOPE)

    def asked(self) -> Ask:
        """The question, which is the last message, and the conversation before it. Raises Refused without one."""
        said = [(message.role, message.text()) for message in self.messages if message.role in ("user", "assistant")]
        if not said or said[-1][0] != "user":
            raise Refused(400, "The last message is no question. Send one whose role is user.")
        history = [
            Said.model_validate({"role": role, "content": text if role == "user" else spoken(text)})
            for role, text in said[-TURNS - 1 : -1]
        ]
        return Ask(question=said[-1][1], history=history, backend=self.model, documents=self.documents)


def completion_routes(door: Door, turnstile: Turnstile, created: int) -> APIRouter:
    """The two routes of OpenAI's API that front ends need. A model is a backend that callers may name."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/models")
    async def models() -> JSON:
        """The backends that can be named now; `pincite` is the one that the settings name."""
        return {"object": "list", "data": [_model(name, created) for name in [OWN, *usable(door.settings)]]}

    @routes.get("/models/{name:path}")
    async def model(name: str) -> JSON:
        """One of them."""
        try:
            spec_of(name, door.settings)
        except UnknownBackend as error:
            raise _no_such_model(error) from None
        return _model(name, created)

    @routes.post("/chat/completions")
    async def complete(wanted: Completion, request: Request) -> Response:
        """An answer as the message of an assistant, its record in the field `pincite`."""
        asked = wanted.asked()
        try:
            spec_of(asked.backend, door.settings)
        except UnknownBackend as error:
            raise _no_such_model(error) from None
        events = turnstile.stream(lambda: door.stream(asked), QUIET_S)
        reply = _Reply(wanted)
        if wanted.stream:
            return await streamed(request, events, reply.written, reply.refused)
        return await whole(request, events, reply.whole)

    return routes


class _Reply:
    """What is sent back for one request, whole or in chunks."""

    def __init__(self, wanted: Completion) -> None:
        self._wanted, self._writing, self._begun = wanted, Writing(), False
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": wanted.model}

    def whole(self, answer: Answer) -> Response:
        """The completion, or the error of a backend that failed."""
        if answer.status == "failed":
            return record_response(answer)
        message = {"role": "assistant", "content": markdown(answer), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
        usage = {"usage": _usage(answer), "pincite": answer.record()}
        return JSONResponse({**self._head, "object": "chat.completion", "choices": [choice], **usage})

    def written(self, kind: Kind, event: Event) -> Iterator[str]:
        """The chunks for one event. What is withheld is not sent but for its count and the record."""
        if not self._begun:
            yield self._chunk({"role": "assistant", "content": ""})
            self._begun = True
        if isinstance(event, Answer):
            yield from self._end(event)
        elif isinstance(event, Statement) and kind == "statement":
            yield self._chunk({"content": self._writing.statement(event)})

    def refused(self, refused: Refused) -> str:
        """A failure in the middle of the stream."""
        return block(refused.body())

    def _end(self, answer: Answer) -> Iterator[str]:
        if answer.status == "failed":
            yield block({**failed(answer.error).body(), "pincite": answer.record()})
            return
        if rest := self._writing.rest(answer):
            yield self._chunk({"content": rest})
        yield self._chunk({}, _finish(answer), pincite=answer.record())
        if self._wanted.stream_options and self._wanted.stream_options.include_usage:
            yield block({**self._head, "object": CHUNK, "choices": [], "usage": _usage(answer)})
        yield block("[DONE]")

    def _chunk(self, delta: JSON, finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return block({**self._head, "object": CHUNK, "choices": [choice], **more})


def _finish(answer: Answer) -> str:
    return "length" if CUT & {notice.code for notice in answer.notices} else "stop"


def _usage(answer: Answer) -> JSON:
    read, written = answer.usage.input_tokens or 0, answer.usage.output_tokens or 0
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _model(name: str, created: int) -> JSON:
    return {"id": name, "object": "model", "created": created, "owned_by": "pincite"}


def _no_such_model(error: UnknownBackend) -> Refused:
    return Refused(404, str(error), "invalid_request_error", code="model_not_found")
