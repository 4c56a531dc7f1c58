"""Connecting a model on the page: what each provider needs, servers on this machine, keys, and a question to try it."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import SecretStr

from rag.chat import Chat
from rag.errors import PinciteError, UsageError
from rag.llms import BACKENDS, backends_report, parse_spec, served_models, try_backends
from rag.llms.specs import Spec
from rag.llms.table import address_of
from rag.settings import Settings
from rag.types import JSON

# Where the usual servers that speak OpenAI's protocol listen on this machine.
LOCAL_SERVERS = {
    "ollama": "http://127.0.0.1:11434/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "llamacpp": "http://127.0.0.1:8080/v1",
}
KEY_CHARACTERS = 1_000

_T = TypeVar("_T")


def connected(settings: Settings) -> Settings:
    """The settings with the keys that were typed on the page, and with the usual local servers by their names.

    What the environment or `.env` sets goes before.
    """
    kept = {name: SecretStr(key) for name, key in _read(settings.data).items()}
    servers = LOCAL_SERVERS | settings.compatible_servers()
    return settings.model_copy(
        update={
            "providers": kept | settings.providers,
            "compatible": ",".join(f"{name}={url}" for name, url in servers.items()),
        }
    )


class Connections:
    """The providers as the dialog shows them. No key leaves it but for the provider that it belongs to."""

    def __init__(self, chat: Chat) -> None:
        self._chat, self._lock = chat, threading.Lock()

    def providers(self) -> list[JSON]:
        """Every backend that can write: what it is called, whether it can be used, what it lacks, where text goes."""
        rows, typed = [], _read(self._chat.settings.data)
        for row in backends_report(self._chat.settings):
            name = str(row["name"]).partition(":")[0]
            keys = BACKENDS[name].keys if name in BACKENDS else ()
            missing = [key for key in keys if not self._chat.settings.provider(key)]
            about = {key: row[key] for key in ("name", "example", "usable", "why", "leaves_machine")}
            kept = next((key for key in keys if key in typed), None)
            rows.append({**about, "key": missing[0] if missing else None, "kept": kept})
        return rows

    def models(self, name: str) -> list[str]:
        """The specs of the models that a provider or a server lists. Raises BackendUnavailable when it does not."""
        settings = self._chat.settings
        provider, _, server = name.partition(":")
        if provider not in BACKENDS:
            raise UsageError(f"There is no provider called {provider!r}.")
        row = BACKENDS[provider]
        spec = Spec(provider, server or row.example or "")
        key = next((settings.providers[one] for one in row.keys if settings.provider(one)), SecretStr("none"))
        if provider == "compatible":
            key = settings.compatible_key(server)
        address = address_of(spec, settings)
        if address is None:
            return [str(spec)]
        listed = served_models(address, key)
        return [f"{name}/{one['id']}" if server else f"{provider}:{one['id']}" for one in listed]

    def keep(self, name: str, key: str) -> None:
        """Keeps a provider's key in the data folder, for its owner's eyes alone. Raises UsageError for another name."""
        known = {one for row in BACKENDS.values() for one in row.keys}
        key = key.strip()
        if name not in known:
            raise UsageError("That is not the name of a provider's key.")
        if not key or len(key) > KEY_CHARACTERS or not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError("That is not a key. Paste it as the provider shows it, without spaces.")
        with self._lock:
            _write(self._chat.settings.data, _read(self._chat.settings.data) | {name: key})
            self._chat.settings.providers[name] = SecretStr(key)
            self._chat.forget_models()

    def forget(self, name: str) -> None:
        """Forgets a key that was typed here."""
        with self._lock:
            kept = _read(self._chat.settings.data)
            if kept.pop(name, None) is not None:
                _write(self._chat.settings.data, kept)
                self._chat.settings.providers.pop(name, None)
                self._chat.forget_models()

    def trial(self, spec: str) -> JSON:
        """One question put to a backend: how long it took, what it cost, and whether it pointed at its source."""
        found = try_backends(str(parse_spec(spec)[0]), self._chat.settings)[0]
        about = {"spec": found.spec, "error": found.error, "cited": found.cited}
        return {**about, "seconds": round(found.seconds, 2), "cost_usd": found.cost_usd}


def connection_routes(connections: Connections) -> APIRouter:
    """The routes of the dialog. What changes something takes a method that no other website's form can send."""
    routes = APIRouter(prefix="/models")

    @routes.get("/providers")
    def providers() -> Response:
        return JSONResponse(connections.providers())

    @routes.get("/of/{name:path}")
    def models(name: str) -> Response:
        return _said(lambda: {"models": connections.models(name)})

    @routes.put("/keys/{name}")
    async def keep(name: str, request: Request) -> Response:
        key = (await request.body()).decode("utf-8", "replace")
        return _said(lambda: connections.keep(name, key))

    @routes.delete("/keys/{name}")
    def forget(name: str) -> Response:
        return _said(lambda: connections.forget(name))

    @routes.put("/trial/{spec:path}")
    def trial(spec: str) -> Response:
        return _said(lambda: connections.trial(spec))

    return routes


def _said(does: Callable[[], _T]) -> Response:
    try:
        return JSONResponse(does() or {})
    except PinciteError as error:
        return JSONResponse({"error": str(error)}, 400)
    except OSError as error:
        return JSONResponse({"error": f"The data folder cannot be written ({error.strerror})."}, 500)


def _path(data: Path) -> Path:
    return data / "keys.json"


def _read(data: Path) -> dict[str, str]:
    try:
        kept = json.loads(_path(data).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}


def _write(data: Path, keys: dict[str, str]) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    written = _path(data).with_suffix(".new")
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(keys, file)
    written.replace(_path(data))
