"""One backend of a list: opened when it is first asked, and what its provider's failures mean in words."""

import re
import threading
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from rag.errors import BackendError, BackendNotReady, BackendUnavailable
from rag.llms import failures
from rag.llms.backend import Backend
from rag.llms.specs import Spec
from rag.settings import Settings

# How providers say that a prompt does not fit.
TOO_LONG = re.compile(r"context|too (?:long|large|many)|maximum.{0,40}(?:tokens|length)", re.IGNORECASE)


class Candidate:
    """A backend that may be asked."""

    def __init__(self, spec: Spec, row: Backend, settings: Settings, lacks: str | None = None) -> None:
        self.spec = spec
        self.row = row
        self.settings = settings
        self._lacks = lacks
        self._opening = threading.Lock()
        self._model: BaseChatModel | None = None
        self._folds_system = False

    @property
    def model(self) -> BaseChatModel:
        """The chat model, at temperature 0 where it has one. Raises BackendNotReady when something is missing."""
        with self._opening:
            if self._model is None:
                self._model = self._opened()
            return self._model

    def _opened(self) -> BaseChatModel:
        if self._lacks:
            raise BackendNotReady(self._lacks)
        model = self.row.open(self.spec.model, self.settings)
        profile = getattr(getattr(model, "inner", model), "profile", None) or {}
        if profile.get("temperature") is False:
            _drop(getattr(model, "inner", model), "temperature", None)
        return model

    @property
    def is_ours(self) -> bool:
        """Whether no provider is involved, so that an exception is a bug and keeps its traceback."""
        return self.row.package is None

    def stream(self, messages: list[BaseMessage], stop: list[str] | None) -> Any:
        """The provider's chunks as they come. The model's own `stream` would keep every one until the last."""
        asked = self._folded(messages) if self._folds_system else messages
        model = self.model
        if type(model)._stream is BaseChatModel._stream:
            yield from model.stream(asked, stop=stop)
            return
        for generated in model._stream(asked, stop=stop):
            message = generated.message
            message.response_metadata = {**(generated.generation_info or {}), **message.response_metadata}
            yield message

    def _folded(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """The messages for a model that knows no system role."""
        told = "\n\n".join(message.text for message in messages if message.type == "system")
        first, *others = [message for message in messages if message.type != "system"]
        return [first.model_copy(update={"content": f"{told}\n\n{first.text}"}), *others]

    def adapts_to(self, error: Exception) -> bool:
        """Whether the request was refused for something that can be left out. It is left out from now on."""
        status = failures.status_of(error)
        if isinstance(error, BackendError) or status not in (400, 404, 422, 500, 501):
            return False
        words = failures.provider_words(error).lower()
        provider: Any = getattr(self.model, "inner", self.model)
        if "temperature" in words and status != 500:
            return _drop(provider, "temperature", None)
        if "stream_options" in words or "include_usage" in words:
            return _drop(provider, "stream_usage", False)
        if "role" in words or "system" in words:
            folded, self._folds_system = self._folds_system, True
            return not folded
        return False

    def silent(self, finish: str | None, tool: bool, thought: bool) -> BackendUnavailable:
        """A reply without words, as one line that says what came instead."""
        if finish == "refused":
            what = "declined to answer"
        elif tool:
            what = "asked for a tool instead of answering"
        elif finish == "length":
            what = "used up its tokens before it wrote an answer"
        elif thought:
            what = "only thought and wrote no answer"
        else:
            what = "wrote no answer"
        return BackendUnavailable(f"{self.spec} {what}. Ask again, or use another one with --backend.")

    def unavailable(self, error: Exception, tries: int) -> BackendUnavailable:
        """The provider's exception as one line that says what to type."""
        if why := failures.refused_reply(error):
            return BackendUnavailable(f"{self.spec} {why}.")
        said = f'"{failures.provider_words(error, self.settings.secrets())}"'
        address = self.row.address(self.spec.model, self.settings) if self.row.address else ""
        where = failures.without_login(address)
        again = f" after {tries} tries" if tries > 1 else ""
        status = failures.status_of(error)
        if status in (401, 403):
            fix = f" Set {self.row.keys[-1]} to a valid key in the environment or in .env." if self.row.keys else ""
            return BackendUnavailable(f"{self.spec} refused the key (status {status}): {said}.{fix}")
        if status == 404:
            other = f"{self.spec.name}:{self.row.example}"
            return BackendUnavailable(
                f"{self.spec} was not found at {where}: {said}. Name another model, for example with --backend {other}"
            )
        if status == 429:
            return BackendUnavailable(
                f"{self.spec} takes no more questions for now{again}: {said}. Wait, or use another one with --backend."
            )
        if status in (400, 413) and TOO_LONG.search(said):
            return BackendUnavailable(
                f"{self.spec} cannot read a prompt that long: {said}. Set PINCITE_CONTEXT_TOKENS to what it reads."
            )
        if status is not None:
            fix = "Try again, or use" if status in failures.TRANSIENT_STATUS else "Use"
            return BackendUnavailable(
                f"{self.spec} failed with status {status}{again}: {said}. {fix} another one with --backend."
            )
        if failures.timed_out(error):
            return BackendUnavailable(
                f"{self.spec} sent nothing for {self.settings.timeout_s:g} s. Try again, or raise PINCITE_TIMEOUT_S."
            )
        if failures.refused(error):
            setting = f", or set {self.row.address_setting} to where it runs" if self.row.address_setting else ""
            return BackendUnavailable(f"Nothing answers at {where} for {self.spec}. Start the server{setting}.")
        return BackendUnavailable(
            f"{self.spec} gave no usable answer{again}: {said}. Try again, or use another one with --backend."
        )


def _drop(provider: Any, setting: str, without: object) -> bool:
    """Set what the model is not to be asked for; False when it was not asked for it."""
    if getattr(provider, setting, None) in (None, without):
        return False
    setattr(provider, setting, without)
    return True
