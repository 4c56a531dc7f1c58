"""The documents folder while the page is open: what is added, removed and brought back, and the index that follows."""

import re
import shutil
import threading
import time
import unicodedata
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from rag.chat import Chat
from rag.documents import LARGEST_BYTES, READERS, document_id, find_files
from rag.errors import PinciteError, UsageError
from rag.index.ingest import Summary
from rag.index.watch import watch
from rag.types import JSON

# What a file may be called on every system, and is.
UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
NAME_BYTES, DEPTH = 180, 8
# Hidden, so that neither the index nor the watch looks at what is still arriving.
ARRIVING = ".arriving-"
# A removed file can be brought back until the page is started this much later.
KEPT_S = 7 * 24 * 3600


class Exists(UsageError):
    """A document of that name is there already, and nobody said to replace it."""


@dataclass(frozen=True, slots=True)
class News:
    """How far the index is: `version` grows with every change, `note` says what the last one was."""

    version: int = 0
    busy: str = ""
    done: int = 0
    total: int = 0
    note: str = ""


class Library:
    """Follows the folder of an open chat in a thread of its own, and changes what is in it."""

    def __init__(self, chat: Chat) -> None:
        self._chat, self.folder = chat, chat.settings.documents
        self._removed = chat.settings.data / "removed"
        self._stop = threading.Event()
        self.news = News()
        for old in self._removed.glob("*/"):
            if old.stat().st_mtime < time.time() - KEPT_S:
                shutil.rmtree(old, ignore_errors=True)

    def start(self) -> None:
        """Begins to follow the folder."""
        threading.Thread(target=self._follow, daemon=True, name="pincite watch").start()

    def stop(self) -> None:
        """Ends it, when what is being indexed is done."""
        self._stop.set()

    def _follow(self) -> None:
        try:
            for summary in watch(
                self._chat.settings, self._chat.store, self._chat.embedder, progress=self._progress, stop=self._stop
            ):
                self.news = News(self.news.version + 1, note=_told(summary))
        except PinciteError as error:
            self.news = News(self.news.version + 1, note=str(error))

    def _progress(self, what: str, done: int, total: int) -> None:
        self.news = News(self.news.version, what, done, total, self.news.note)

    def target(self, name: str) -> Path:
        """Where a file of that name goes: always below the folder. Raises UsageError for what cannot be read."""
        parts = [_clean(part) for part in PurePosixPath(name.replace("\\", "/")).parts]
        parts = [part for part in parts if part]
        if not parts or len(parts) > DEPTH:
            raise UsageError("That is no name of a file. Rename it and add it again.")
        path = self.folder.joinpath(*parts)
        if path.suffix.lower() not in READERS:
            raise UsageError(f"{parts[-1]} is of no kind that can be read. It can be: {', '.join(READERS)}.")
        if not path.parent.resolve().is_relative_to(self.folder.resolve()):
            raise UsageError(f"{'/'.join(parts)} would lie outside of the documents folder.")
        return path

    async def add(self, name: str, body: AsyncIterator[bytes], replace: bool) -> str:
        """Puts a file into the folder, whole or not at all; gives its name there.

        Raises UsageError for one that cannot be read or is too large, Exists for one that would be overwritten.
        """
        path = self.target(name)
        here = document_id(path, self.folder)
        if path.exists() and not replace:
            raise Exists(f"{here} is in the documents already. Replace it?")
        arriving = self.folder / f"{ARRIVING}{uuid.uuid4().hex}"
        try:
            with arriving.open("xb") as file:
                size = 0
                async for piece in body:
                    size += len(piece)
                    if size > LARGEST_BYTES:
                        raise UsageError(f"{here} is larger than {LARGEST_BYTES // 2**20} MB. Split it.")
                    file.write(piece)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not replace:
                try:
                    path.open("xb").close()  # nobody overwrites what came in the meantime
                except FileExistsError:
                    raise Exists(f"{here} is in the documents already. Replace it?") from None
            arriving.replace(path)
        finally:
            arriving.unlink(missing_ok=True)
        return here

    def standing(self, name: str) -> JSON:
        """What has become of a file that was added: `waiting`, `indexed`, or `left out` with the reasons."""
        record = self._chat.store.files().get(name)
        try:
            status = (self.folder / name).stat()
        except OSError:
            return {"state": "left out", "why": [f"{name} is not there any more."]}
        if record is None or (record.size, record.mtime_ns) != (status.st_size, status.st_mtime_ns):
            return {"state": "waiting", "why": []}
        return {"state": "left out" if record.skipped and not record.documents else "indexed", "why": record.skipped}

    def remove(self, document: str) -> tuple[str, str]:
        """Takes a document's file out of the folder. Gives the file's name, and a token that brings it back."""
        entry = self._chat.store.catalogue().get(document)
        if entry is None:
            raise UsageError(f"There is no document {document!r} any more.")
        if len(find_files(self.folder)) == 1:
            raise UsageError(f"{entry.file} is the only document. Add another one first.")
        token = uuid.uuid4().hex
        place = self._removed / token / entry.file
        place.parent.mkdir(parents=True)
        shutil.move(self.folder / entry.file, place)
        return entry.file, token

    def restore(self, token: str) -> str:
        """Brings a removed file back. Raises UsageError when it cannot be, Exists when another took its place."""
        folder = self._removed / token
        files = [path for path in folder.rglob("*") if path.is_file()] if re.fullmatch("[0-9a-f]{32}", token) else []
        if not files:
            raise UsageError("That file cannot be brought back any more.")
        name = document_id(files[0], folder)
        if (self.folder / name).exists():
            raise Exists(f"{name} is in the documents again already.")
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(files[0], self.folder / name)
        shutil.rmtree(folder)
        return name

    def left_out(self) -> list[str]:
        """What could not be read, with the reasons."""
        return [why for file in self._chat.store.files().values() for why in file.skipped]

    def reindex(self) -> None:
        """Brings the index up to date now, whether or not the system has told of a change."""
        threading.Thread(target=self._reindex, daemon=True, name="pincite ingest").start()

    def _reindex(self) -> None:
        try:
            told = _told(self._chat.ingest(self._progress)) or "The index is up to date."
        except PinciteError as error:
            told = str(error)
        self.news = News(self.news.version + 1, note=told)


def library_routes(library: Library) -> APIRouter:
    """The routes by which the page changes the folder. Each takes a method that no other website's form can send."""
    routes = APIRouter(prefix="/library")

    @routes.get("/news")
    def news() -> Response:
        now = library.news
        return JSONResponse({name: getattr(now, name) for name in News.__slots__})

    @routes.get("/files/{name:path}")
    def standing(name: str) -> Response:
        return JSONResponse(library.standing(name))

    @routes.put("/files/{name:path}")
    async def add(name: str, request: Request, replace: bool = False) -> Response:
        try:
            return JSONResponse({"name": await library.add(name, request.stream(), replace)})
        except Exists as error:
            return JSONResponse({"error": str(error)}, 409)
        except PinciteError as error:
            return JSONResponse({"error": str(error)}, 400)
        except OSError as error:
            return JSONResponse({"error": f"The documents folder cannot be written ({error.strerror})."}, 500)

    return routes


def _clean(part: str) -> str:
    """One part of a path as a name that every system takes; empty when nothing is left of it."""
    name = UNSAFE.sub("_", unicodedata.normalize("NFC", part)).replace("/", "").strip(". ")
    stem, dot, suffix = name.rpartition(".")
    while len(name.encode("utf-8", "replace")) > NAME_BYTES and stem:
        stem = stem[:-1]
        name = stem + dot + suffix
    return name.encode("utf-8", "replace").decode()


def _told(summary: Summary) -> str:
    """What an ingest changed, in one line; empty when nothing did."""
    counts = ((summary.added, "added"), (summary.changed, "changed"), (summary.removed, "removed"))
    parts = [f"{number} {what}" for number, what in counts if number]
    return f"Documents: {', '.join(parts)}." if parts else " ".join(summary.notices)
