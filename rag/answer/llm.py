"""Answers by language models: a follow-up is rewritten, then the chain of prompt, chat model and parser is streamed."""

import functools
from collections.abc import Callable, Iterator, Sequence

from langchain_core.language_models import BaseChatModel

from rag.answer.answerer import Found, Part, Search
from rag.answer.chain import rewriting, writing
from rag.types import Passage, Turn


class LlmAnswerer:
    """Asks a LangChain chat model, which is opened when it is first asked."""

    abstain_below = 0.0  # it declines itself

    def __init__(self, open_model: Callable[[], BaseChatModel]) -> None:
        self._open_model = open_model

    @functools.cached_property
    def _model(self) -> BaseChatModel:
        return self._open_model()

    def find(self, question: str, history: Sequence[Turn], search: Search) -> Found:
        """Searches for what the model makes of a follow-up."""
        if not history:
            return Found(question, search(question))
        rewritten = rewriting(self._model, question, history)
        return Found(rewritten.question, search(rewritten.question), rewritten.usage)

    def answer(self, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        """The parsed sentences of its answer."""
        return self._written("answer", question, passages)

    def outline(self, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        """The parsed sentences of its overview."""
        return self._written("outline", question, passages)

    def _written(self, prompt_name: str, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        return writing(self._model, prompt_name, question, passages)
