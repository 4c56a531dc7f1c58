"""Checking statements against the words they cite.

In: a statement and the exact words it cites. Out: a `Check` with verdict, score, reason and the words that are not
supported. Who decides is named by a spec (PINCITE_VERIFIER, or `--judge` in the evaluation) and is a row of VERIFIERS.
"""

from collections.abc import Callable
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from rag.errors import SettingsError
from rag.models.minilm import MiniLM
from rag.models.reader import Reader
from rag.verify.attribution import attribute, narrow
from rag.verify.check import NO_CITATION, Check, Unchecked, Verifier, idle
from rag.verify.judge import JudgeVerifier
from rag.verify.nli import NliVerifier
from rag.verify.reader import ReaderVerifier

__all__ = [
    "NO_CITATION",
    "VERIFIERS",
    "Check",
    "Verifier",
    "attribute",
    "check_verifier",
    "idle",
    "narrow",
    "open_verifier",
]

# Makes a chat model from a backend's spec, such as "openai:MODEL".
ChatModels = Callable[[str], BaseChatModel]
Opener = Callable[[str, MiniLM, Reader, ChatModels], Verifier]

VERIFIERS: dict[str, Opener] = {
    "reader": lambda rest, model, reader, _: ReaderVerifier(reader, model),
    "judge": lambda rest, model, reader, chat_model: JudgeVerifier(rest, chat_model(rest)),
    "nli": lambda rest, model, reader, _: NliVerifier(Path(rest)),
    "none": lambda rest, model, reader, _: Unchecked(),
}
# What must stand after the colon, where anything does.
RESTS = {"judge": "BACKEND, for example judge:openai:MODEL", "nli": "FOLDER"}
# A name that was used before the reader decided.
ALIASES = {"offline": "reader"}


def check_verifier(spec: str) -> tuple[str, str]:
    """The name of a verifier and what stands after its colon. Raises SettingsError."""
    name, _, rest = spec.partition(":")
    name = ALIASES.get(name, name)
    if name not in VERIFIERS:
        raise SettingsError(f"No verifier called {name!r}. Use one of: {', '.join(VERIFIERS)}.")
    if name in RESTS and not rest:
        raise SettingsError(f"The verifier {name} needs a name after it. Write {name}:{RESTS[name]}.")
    if rest and name not in RESTS:
        raise SettingsError(f"The verifier {name} takes nothing after its name, not {rest!r}.")
    return name, rest


def open_verifier(spec: str, model: MiniLM, reader: Reader, chat_model: ChatModels) -> Verifier:
    """The verifier that `spec` names: a name from VERIFIERS, then what it needs after a colon.

    `chat_model` makes a language model from a backend's spec, for the verifiers that ask one. Raises SettingsError.
    """
    name, rest = check_verifier(spec)
    return VERIFIERS[name](rest, model, reader, chat_model)
