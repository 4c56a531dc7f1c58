"""One chat model over several: tries again before the first word, moves on to the next, and says who answered."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import tenacity
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from rag.errors import BackendError, BackendUnavailable, StreamCut
from rag.llms import failures
from rag.llms.candidate import Candidate
from rag.llms.think_tags import Thoughts

# A provider that asks for a longer wait than this is passed over instead.
LONGEST_WAIT_S = 30.0
# No answer is longer than this; a model that does not stop is stopped.
ANSWER_CHARACTERS = 30_000
# A small model may say the same thing for ever. Its last words are looked at every so many characters: it is stopped
# when they are one stretch of between 12 and 600 characters four times over.
CHECKED_EVERY, STRETCH, TIMES = 150, range(12, 601), 4
# How providers say that an answer ended, where it is not an ordinary end.
FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "content_filter": "refused",
    "refusal": "refused",
    "safety": "refused",
    "recitation": "refused",
    "blocklist": "refused",
    "prohibited_content": "refused",
    "spii": "refused",
}


class SteadyModel(BaseChatModel):
    """The first of `candidates` that answers. See `rag.llms.open_model` for what its chunks carry."""

    candidates: list[Any]
    retries: int

    @property
    def _llm_type(self) -> str:
        return "pincite"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        passed_over: list[str] = []
        for candidate in self.candidates:
            try:
                stream, head = _begin(candidate, messages, stop, self.retries, kwargs)
            except BackendError as error:
                passed_over.append(str(error))
                continue
            with closing(stream):
                yield _chunk("", {"answered_by": str(candidate.spec), "passed_over": passed_over})
                yield from _answer(candidate, stream, head)
            return
        raise BackendUnavailable("\n".join(passed_over))


Stream = Any  # a generator of AIMessageChunk; LangChain's signature says Iterator, which has no close()


def _begin(
    candidate: Candidate, messages: list[BaseMessage], stop: list[str] | None, retries: int, more: dict[str, Any]
) -> tuple[Stream, list[AIMessageChunk]]:
    """An answer's stream and its chunks up to the first with words. Raises BackendError after the last try."""
    tries = 0

    def first_words() -> tuple[Stream, list[AIMessageChunk]]:
        nonlocal tries
        tries += 1
        stream = cast(Stream, candidate.model.stream(messages, stop=stop, **more))
        head = []
        for chunk in stream:
            head.append(chunk)
            if chunk.text:
                return stream, head
        if candidate.row.finishes and not any(map(finish_of, head)):
            raise ConnectionResetError("it broke off before its first word")
        return stream, head

    def worth_it(error: BaseException) -> bool:
        asked_s = failures.retry_after_s(error)
        return candidate.worth_another_try(error) and (asked_s is None or asked_s <= LONGEST_WAIT_S)

    trying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(retries + 1),
        wait=_wait_s,
        retry=tenacity.retry_if_exception(worth_it),
        reraise=True,
    )
    failure: BackendError
    try:
        return trying(first_words)
    except BackendError:
        raise
    except Exception as error:  # whatever a provider's package raises
        if candidate.is_ours:
            raise
        failure = candidate.unavailable(error, tries)
    # Outside the handler, so that the provider's exception, which may quote a key, is not chained to ours.
    raise failure


def _wait_s(state: tenacity.RetryCallState) -> float:
    """What the provider asks for, or else a random time that doubles, so that callers do not come back at once."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = failures.retry_after_s(error) if error else None
    jitter_s = tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_S)(state)
    return jitter_s if asked_s is None else asked_s + jitter_s / 10


def _answer(candidate: Candidate, stream: Stream, head: list[AIMessageChunk]) -> Iterator[ChatGenerationChunk]:
    """The words of an answer, then one chunk without words that tells how it ended and what it used."""
    usage: UsageMetadata | None = None
    finish: str | None = None
    characters = unchecked = 0
    tail = ""
    thoughts = Thoughts()
    for chunk in _until_cut(candidate, stream, head):
        if chunk.usage_metadata:
            usage = add_usage(usage, chunk.usage_metadata)
        finish = finish_of(chunk) or finish
        text = thoughts.feed(chunk.text)[: ANSWER_CHARACTERS - characters]
        characters += len(text)
        if text:
            yield _chunk(text)
        tail, unchecked = (tail + text)[-STRETCH.stop * TIMES :], unchecked + len(text)
        if unchecked >= CHECKED_EVERY:
            unchecked = 0
            if characters >= ANSWER_CHARACTERS or repeats(tail):
                finish = "length" if characters >= ANSWER_CHARACTERS else "repeated"
                break
    if rest := thoughts.finish():
        yield _chunk(rest)
    if candidate.row.finishes and finish is None:
        raise _cut(candidate)
    yield _chunk("", {"finish": finish}, usage)


def repeats(tail: str) -> bool:
    """Whether a text ends in the same words over and over; rules and table lines, which have no letters, may."""
    for size in STRETCH:
        stretch = tail[-size:]
        if tail.endswith(stretch * TIMES) and any(c.isalpha() for c in stretch):
            return True
    return False


def _until_cut(candidate: Candidate, stream: Stream, head: list[AIMessageChunk]) -> Iterator[AIMessageChunk]:
    """The chunks of an answer. Raises StreamCut when the provider fails after its first words."""
    yield from head
    try:
        yield from stream
        return
    except Exception:  # whatever a provider's package raises
        if candidate.is_ours:
            raise
    raise _cut(candidate)


def _cut(candidate: Candidate) -> StreamCut:
    return StreamCut(f"{candidate.spec} broke off in the middle of its answer.")


def finish_of(chunk: AIMessageChunk) -> str | None:
    """How the provider says its answer ended: stop, length or refused; None while it has not said."""
    blocked = chunk.response_metadata.get("prompt_feedback") or {}  # Gemini's, when it does not even begin
    if chunk.additional_kwargs.get("refusal") or blocked.get("block_reason"):
        return "refused"
    for name in ("finish_reason", "stop_reason", "done_reason"):
        value = chunk.response_metadata.get(name)
        if value:
            return FINISHES.get(str(value).lower(), "stop")
    return None


def _chunk(
    text: str, metadata: dict[str, Any] | None = None, usage: UsageMetadata | None = None
) -> ChatGenerationChunk:
    message = AIMessageChunk(content=text, response_metadata=metadata or {}, usage_metadata=usage)
    return ChatGenerationChunk(message=message)
