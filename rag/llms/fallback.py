"""One chat model over several: tries again before the first word, moves on to the next, and says who answered."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import tenacity
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from rag.errors import BackendError, BackendUnavailable, StreamCut
from rag.llms import failures
from rag.llms.candidate import Candidate
from rag.llms.redaction import StreamRedactor
from rag.llms.think_tags import ThinkTagFilter

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


class FallbackChatModel(BaseChatModel):
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
        text, told, usage = "", dict[str, Any](), None
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            message = chunk.message
            text = ("" if message.response_metadata.pop("restart", False) else text) + message.text
            told |= message.response_metadata
            usage = message.usage_metadata or usage  # type: ignore[attr-defined]
        whole = AIMessage(text, response_metadata=told, usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=whole)])

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
                first, rest = self._begin(candidate, messages, stop)
            except BackendError as error:
                passed_over.append(str(error))
                continue
            told = {"answered_by": str(candidate.spec), "passed_over": passed_over}
            yield _chunk("", told | ({"thinks_aloud": True} if candidate.row.thinks_aloud else {}))
            yield first
            with closing(rest):
                yield from _until_cut(candidate, rest)
            return
        raise BackendUnavailable("\n".join(passed_over))

    def _begin(
        self, candidate: Candidate, messages: list[BaseMessage], stop: list[str] | None
    ) -> "tuple[Chunk, Reply]":
        """A reply's first words and the rest of it. Raises BackendError after the last try."""
        tries = 0

        def first_words() -> tuple[Chunk, Reply]:
            nonlocal tries
            tries += 1
            while True:
                reply = _reply(candidate, messages, stop)
                try:
                    return next(reply), reply
                except Exception as error:
                    if not candidate.adapts_to(error):
                        raise

        trying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.retries + 1),
            wait=_wait_s,
            retry=tenacity.retry_if_exception(_is_retryable),
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


Chunk = ChatGenerationChunk
Reply = Any  # a generator of chunks, which Iterator's type would not let us close


def _is_retryable(error: BaseException) -> bool:
    asked_s = failures.retry_after_s(error)
    ready = not isinstance(error, BackendError) and failures.refused_reply(error) is None
    return ready and failures.is_transient(error) and (asked_s is None or asked_s <= LONGEST_WAIT_S)


def _wait_s(state: tenacity.RetryCallState) -> float:
    """What the provider asks for, or else a random time that doubles, so that callers do not come back at once."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = failures.retry_after_s(error) if error else None
    jitter_s = tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_S)(state)
    return jitter_s if asked_s is None else asked_s + jitter_s / 10


def _reply(candidate: Candidate, messages: list[BaseMessage], stop: list[str] | None) -> Reply:
    """The words of a reply, then one chunk without words that tells how it ended and what it used.

    Raises what the provider's package raises, BackendUnavailable when it ends without words, and StreamCut when it
    does not say that it ends.
    """
    usage: UsageMetadata | None = None
    finish: str | None = None
    characters = unchecked = 0
    tail = ""
    thinking, redactor = ThinkTagFilter(), StreamRedactor(candidate.settings.secrets())
    tool = False
    with closing(candidate.stream(messages, stop)) as stream:
        for chunk in stream:
            if chunk.usage_metadata:
                usage = add_usage(usage, chunk.usage_metadata)
            finish = "refused" if finish == "refused" else finish_of(chunk) or finish
            tool = tool or bool(chunk.tool_call_chunks)
            text = redactor.feed(thinking.feed(chunk.text))[: ANSWER_CHARACTERS - characters]
            if thinking.restarted:
                thinking.restarted, characters, tail = False, 0, ""
                yield _chunk("", {"restart": True})
            characters += len(text)
            if text:
                yield _chunk(text)
            tail, unchecked = (tail + text)[-STRETCH.stop * TIMES :], unchecked + len(text)
            if unchecked >= CHECKED_EVERY:
                unchecked = 0
                if characters >= ANSWER_CHARACTERS or repeats(tail):
                    finish = "length" if characters >= ANSWER_CHARACTERS else "repeated"
                    break
    rest = (redactor.feed(thinking.finish()) + redactor.finish())[: ANSWER_CHARACTERS - characters]
    if rest:
        yield _chunk(rest)
    elif not characters:
        if candidate.row.finishes and finish is None:
            raise ConnectionResetError("it broke off before its first word")
        raise candidate.silent(finish, tool, thinking.thought)
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


def _until_cut(candidate: Candidate, reply: Reply) -> Iterator[ChatGenerationChunk]:
    """The rest of a reply after its first words. Raises StreamCut when the provider fails."""
    try:
        yield from reply
        return
    except BackendError:
        raise
    except Exception as error:  # whatever a provider's package raises
        if candidate.is_ours:
            raise
        why = failures.refused_reply(error)
    raise _cut(candidate, why)


def _cut(candidate: Candidate, why: str | None = None) -> StreamCut:
    return StreamCut(f"{candidate.spec} {why or 'broke off in the middle of its answer'}.")


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
