"""Which backends may be chosen by whom: a name costs money, and leads to an address or a file."""

from rag.errors import PinciteError, UnknownBackend
from rag.llms import backends_report, check_spec, parse_spec
from rag.settings import Settings
from ui.api.server import LOOPBACK

# What a program may name instead of the backend that the settings name.
OWN = "pincite"


def permitted(settings: Settings) -> tuple[str, ...]:
    """The backends that anybody may name: the settings' own, the one that costs nothing, and those allowed besides."""
    named = ",".join(filter(None, (settings.backend, "offline", settings.allow_backends.strip(" ,"))))
    return tuple(dict.fromkeys(map(str, parse_spec(named))))


def usable(settings: Settings) -> list[str]:
    """Those of them that can be asked now."""
    return [name for name in permitted(settings) if _can_be_asked(name, settings)]


def spec_of(named: str | None, settings: Settings) -> str:
    """The backend that somebody means. Raises UnknownBackend for one that the settings do not permit.

    Permitted ones may be put in any order.
    """
    if named is None or named.strip().lower() in ("", OWN):
        return settings.backend
    parts = tuple(dict.fromkeys(map(str, parse_spec(named))))
    if not set(parts) <= set(permitted(settings)):
        raise UnknownBackend(f"That backend may not be chosen here. Use one of: {OWN}, {', '.join(usable(settings))}.")
    return ",".join(parts)


def offered(settings: Settings) -> list[str]:
    """What the page offers to choose from: to this machine's user everything, to others what is permitted."""
    here = settings.host in LOOPBACK
    names = [row["example"] for row in backends_report(settings) if row["usable"]] if here else usable(settings)
    return list(dict.fromkeys([settings.backend, *names]))


def chosen(named: str, settings: Settings) -> str:
    """What was chosen on the page. Raises UnknownBackend when others can reach it and it is not permitted."""
    return named if settings.host in LOOPBACK else spec_of(named, settings)


def _can_be_asked(name: str, settings: Settings) -> bool:
    try:
        check_spec(name, settings)
    except PinciteError:
        return False
    return True
