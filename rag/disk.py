"""The data folder as a place on a disk, which can be full or not for writing."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rag.errors import StoreError

# With less than that left on the disk, it is the disk.
ROOM_BYTES = 20_000_000


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
