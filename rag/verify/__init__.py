"""Checking statements against the words they cite. Other verifiers plug in behind `Verifier` as rows of VERIFIERS."""

from collections.abc import Callable
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from rag.errors import SettingsError
from rag.models.minilm import MiniLM
from rag.verify.attribution import attribute, narrow
from rag.verify.check import NO_CITATION, Check, Verifier, idle
from rag.verify.judge import JudgeVerifier
from rag.verify.nli import NliVerifier
#from rag.verify.offline import OfflineVerifier

__all__ = ["NO_CITATION", "VERIFIERS", "Check", "Verifier", "attribute", "idle", "narrow", "open_verifier"]

# Makes a chat model from a backend's spec, such as "openai:MODEL".
ChatModels = Callable[[str], BaseChatModel]


def _offline(rest: str, model: MiniLM, chat_model: ChatModels | None) -> Verifier:
    if rest:
        raise SettingsError(f"The offline verifier takes nothing after its name, not {rest!r}.")
    raise NotImplementedError


def _judge(rest: str, model: MiniLM, chat_model: ChatModels | None) -> Verifier:
    if not rest or chat_model is None:
        raise SettingsError("A judge needs a backend. Write judge:BACKEND, for example judge:openai:MODEL.")
    return JudgeVerifier(rest, chat_model(rest))


def _nli(rest: str, model: MiniLM, chat_model: ChatModels | None) -> Verifier:
    if not rest:
        raise SettingsError("A cross-encoder needs its folder. Write nli:FOLDER.")
    return NliVerifier(Path(rest))


VERIFIERS: dict[str, Callable[[str, MiniLM, ChatModels | None], Verifier]] = {
    "offline": _offline,
    "judge": _judge,
    "nli": _nli,
}


def open_verifier(spec: str, model: MiniLM, chat_model: ChatModels | None = None) -> Verifier:
    """The verifier that `spec` names: a name from VERIFIERS, then what it needs after a colon.

    `chat_model` makes a language model from a backend's spec, for the verifiers that ask one. Raises SettingsError.
    """
    name, _, rest = spec.partition(":")
    if name not in VERIFIERS:
        raise SettingsError(f"No verifier called {name!r}. Use one of: {', '.join(VERIFIERS)}.")
    return VERIFIERS[name](rest, model, chat_model)
