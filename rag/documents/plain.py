"""Plain text: the canonical text is the file decoded as UTF-8, line ends kept as they are."""

from collections.abc import Iterator

from rag.documents.blocks import text_blocks
from rag.errors import ReadError
from rag.types import Document


def read_text(data: bytes, name: str) -> Iterator[Document]:
    """Plain text, as it is."""
    text = decoded(data, name)
    yield Document(name, text, text_blocks(text))


def decoded(data: bytes, name: str) -> str:
    """`data` as UTF-8 text. Raises ReadError for another encoding and for binary data."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReadError(f"{name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    if "\0" in text:
        raise ReadError(f"{name} holds binary data, not text.")
    return text
