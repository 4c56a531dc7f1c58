"""Anthropic's own citation blocks instead of numbers in the text: the same passages in, the same markers out.

The passages become documents of one block a sentence, as Anthropic's citations want them; the blocks that
come back say which sentences carry which words, and are written as the markers that our parser reads. So a citation
is the same thing as with any other backend. See Anthropic's documentation of citations, "custom content documents".
"""

from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from rag.documents.passages import heading_line, sentence_texts
from rag.llms.prompts import CITABLE, prompt


class NativeCitations(BaseChatModel):
    """A chat model of Anthropic's that is given documents and points at their sentences by itself."""

    inner: Any

    @property
    def _llm_type(self) -> str:
        return "anthropic-citations"

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
        for chunk in with_markers(self.inner.stream(with_documents(messages), stop=stop, **kwargs)):
            yield ChatGenerationChunk(message=chunk)


def with_documents(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The prompt for an answer with its passages as documents; any other prompt as it is."""
    citable = messages[-1].additional_kwargs.get(CITABLE)
    if not citable:
        return messages
    question, passages = citable
    documents: list[str | dict[str, Any]] = [
        {
            "type": "document",
            "title": heading_line(passage.chunk),
            "source": {
                "type": "content",
                "content": [{"type": "text", "text": text} for text in sentence_texts(passage.chunk)],
            },
            "citations": {"enabled": True},
        }
        for passage in passages
    ]
    told = prompt("answer_native").format_messages(question=question)
    return [SystemMessage(told[0].text), HumanMessage([*documents, {"type": "text", "text": told[1].text}])]


def with_markers(chunks: Iterable[AIMessageChunk]) -> Iterator[AIMessageChunk]:
    """The chunks with plain text, in which each cited block of words is followed by the numbers it rests on."""
    markers: dict[str, None] = {}
    block: Any = None
    for chunk in chunks:
        text = ""
        for part in chunk.content if isinstance(chunk.content, list) else []:
            if not isinstance(part, dict) or part.get("type") != "text":
                continue
            if part.get("index") != block:
                text += _written(markers)
                block, markers = part.get("index"), {}
            text += part.get("text", "")
            markers |= dict.fromkeys(number for cited in part.get("citations") or () for number in _numbers(cited))
        if chunk.response_metadata.get("stop_reason"):
            text, markers = text + _written(markers), {}
        plain = text if isinstance(chunk.content, list) else chunk.content
        yield chunk.model_copy(update={"content": plain})


def _numbers(cited: dict[str, Any]) -> Iterator[str]:
    """The sentence numbers that one of Anthropic's citations stands for; none for kinds that name no sentence."""
    if cited.get("type") == "content_block_location":
        for sentence in range(cited["start_block_index"], cited["end_block_index"]):
            yield f"{cited['document_index'] + 1}.{sentence + 1}"


def _written(markers: Iterable[str]) -> str:
    return "".join(f" [{number}]" for number in markers)
