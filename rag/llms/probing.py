"""What can be said about backends before they are asked: what works now, and how much a model reads."""

import functools
import json
import socket
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from rag.errors import BackendError, BackendUnavailable
from rag.llms.failures import provider_words, without_login
from rag.llms.local import LOCAL_CONTEXT_TOKENS, LOCAL_PASSAGES
from rag.llms.prices import context_window, prices_known
from rag.llms.specs import Spec, parse_spec
from rag.llms.table import address_of, backend, goes_elsewhere, is_local, lacks, names
from rag.llms.wire import MAX_LINE_BYTES
from rag.settings import Settings

PROBE_S = 2.0
# Where servers that speak OpenAI's protocol say how much a model reads: vLLM, OpenRouter, LM Studio, llama.cpp.
CONTEXT_NAMES = ("max_model_len", "context_length", "max_context_length", "n_ctx")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect unfollowed, so that a key goes to no other server."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def backends_report(settings: Settings) -> list[dict[str, Any]]:
    """Every backend: name, example, usable, why (what is missing, else None), context, prices_known, leaves_machine.

    `example` is what to write as --backend: the chosen model where there is one.
    """
    chosen = {spec.name: spec for spec in parse_spec(settings.backend)}
    lines = []
    for name in names():
        servers = settings.compatible_servers() if name == "compatible" else {}
        listed: list[Spec | None] = [Spec(name, server) for server in servers]
        lines += [_line(name, spec, settings) for spec in listed or [chosen.get(name)]]
    return lines


def _line(name: str, chosen: Spec | None, settings: Settings) -> dict[str, Any]:
    try:
        spec = chosen or Spec(name, backend(name).example or "")
        why = _why_not(spec, settings)
    except BackendError as error:
        nothing = dict.fromkeys(("context", "prices_known", "leaves_machine"))
        return {"name": name, "example": name, "usable": False, "why": str(error), **nothing}
    return {
        "name": str(spec) if name == "compatible" else name,
        "example": str(spec),
        "usable": why is None,
        "why": why,
        "context": context_window(spec) if why else context_tokens(str(spec), settings),
        "prices_known": prices_known(spec),
        "leaves_machine": goes_elsewhere(spec, settings),
    }


def _why_not(spec: Spec, settings: Settings) -> str | None:
    """What is missing, or that no server answers at an address on this machine; other machines are not tried."""
    missing = lacks(spec, settings)
    if missing:
        return missing
    address = address_of(spec, settings)
    if address is None or not is_local(address) or _answers(address):
        return None
    return f"No server answers at {without_login(address)}. Start it, or set where it runs."


def _answers(address: str) -> bool:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=PROBE_S):
            return True
    except OSError:
        return False


def context_tokens(spec: str, settings: Settings) -> int | None:
    """The longest prompt and answer together that every listed backend reads, in its tokens; None when unknown.

    PINCITE_CONTEXT_TOKENS overrides what the file or a server says. `offline` reads any length.
    """
    sizes = [_context_tokens(one, settings) for one in parse_spec(spec) if lacks(one, settings) is None]
    known = [size for size in sizes if size is not None]
    return min(known) if known else None


def _context_tokens(spec: Spec, settings: Settings) -> int | None:
    if spec.name == "offline":
        return None
    if settings.context_tokens:
        return settings.context_tokens
    if spec.name in ("ollama", "llamacpp"):
        return LOCAL_CONTEXT_TOKENS
    address = address_of(spec, settings) or ""
    try:
        if spec.name == "compatible":
            name, _, model = spec.model.partition("/")
            return _served_context(address, settings.compatible_key(name), model)
        if spec.name == "openrouter":
            return _served_context(address, settings.providers["OPENROUTER_API_KEY"], spec.model)
    except BackendUnavailable:
        return None
    return context_window(spec)


def passages_for(spec: str, settings: Settings) -> int:
    """How many passages an answer may draw on: fewer for a model on this machine, which reads slowly, unless set."""
    first = next((one for one in parse_spec(spec) if lacks(one, settings) is None), Spec("offline"))
    if "passages" in settings.model_fields_set or first.name == "offline" or goes_elsewhere(first, settings):
        return settings.passages
    return min(LOCAL_PASSAGES, settings.passages)


@functools.lru_cache(maxsize=32)
def _served_context(address: str, key: SecretStr, model: str) -> int | None:
    """What a server says that its model reads; None when it does not say. Raises BackendUnavailable."""
    models = served_models(address, key)
    for entry in models:
        if not model or entry.get("id") == model:
            for holder in (entry, entry.get("meta") or {}):
                for name in CONTEXT_NAMES:
                    if isinstance(holder.get(name), int):
                        return int(holder[name])
    return None


def served_models(address: str, key: SecretStr) -> list[dict[str, Any]]:
    """What a server that speaks OpenAI's protocol lists as its models. Raises BackendUnavailable."""
    secret = key.get_secret_value()
    url, headers = f"{address.rstrip('/')}/models", {"Authorization": f"Bearer {secret}"}
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        with _OPENER.open(request, timeout=PROBE_S) as response:
            listed = json.loads(response.read(MAX_LINE_BYTES))
            return [entry for entry in listed["data"] if isinstance(entry.get("id"), str)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        words = provider_words(error, (secret,))
    raise BackendUnavailable(
        f"{without_login(address)} does not list its models: {words}. Start the server, or name the model."
    )


def served_model(address: str, key: SecretStr) -> str:
    """The first model that a server lists. Raises BackendUnavailable when it lists none."""
    models = served_models(address, key)
    if not models:
        raise BackendUnavailable(f"{without_login(address)} lists no model. Load one, or write compatible:NAME/MODEL.")
    return str(models[0]["id"])
