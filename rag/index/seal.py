"""How files were when they were written: those that differ later were damaged, or are half written."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

# Name to size in bytes, time of change in ns and digest.
Seal = dict[str, tuple[int, int, str]]


def sealed(files: Mapping[str, Path], before: Seal | None = None) -> Seal:
    """The seal of these files as they are now. Those that are as old and as long as `before` are not read."""
    now = Seal()
    for name, path in files.items():
        status, known = path.stat(), (before or {}).get(name)
        same = known and known[:2] == (status.st_size, status.st_mtime_ns)
        now[name] = known if known and same else (status.st_size, status.st_mtime_ns, _digest(path))
    return now


def differing(seal: Seal, files: Mapping[str, Path]) -> set[str]:
    """The names of files that came, went, or differ from their seal by size, or else by time and digest."""
    names = seal.keys() ^ files.keys()
    for name in files.keys() & seal.keys():
        size, mtime_ns, digest = seal[name]
        status = files[name].stat()
        if status.st_size != size or (status.st_mtime_ns != mtime_ns and _digest(files[name]) != digest):
            names.add(name)
    return names


def seal_of(plain: object) -> Seal:
    """The seal that was written as JSON. Raises ValueError when it is none."""
    try:
        found = {str(name): (int(one[0]), int(one[1]), str(one[2])) for name, one in plain.items()}  # type: ignore[attr-defined]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError("no seal") from error
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
