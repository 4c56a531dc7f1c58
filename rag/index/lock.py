"""Taking turns: one ingest at a time, and one process at a time where Chroma may write its files.

Chroma (1.5.9) keeps vectors in files that it saves in place every so many writes, and any process that opens the
index may be the one that saves. Two of them at once, or one that is killed half-way, leave files that belong to no
one state, and opening such files can crash the process. So every such moment is entered alone, under a mark, and
ends with a seal: the size, time and digest of each file. Files that differ from their seal are never opened.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.errors import StoreError

INGEST_WAIT_S = 600
WRITE_WAIT_S = 120
# With less than that left on the disk, it is the disk.
ROOM_BYTES = 20_000_000
CHROMA_FOLDER, MARK, SEAL = "chroma", "pincite.writing", "pincite.seal"

# Path below Chroma's folder to size in bytes, time of change in ns and digest.
_Seal = dict[str, tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Torn:
    """What a process that was killed while Chroma saved left behind: the index it wrote, and the folders hit."""

    index: str
    folders: tuple[Path, ...]


@contextlib.contextmanager
def ingest_turn(data: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the right to change the index; calls `waiting` once if another process has it.

    Raises StoreError when the data folder cannot be written, or after INGEST_WAIT_S.
    """
    lock = FileLock(data / "ingest.lock")
    with folder_errors(data):
        data.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting:
                waiting()
            _acquire(lock, INGEST_WAIT_S, f"Another ingest has been at work in {str(data)!r}")
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def alone(data: Path, index: str) -> Iterator[Torn | None]:
    """Be the only process whose Chroma may write to `index`; gives what is torn, if a process was killed in here.

    A block that is given something torn must mend it or raise. Raises StoreError when the files are damaged.
    """
    mark = data / CHROMA_FOLDER / MARK
    with _held(data):
        with folder_errors(data):
            torn = _find_torn(data)
            if torn is None:
                mark.write_text(index, encoding="utf-8")
        yield torn
        with folder_errors(data):
            _seal(mark.parent)
            mark.unlink()


def is_torn(data: Path) -> bool:
    """Whether a process was killed while Chroma saved. Raises StoreError when the files are damaged."""
    with _held(data), folder_errors(data):
        return _find_torn(data) is not None


@contextlib.contextmanager
def _held(data: Path) -> Iterator[None]:
    """Nobody else's Chroma writes meanwhile."""
    lock = FileLock(data / "chroma.lock", poll_interval=0.01)
    with folder_errors(data):
        (data / CHROMA_FOLDER).mkdir(parents=True, exist_ok=True)
        _acquire(lock, WRITE_WAIT_S, f"Another process has held the index in {str(data)!r}")
    try:
        yield
    finally:
        lock.release()


def _find_torn(data: Path) -> Torn | None:
    """What is torn. Raises StoreError for files that differ from their seal though nobody was killed."""
    chroma = data / CHROMA_FOLDER
    folders = _unsealed(chroma)
    if not folders:
        return None
    try:
        return Torn((chroma / MARK).read_text(encoding="utf-8"), folders)
    except FileNotFoundError:
        raise StoreError(
            f"The index at {chroma} is damaged: {folders[0].name} is not as it was written. "
            f"Delete {str(chroma)!r} and type: pincite ingest"
        ) from None


def _unsealed(chroma: Path) -> tuple[Path, ...]:
    """The folders with files that differ from their seal, by size, or else by time and digest."""
    before, files = _read_seal(chroma), _saved_files(chroma)
    if before is None:
        return ()
    differing = {name for name in before if name not in files} | {name for name in files if name not in before}
    for name in files.keys() & before.keys():
        size, mtime_ns, digest = before[name]
        status = files[name].stat()
        if status.st_size != size or (status.st_mtime_ns != mtime_ns and _digest(files[name]) != digest):
            differing.add(name)
    return tuple(chroma / name for name in sorted({name.split("/")[0] for name in differing}))


def _seal(chroma: Path) -> None:
    """Write down how the files are now, if that changed."""
    before, now = _read_seal(chroma), _Seal()
    for name, path in _saved_files(chroma).items():
        status, known = path.stat(), (before or {}).get(name)
        same = known and known[:2] == (status.st_size, status.st_mtime_ns)
        now[name] = known if known and same else (status.st_size, status.st_mtime_ns, _digest(path))
    if now != before:
        part = chroma / f"{SEAL}.part"
        part.write_text(json.dumps(now, indent=1), encoding="utf-8")
        part.replace(chroma / SEAL)


def _read_seal(chroma: Path) -> _Seal | None:
    try:
        found: dict[str, list[Any]] = json.loads((chroma / SEAL).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return {name: (size, mtime_ns, digest) for name, (size, mtime_ns, digest) in found.items()}


def _saved_files(chroma: Path) -> dict[str, Path]:
    """The files of vectors that Chroma has saved at least once. A folder without a pickle it fills from its log."""
    pickles = chroma.glob("*/index_metadata.pickle")
    return {f"{path.parent.name}/{path.name}": path for pickle in pickles for path in sorted(pickle.parent.iterdir())}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _acquire(lock: FileLock, seconds: float, what: str) -> None:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise StoreError(f"{what} for {seconds:.0f} seconds. Wait for it or stop it, then try again.") from None


@contextlib.contextmanager
def folder_errors(data: Path) -> Iterator[None]:
    """A data folder that cannot be written, as one line that says what to type."""
    try:
        yield
    except OSError as error:
        raise unwritable(data, error.strerror or str(error)) from None


def is_full(data: Path) -> bool:
    """Whether hardly anything is left of the disk that the data folder is on."""
    return os.access(data, os.W_OK) and shutil.disk_usage(data).free < ROOM_BYTES


def unwritable(data: Path, why: str) -> StoreError:
    """That the data folder cannot be written, and what to type."""
    if is_full(data):
        return StoreError(
            f"The disk of the data folder {str(data)!r} is full ({why}). Make room, then type the same again, or name "
            "another folder with --data."
        )
    return StoreError(f"The data folder {str(data)!r} cannot be written ({why}). Name another with --data.")
