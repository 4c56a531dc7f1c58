"""Plain text: the canonical text is the file decoded, line ends kept as they are."""

import codecs
from collections.abc import Iterator

from rag.documents.blocks import text_blocks
from rag.errors import ReadError
from rag.types import Document

MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What the encoding is guessed from.
SAMPLE_BYTES = 100_000
WINDOWS = "cp1252"


def read_text(data: bytes, name: str) -> Iterator[Document]:
    """Plain text, as it is."""
    text, notes = decoded(data, name)
    yield Document(name, text, text_blocks(text), notes=notes)


def decoded(data: bytes, name: str, named: str = "") -> tuple[str, tuple[str, ...]]:
    """`data` as text: UTF-8, else in the encoding that it is marked with or names, else in the likeliest.

    With a note when that was a guess. Raises ReadError for binary data.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), ()
    for encoding in filter(None, (named, "utf-8")):
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
        if "\0" not in text:
            return text, ()
    encoding = _likeliest(data)
    text = data.decode(encoding, "replace") if encoding else "\0"
    if "\0" in text:
        raise ReadError(f"{name} holds binary data, not text.")
    return text, (f"{name} is not UTF-8; it is read as {encoding}.",)


def _likeliest(data: bytes) -> str | None:
    """The encoding in which the bytes read best; the one of Windows where several would."""
    from charset_normalizer import from_bytes

    sample = data[: max(data.rfind(b"\n", 0, SAMPLE_BYTES) + 1, min(len(data), SAMPLE_BYTES)) // 2 * 2]
    best = from_bytes(sample).best()
    if best is None:
        return None
    return WINDOWS if WINDOWS in best.could_be_from_charset else best.encoding
