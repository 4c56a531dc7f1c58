"""Opening Chroma, embedded or as a server, and closing it while other threads may still be reading from it."""

import contextlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from chromadb.api import ServerAPI
from chromadb.api.collection_configuration import CreateCollectionConfiguration, CreateHNSWConfiguration
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings as ChromaSettings
from chromadb.config import System
from chromadb.errors import ChromaError, NotFoundError

from rag.disk import is_full, unwritable
from rag.errors import StoreError
from rag.index.lock import CHROMA_FOLDER, Torn, alone, is_torn

# Chroma saves vectors after so many writes, and replays the rest whenever it is opened, at a millisecond a chunk.
SYNC_THRESHOLD = 256
SERVER_WAIT_S = 10
REBUILT = "An ingest was stopped while the index was being saved, so the index is built again."


@dataclass(frozen=True, slots=True)
class State:
    """`generation` counts the changes of an index, by any process; `writing` says that a change is under way."""

    generation: int = 0
    writing: bool = False


class Connection:
    """The two collections of one index, open: its `chunks`, and the `catalogue` of what is live.

    `opened` is the state whose vectors it surely knows; `notices` is what the user should hear about the index.

    It has a Chroma system of its own. Chroma's client shares one among all who open the same folder in this
    process, which could not be opened anew without pulling it from under them.
    """

    def __init__(self, data: Path, url: str | None, name: str) -> None:
        self.name = name
        self.notices: list[str] = []
        self._data, self._url = data, url
        self._lock = threading.Lock()
        self._readers, self._retired, self._closed = 0, False, False
        if url:
            _greet(url)
        with contextlib.ExitStack() as stack:
            torn = None if url else stack.enter_context(alone(data, name))
            stack.enter_context(self.errors())
            self._system = System(_settings(data, url))
            self._server = self._system.instance(ServerAPI)  # type: ignore[type-abstract]
            self._system.start()
            self._file = _identity(data)
            if torn:
                self._mend(torn)
            self.most = self._server.get_max_batch_size()
            self.chunks = self._collection(name, {"space": "cosine", "ef_construction": 200, "ef_search": 200})
            self.catalogue = self._collection(f"{name}-catalogue", {})
            if self.notices:  # mended: what else the stopped ingest left behind, the next one looks for
                self.set_state(State(writing=True))
            self.opened = self.state() or State()
            for collection in (self.chunks, self.catalogue):
                collection.count()  # makes Chroma replay its log now, while no other process writes

    def state(self) -> State | None:
        """The index's state as of now, whichever process changed it; None when these collections were dropped."""
        if not self._url and _identity(self._data) != self._file:
            return None
        try:
            found = self._server.get_collection(self.catalogue.name)
        except NotFoundError:
            return None
        metadata: Mapping[str, Any] = found.metadata or {}
        if found.id != self.catalogue.id:
            return None
        return State(int(metadata.get("generation", 0)), bool(metadata.get("writing", False)))

    def set_state(self, state: State) -> None:
        """Change what `state` gives, in one step."""
        self.catalogue.modify(metadata={"generation": state.generation, "writing": state.writing})

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Where this process may write rows. Raises StoreError when another one was killed in here."""
        with contextlib.ExitStack() as stack:
            if not self._url and stack.enter_context(alone(self._data, self.name)):
                raise StoreError("An ingest was stopped while the index was being saved. Type: pincite ingest")
            with self.errors():
                yield

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Chroma's failures as one line that says which index and what to type."""
        try:
            yield
        except httpx.HTTPError as error:
            raise _unreachable(str(self._url), error) from error
        except BaseException as error:
            # Chroma's Rust breaks off with an exception that is no Exception; what it says of a damaged file varies.
            if not isinstance(error, (ChromaError, json.JSONDecodeError, sqlite3.Error)) and not is_panic(error):
                raise
            folder = str(self._data / CHROMA_FOLDER)  # what else is in the data folder, exams and cases, stays
            place = self._url or folder
            fix = f"If it is damaged, delete {folder!r} and type: pincite ingest"
            words = " ".join(str(error).split())[:200]
            if not self._url and is_full(self._data):
                raise unwritable(self._data, words) from error
            raise StoreError(f"The index at {place} cannot be used ({words}). {fix}") from error

    def torn(self) -> bool:
        """Whether a process was stopped while Chroma saved; opening anew mends it."""
        return not self._url and is_torn(self._data)

    def names(self) -> list[str]:
        """The collections that are there, of this index and others."""
        return [collection.name for collection in self._server.list_collections()]

    def drop(self, collection: str) -> None:
        """Delete a collection, if there is one of that name."""
        with contextlib.suppress(NotFoundError):
            self._server.delete_collection(collection)

    def take(self) -> None:
        """Count one more reader, who must `give_back`."""
        with self._lock:
            self._readers += 1

    def give_back(self) -> None:
        """Count one reader less."""
        with self._lock:
            self._readers -= 1
        self._close_if_idle()

    def retire(self) -> None:
        """Close, as soon as nobody reads any more."""
        with self._lock:
            self._retired = True
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        with self._lock:
            idle = self._retired and not self._readers and not self._closed
            self._closed |= idle
        if idle:
            self._system.stop()
            if isinstance(self._server, FastAPI):
                self._server._session.close()  # Chroma leaves its HTTP connections open

    def _collection(self, name: str, hnsw: CreateHNSWConfiguration) -> Collection:
        configuration = CreateCollectionConfiguration(hnsw={**hnsw, "sync_threshold": SYNC_THRESHOLD})
        model = self._server.get_or_create_collection(name, configuration=configuration)
        return Collection(self._server, model, embedding_function=None)

    def _mend(self, torn: Torn) -> None:
        """Drop the index whose files are torn, without opening them: that can crash the process."""
        self.drop(torn.index)
        self.drop(f"{torn.index}-catalogue")
        for folder in torn.folders:
            shutil.rmtree(folder, ignore_errors=True)
        if torn.index == self.name:
            self.notices.append(REBUILT)


def is_panic(error: BaseException) -> bool:
    """Whether a library written in Rust broke off in the middle: a class that cannot be imported."""
    return type(error).__name__ == "PanicException"


def _identity(data: Path) -> tuple[int, int] | None:
    """Which file the embedded index is; None when it was deleted, though a process that has it open still reads it."""
    try:
        status = (data / CHROMA_FOLDER / "chroma.sqlite3").stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _settings(data: Path, url: str | None) -> ChromaSettings:
    if url:
        return ChromaSettings(
            anonymized_telemetry=False,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=url,
            chroma_server_http_port=8000,  # must be there, but the address has its own
        )
    return ChromaSettings(
        anonymized_telemetry=False,
        chroma_api_impl="chromadb.api.rust.RustBindingsAPI",
        is_persistent=True,
        persist_directory=str(data / CHROMA_FOLDER),
    )


def _greet(url: str) -> None:
    """Raise StoreError unless a Chroma server answers at `url`. Chroma itself would wait for ever."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/v2/heartbeat", timeout=SERVER_WAIT_S)
        greeting: object = answer.json() if answer.status_code == httpx.codes.OK else None
    except httpx.HTTPError as error:
        raise _unreachable(url, error) from error
    except json.JSONDecodeError:
        greeting = None
    if not isinstance(greeting, dict) or "nanosecond heartbeat" not in greeting:
        raise StoreError(f"What answers at {url} is not a Chroma server. Change PINCITE_CHROMA_URL or unset it.")


def _unreachable(url: str, error: httpx.HTTPError) -> StoreError:
    return StoreError(
        f"The Chroma server at {url} does not answer ({error or type(error).__name__}). "
        "Type: chroma run --path FOLDER   or unset PINCITE_CHROMA_URL."
    )
