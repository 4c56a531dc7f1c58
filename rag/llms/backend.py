"""What a backend is: a row of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@dataclass(frozen=True, slots=True)
class Backend:
    """How to open one backend, what it needs, and where its requests go.

    `open(model, settings)` gives a LangChain chat model and imports the provider's package only then. `example` is
    a model name, None when the backend takes none. `package` is what `open` imports and `install` what to type
    when it is missing; a backend without one is part of Pincite. All of `keys` must be set, and `check(model,
    settings)` says what else is missing. `address(model, settings)` says where requests go, None that they stay in
    this process; `address_setting` is what changes it.
    `finishes` is whether a complete answer always says that it ends, so that one that does not was cut off.
    `thinks_aloud` is whether thoughts may stand before an answer without a tag that opens them.
    """

    open: "Callable[[str, Settings], BaseChatModel]"
    example: str | None = None
    package: str | None = None
    install: str | None = None
    keys: tuple[str, ...] = ()
    check: Callable[[str, Settings], str | None] | None = None
    address: Callable[[str, Settings], str] | None = None
    address_setting: str | None = None
    finishes: bool = False
    thinks_aloud: bool = True
