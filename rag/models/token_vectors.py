"""Token vectors kept compactly: 96 bytes a token on disk, looked up by the hash of the text they stand for.

A vector is turned by a fixed rotation, which makes its 384 coordinates nearly Gaussian whatever it was, and each
coordinate is rounded to one of four levels (Lloyd-Max for a Gaussian; Max, "Quantizing for minimum distortion",
1960). Nothing is trained, so nothing depends on which documents came first.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.disk import folder_errors, is_full, unwritable
from rag.errors import StoreError
from rag.models.minilm import DIMENSIONS, Encoding, MiniLM, Vectors

THRESHOLD, LEVELS = 0.9816, np.array([-1.5104, -0.4528, 0.4528, 1.5104], np.float32)
CODE_BYTES = DIMENSIONS // 4
# So much of the cache file is read without copying it page by page.
MAPPED_BYTES = 4 * 2**30

Codes = npt.NDArray[np.uint8]


@functools.cache
def rotation() -> Vectors:
    """The fixed (384, 384) orthogonal matrix that every token vector is turned by."""
    gaussian = np.random.Generator(np.random.PCG64(20260101)).standard_normal((DIMENSIONS, DIMENSIONS))
    q, r = np.linalg.qr(gaussian)
    return np.ascontiguousarray(q * np.sign(np.diag(r)), dtype=np.float32)


@functools.cache
def _decoded_bytes() -> npt.NDArray[np.complex128]:
    """The four levels that each of the 256 bytes stands for, as the 16 bytes of one number."""
    values = np.arange(256)
    levels = np.stack([LEVELS[(values >> shift) & 3] for shift in (0, 2, 4, 6)], axis=1)
    return np.ascontiguousarray(levels).view(np.complex128).ravel()


def pack(tokens: Vectors) -> Codes:
    """(n, 384) unit vectors to (n, 96) bytes."""
    turned = tokens @ rotation() * np.float32(np.sqrt(DIMENSIONS))
    level = (turned > -THRESHOLD).astype(np.uint8) + (turned > 0) + (turned > THRESHOLD)
    fours = level.reshape(len(tokens), CODE_BYTES, 4)
    return (fours[..., 0] | fours[..., 1] << 2 | fours[..., 2] << 4 | fours[..., 3] << 6).astype(np.uint8)


def unpack(codes: Codes) -> Vectors:
    """(n, 96) bytes to (n, 384) unit vectors, still turned: compare them with `turn(query)`."""
    turned, lengths = _unpacked(codes)
    return turned / lengths[:, None]


def similarities(question_tokens: Vectors, codes: Codes) -> Vectors:
    """Cosines between turned question tokens (n, 384) and packed tokens (m, 96), as (n, m)."""
    turned, lengths = _unpacked(codes)
    cosines: Vectors = (question_tokens @ turned.T) / lengths
    return cosines


def _unpacked(codes: Codes) -> tuple[Vectors, Vectors]:
    """The levels that the bytes stand for, (n, 384), and the length of each row."""
    turned = _decoded_bytes().take(codes).view(np.float32)  # sixteen bytes moved at once, not four times four
    return turned, np.sqrt(np.einsum("ij,ij->i", turned, turned))


def turn(tokens: Vectors) -> Vectors:
    """Exact vectors in the same turned space as `unpack` gives."""
    return tokens @ rotation()


@dataclass(frozen=True, slots=True)
class Packed:
    """The token vectors of one text: `codes` (n, 96), and for each of its lines how many tokens end with it."""

    codes: Codes
    line_ends: npt.NDArray[np.int32]


def line_matches(question_tokens: Vectors, packed: Packed) -> Vectors:
    """The best match of each turned question token in each line, (tokens, lines); -1 where a line has no token."""
    bounds = [0, *packed.line_ends.tolist()]
    found = np.full((len(question_tokens), len(packed.line_ends)), -1, np.float32)
    if len(packed.codes):
        similarity = similarities(question_tokens, packed.codes)
        for line, (left, right) in enumerate(itertools.pairwise(bounds)):
            if left < right:
                found[:, line] = similarity[:, left:right].max(axis=1)
    return found


def content_key(text: str) -> str:
    """What names a text here and in the index: the first half of its SHA-256 digest, as 24 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


class TokenVectors:
    """Token vectors by text: from the cache file when it has them, else from the model."""

    def __init__(self, model: MiniLM, path: Path | None) -> None:
        self._model, self._path = model, path
        self._lock = threading.Lock()
        with folder_errors(path.parent) if path else contextlib.nullcontext():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        with self._errors():
            self._db = sqlite3.connect(path or ":memory:", timeout=30, check_same_thread=False, isolation_level=None)
            if path is not None:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.execute(f"PRAGMA mmap_size={MAPPED_BYTES}")
            self._db.execute("DROP TABLE IF EXISTS vectors")  # as it was before lines were kept
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, codes BLOB NOT NULL, line_ends BLOB NOT NULL)"
            )

    def keep(self, texts: Sequence[str], encodings: Sequence[Encoding]) -> None:
        """Store what the model made of `texts`."""
        self.put({content_key(text): _packed(text, e) for text, e in zip(texts, encodings, strict=True)})

    def put(self, packed: Mapping[str, Packed]) -> None:
        """Store token vectors under the keys that `content_key` gives."""
        rows = [(key, one.codes.tobytes(), one.line_ends.tobytes()) for key, one in packed.items()]
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", rows)
            self._db.execute("COMMIT")

    def of(self, texts: Sequence[str]) -> list[Codes]:
        """Packed token vectors of each text, (n, 96). What the cache lacks is computed."""
        return [packed.codes for packed in self.packed(texts)]

    def packed(self, texts: Sequence[str]) -> list[Packed]:
        """Token vectors and lines of each text. What the cache lacks is computed."""
        keys = [content_key(text) for text in texts]
        found = self.known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            encodings = self._model.encode(list(missing.values()))
            found |= {key: _packed(missing[key], e) for key, e in zip(missing, encodings, strict=True)}
        return [found[key] for key in keys]

    def known(self, keys: Sequence[str]) -> dict[str, Packed]:
        """What the cache has of the texts that `content_key` names so."""
        found: dict[str, Packed] = {}
        with self._lock, self._errors():
            for left in range(0, len(keys), 500):
                some = keys[left : left + 500]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, codes, line_ends FROM texts WHERE key IN ({marks})"  # noqa: S608  question marks
                rows = self._db.execute(query, some)
                for key, codes, line_ends in rows:
                    ends = np.frombuffer(line_ends, np.int32)
                    if len(ends) and len(codes) == ends[-1] * CODE_BYTES:
                        found[key] = Packed(np.frombuffer(codes, np.uint8).reshape(-1, CODE_BYTES), ends)
        return found

    def forget(self, texts: Iterable[str]) -> None:
        """Delete what stands for these texts."""
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM texts WHERE key = ?", [(content_key(text),) for text in texts])
            self._db.execute("COMMIT")

    def forget_all_but(self, texts: Iterable[str]) -> int:
        """Delete what no text of `texts` stands for; returns how many were deleted."""
        kept = {content_key(text) for text in texts}
        with self._lock, self._errors():
            stale = [(key,) for (key,) in self._db.execute("SELECT key FROM texts") if key not in kept]
            self._db.executemany("DELETE FROM texts WHERE key = ?", stale)
        return len(stale)

    def close(self) -> None:
        """Close the cache file."""
        self._db.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """The cache's failures as one line that says what to type."""
        try:
            yield
        except sqlite3.Error as error:
            folder = self._path.parent if self._path else None
            if folder and (is_full(folder) or not os.access(folder, os.W_OK)):
                raise unwritable(folder, str(error)) from error
            raise StoreError(
                f"The cache {str(self._path)!r} cannot be used ({error}). Delete it; what it held is made again."
            ) from error


def _packed(text: str, encoding: Encoding) -> Packed:
    line_starts = [place + 1 for place, character in enumerate(text) if character == "\n"]
    ends = np.searchsorted(encoding.offsets[:, 0], [*line_starts, len(text) + 1]).astype(np.int32)
    return Packed(pack(encoding.tokens), ends)
