"""Choosing backends from the table: by name, with everything they need, in order of preference."""

import functools
import importlib.util
import ipaddress
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rag.errors import BackendNotReady, UnknownBackend
from rag.installing import here
from rag.llms.backend import Backend
from rag.llms.hosted import HOSTED
from rag.llms.local import LOCAL, OFFLINE
from rag.llms.specs import Spec, parse_spec
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

ROWS: dict[str, Backend] = {"offline": OFFLINE, **HOSTED, **LOCAL}
# Another package adds a backend by an entry point of this group: its name is the backend's, its object a Backend.
ENTRY_POINTS = "pincite.backends"


@functools.cache
def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def names() -> list[str]:
    """Every backend's name: the built-in ones, then those of other packages, which cannot replace a built-in one."""
    return list(dict.fromkeys([*ROWS, *_others()]))


def backend(name: str) -> Backend:
    """The row of that name. Raises UnknownBackend, or BackendNotReady when another package's row cannot be loaded."""
    if name in ROWS:
        return ROWS[name]
    point = _others().get(name)
    if point is None:
        raise UnknownBackend(f"No backend called {name!r}. Use one of: {', '.join(names())}.")
    try:
        loaded = point.load()
    except (ImportError, AttributeError) as error:
        raise BackendNotReady(f"The backend {name} cannot be loaded from {point.value}: {error}") from None
    if not isinstance(loaded, Backend):
        raise BackendNotReady(f"The backend {name} is no rag.llms.Backend: {point.value}")
    return loaded


def row(spec: Spec) -> Backend:
    """The row of a backend. Raises UnknownBackend when there is none, or when it needs a model and has none."""
    found = backend(spec.name)
    if found.example is None and spec.model:
        raise UnknownBackend(f"{spec.name} takes no model. Write just: {spec.name}")
    if found.example and not spec.model:
        raise UnknownBackend(f"{spec.name} needs a model, for example {spec.name}:{found.example}")
    return found


def lacks(spec: Spec, settings: Settings) -> str | None:
    """What a backend needs before it can be asked, and what to type; None when it needs nothing more."""
    found = row(spec)
    if found.package and importlib.util.find_spec(found.package) is None:
        return f"{spec.name} needs the package {found.package}. Type: {here(found.install or '')}"
    for key in found.keys:
        if not settings.provider(key):
            return f"{spec.name} needs {key}. Set it in the environment or in .env."
    return found.check(spec.model, settings) if found.check else None


def check_spec(spec: str, settings: Settings) -> None:
    """Raises UnknownBackend or BackendNotReady unless at least one of the listed backends could be asked."""
    reasons = [lacks(one, settings) for one in parse_spec(spec)]
    if None not in reasons:
        raise BackendNotReady("\n".join(reason for reason in reasons if reason))


def address_of(spec: Spec, settings: Settings) -> str | None:
    """Where a backend's requests go; None when they stay in this process."""
    address = row(spec).address
    return address(spec.model, settings) if address else None


def is_local(address: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def leaves_machine(spec: str, settings: Settings) -> bool:
    """Whether passages go to another machine when the listed backends are asked; those that lack something are not."""
    return any(goes_elsewhere(one, settings) for one in parse_spec(spec) if lacks(one, settings) is None)


def goes_elsewhere(spec: Spec, settings: Settings) -> bool:
    """Whether this backend's requests go to another machine."""
    address = address_of(spec, settings)
    return address is not None and not is_local(address)


def open_model(spec: str, settings: Settings) -> "BaseChatModel":
    """One chat model for a list of backends: the first that answers, with retries before its first word.

    Its first chunk's `response_metadata` holds `answered_by` (a spec), `passed_over` (why each one before it did not
    answer) and `thinks_aloud`, its last chunk `finish` ("stop", "length", "repeated", "refused" or None) and the
    `usage_metadata` of the whole answer; a chunk with `restart` says that the words before it were thoughts.

    Raises UnknownBackend and BackendNotReady here; BackendUnavailable and StreamCut while it answers.
    """
    from rag.llms.candidate import Candidate
    from rag.llms.fallback import FallbackChatModel

    check_spec(spec, settings)
    candidates = [Candidate(one, row(one), settings, lacks(one, settings)) for one in parse_spec(spec)]
    return FallbackChatModel(candidates=candidates, retries=settings.retries)
