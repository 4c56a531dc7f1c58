"""Taking turns: one ingest at a time, and one process at a time where Chroma may write its files.

Chroma (1.5.9) keeps vectors in files that it saves in place every so many writes, and any process that opens the
index may be the one that saves. Two of them at once, or one that is killed half-way, leave files that belong to no
one state, and opening such files can crash the process. So every such moment is entered alone, under a mark, and
ends with a seal: the size, time and digest of each file. Files that differ from their seal are never opened.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag.disk import folder_errors
from rag.errors import StoreError
from rag.index.seal import Seal, differing, seal_of, sealed

INGEST_WAIT_S = 600
WRITE_WAIT_S = 120
CHROMA_FOLDER, MARK, SEAL = "chroma", "pincite.writing", "pincite.seal"


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
    except (FileNotFoundError, UnicodeDecodeError):
        raise StoreError(
            f"The index at {chroma} is damaged: {folders[0].name} is not as it was written. "
            f"Delete {str(chroma)!r} and type: pincite ingest"
        ) from None


def _unsealed(chroma: Path) -> tuple[Path, ...]:
    """The folders with files that differ from their seal. Without a seal that is every one, if somebody was killed."""
    files = _saved_files(chroma)
    try:
        names = differing(_read_seal(chroma), files)
    except FileNotFoundError:
        names = set(files) if (chroma / MARK).exists() else set()
    return tuple(chroma / name for name in sorted({name.split("/")[0] for name in names}))


def _seal(chroma: Path) -> None:
    """Write down how the files are now, if that changed."""
    try:
        before = _read_seal(chroma)
    except FileNotFoundError:
        before = None
    now = sealed(_saved_files(chroma), before)
    if now != before:
        part = chroma / f"{SEAL}.part"
        part.write_text(json.dumps(now, indent=1), encoding="utf-8")
        part.replace(chroma / SEAL)


def _read_seal(chroma: Path) -> Seal:
    """The seal. One that is damaged is deleted, and a line says so: the files it was for are probably as they were.

    Raises FileNotFoundError when there is none.
    """
    path = chroma / SEAL
    try:
        return seal_of(json.loads(path.read_bytes()))
    except ValueError:
        path.unlink()
        logging.getLogger(__name__).warning("pincite: %s was damaged, so it is written again.", path)
        raise FileNotFoundError(path) from None


def _saved_files(chroma: Path) -> dict[str, Path]:
    """The files of vectors that Chroma has saved at least once. A folder without a pickle it fills from its log."""
    pickles = chroma.glob("*/index_metadata.pickle")
    return {f"{path.parent.name}/{path.name}": path for pickle in pickles for path in sorted(pickle.parent.iterdir())}


def _acquire(lock: FileLock, seconds: float, what: str) -> None:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise StoreError(f"{what} for {seconds:.0f} seconds. Wait for it or stop it, then try again.") from None
