"""Rows of JSON in a file, each added as soon as there is one, so that what was killed goes on where it stopped."""

import contextlib
import json
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import PinciteError, UsageError
from rag.types import JSON


def line_of(row: JSON) -> bytes:
    """The row as it stands in a file, with its line feed. Equal rows give equal bytes."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def read_lines(path: Path) -> tuple[list[bytes], bytes]:
    """The whole lines of a file, and what a kill left of a last one; nothing when there is no file.

    Raises UsageError when it cannot be read.
    """
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error.strerror}). Name another one.") from None
    *whole, torn = data.split(b"\n")
    return whole, torn


def parsed(line: bytes) -> JSON | None:
    """The row that a line is, or None when it is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def read_rows(path: Path) -> list[JSON]:
    """The rows of a file; none when there is no file. What a kill left of a last line is left away.

    Raises UsageError naming the line that is no row.
    """
    rows = []
    for number, line in enumerate(read_lines(path)[0], 1):
        if (row := parsed(line)) is None:
            raise UsageError(f"{path} line {number} is no row of a run. Delete the line, or name another folder.")
        rows.append(row)
    return rows


def write_rows(path: Path, rows: Iterable[JSON]) -> None:
    """Make the file hold exactly these rows, in one step."""
    write_whole(path, b"".join(map(line_of, rows)))


def write_whole(path: Path, data: bytes) -> None:
    """Make the file hold exactly these bytes, in one step; leaves it alone when it does already.

    Raises UsageError when it cannot be written.
    """
    target = path.resolve()  # a link stays one
    part = target.with_name(f".{target.name}.part")
    try:
        if target.is_file() and target.read_bytes() == data:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        raise _unwritable(path, error) from None


class RowFile:
    """Adds rows to a file, from any thread; each is in the file when `add` returns.

    Raises UsageError when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise _unwritable(path, error) from None

    def add(self, row: JSON) -> bytes:
        """Write one row, and give its line."""
        line = rest = line_of(row)
        with self._lock:
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError as error:
                raise _unwritable(self._path, error) from None
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextlib.contextmanager
def held(place: Path, lock: Path, taken: str) -> Iterator[None]:
    """Keep a second writer away from `place` by a lock file that is gone afterwards.

    Raises PinciteError, which says `taken`, when there is one, and UsageError when nothing can be written there.
    """
    held_lock = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=lock.parent):  # where nothing can be written, a lock looks like a held one
            held_lock.acquire(timeout=0)
    except Timeout:
        raise PinciteError(taken) from None
    except OSError as error:
        raise _unwritable(place, error) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no file that is open, but removes it when it is let go
            lock.unlink()
        held_lock.release()


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{str(path)!r} cannot be written ({error.strerror}). Name another place.")
