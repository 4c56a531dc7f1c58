"""The offline backend: a LangChain chat model that answers by quoting, chosen by meaning. No key, no server.

It reads the same prompts as any other model, writes the same protocol, and gives the same words every time.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from rag.answer.answerability import Evidence
from rag.answer.followup import standalone
from rag.answer.selection import Quoter
from rag.answer.units import Quotable, outline
from rag.llms.prompts import REFUSAL, numbered
from rag.models.minilm import MiniLM
from rag.models.token_vectors import TokenVectors
from rag.types import Passage, Turn
from rag.verify.prompt_injection import orders_in

_TASK = re.compile(r"^Task: (\w+)$", re.MULTILINE)
_QUESTION = re.compile(r"^Question: (.*)\Z", re.MULTILINE | re.DOTALL)
_NUMBERED = re.compile(r"^\[(\d+)(?:\.(\d+))?\] (.*)$")
_TURN = re.compile(r"^(user|assistant): (.*)$", re.MULTILINE)


class OfflineChatModel(BaseChatModel):
    """Answers a prompt of numbered sentences with the sentences that answer its question, or refuses."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    _model: MiniLM = PrivateAttr()
    _quoter: Quoter = PrivateAttr()

    def __init__(
        self, model: MiniLM, token_vectors: TokenVectors, abstain_below: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._model = model
        self._quoter = Quoter(model, token_vectors, abstain_below)

    def evidence(self, question: str, passages: Sequence[Passage]) -> Evidence | None:
        """What speaks for and against these passages answering the question; None when there is nothing to quote."""
        left, _ = _without_orders(_passages(numbered(passages)))
        return self._quoter.evidence(question, self._quoter.rank(question, left), left)

    @property
    def _llm_type(self) -> str:
        return "offline"

    def _lines(self, messages: Sequence[BaseMessage]) -> Iterator[str]:
        """The answer, line by line, each with its line end."""
        text = messages[-1].text
        task, asked = _TASK.search(text), _QUESTION.search(text)
        question = asked[1].strip() if asked else ""
        if task and task[1] == "rewrite":
            turns = [
                Turn("user" if role == "user" else "assistant", said)
                for role, said in _TURN.findall(text[: asked.start() if asked else None])
            ]
            yield standalone(question, turns, self._model)
            return
        passages, unbidden = _without_orders(_passages(text))
        if task and task[1] == "outline":
            chosen = outline(passages)
        else:
            # What tries to say how to answer is heard last, when nothing else answers.
            chosen = self._quoter.answer(question, unbidden)
            if not chosen and len(unbidden) < len(passages):
                chosen = self._quoter.answer(question, passages)
        if not chosen:
            yield REFUSAL
            return
        yield f"Sentences: {' '.join(f'[{q.number}]' for q in chosen)}\n"
        for quotable in chosen:
            yield f"{'- ' if quotable.item else ''}{quotable.text} [{quotable.number}]\n"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for line in self._lines(messages):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=line))
            if run_manager:
                run_manager.on_llm_new_token(line, chunk=chunk)
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join(self._lines(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text))])


def _passages(text: str) -> Iterator[tuple[str, list[Quotable]]]:
    """The passages of a prompt: each heading line with its numbered sentences."""
    heading, sentences = "", list[Quotable]()
    for line in text.splitlines():
        found = _NUMBERED.match(line)
        if not found:
            continue
        if found[2]:
            text = found[3].removeprefix("- ")
            sentences.append(Quotable(f"{found[1]}.{found[2]}", text, item=text != found[3]))
        else:
            if sentences:
                yield heading, sentences
            heading, sentences = found[3], []
    if sentences:
        yield heading, sentences


def _without_orders(
    passages: Iterable[tuple[str, list[Quotable]]],
) -> tuple[list[tuple[str, list[Quotable]]], list[tuple[str, list[Quotable]]]]:
    """The passages without the sentences that give orders to whoever answers, and those that had none to begin with."""
    left, unbidden = [], []
    for heading, sentences in passages:
        orders = orders_in([sentence.text for sentence in sentences])
        kept = (heading, [sentence for i, sentence in enumerate(sentences) if i not in orders])
        left += [kept] if kept[1] else []
        unbidden += [] if orders else [kept]
    return left, unbidden
