"""Plain text: the canonical text is the file decoded, line ends kept as they are."""

import codecs
import re
from collections.abc import Iterator

from rag.documents.blocks import text_blocks
from rag.errors import ReadError
from rag.types import Document

# The most text one document may hold: twenty long novels.
LARGEST_TEXT = 20_000_000
MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What the encoding is guessed from.
SAMPLE_BYTES = 100_000
WINDOWS = "cp1252"
# Text in Latin letters has at most this share of bytes beyond ASCII, and no sign within a word.
LATIN_SHARE = 0.5
SIGN_IN_WORD = re.compile("[a-z][\x80-\x9f¡-¿×÷€‚„…†‡ˆ‰‹•™›][a-z]")
# Latin letters in UTF-16 leave so many of every other byte zero.
ZEROS = 0.7


def read_text(data: bytes, name: str) -> Iterator[Document]:
    """Plain text, as it is."""
    text, notes = decoded(data, name)
    yield Document(name, text, text_blocks(text), notes=notes)


def decoded(data: bytes, name: str, named: str = "") -> tuple[str, tuple[str, ...]]:
    """`data` as text: UTF-8, else in the encoding that it is marked with or names, else in the likeliest.

    With a note when that was a guess. Raises ReadError for binary data.
    """
    if len(data) > 4 * LARGEST_TEXT:
        raise ReadError(f"{name} holds more than {LARGEST_TEXT // 10**6} million characters. Split it.")
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
    guess = _likeliest(data)
    text = data.decode(guess, "replace") if guess else "\0"
    if "\0" in text:
        raise ReadError(f"{name} holds binary data, not text.")
    return text, (f"{name} is not UTF-8; it is read as {guess}.",)


def _likeliest(data: bytes) -> str | None:
    """The encoding in which the bytes read best.

    charset-normalizer tells scripts apart, but not the encodings of Western Europe, of which the one of Windows is
    by far the commonest.
    """
    from charset_normalizer import from_bytes

    sample = data[:SAMPLE_BYTES]
    for first, encoding in enumerate(("utf-16-be", "utf-16-le")):
        zeros, others = sample[first::2].count(0), sample[1 - first :: 2].count(0)
        if len(data) % 2 == 0 and zeros > ZEROS * len(sample) / 2 and not others:
            return encoding
    if 0 in sample:
        return None
    foreign = sum(byte > 127 for byte in sample)
    western = sample.decode(WINDOWS, "replace")
    if foreign <= LATIN_SHARE * len(sample) and "\ufffd" not in western and not SIGN_IN_WORD.search(western):
        return WINDOWS
    best = from_bytes(sample[: sample.rfind(b"\n") + 1] or sample, cp_exclusion=["utf_16", "utf_32"]).best()
    return best.encoding if best else None
