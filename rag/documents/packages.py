"""Files that are zip packages (DOCX, PPTX, XLSX, EPUB): opened only when what they unpack to is bounded."""

import io
import zipfile
import zlib
from typing import TYPE_CHECKING

from rag.errors import ReadError

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

LARGEST_PART = 200 * 1024 * 1024
LARGEST_TOTAL = 600 * 1024 * 1024
MOST_PARTS = 20_000
# Markup packs to a tenth or a fiftieth; a part that packs better than this and is large was made to fill a memory.
LARGEST_RATIO = 300
SMALL_PART = 5 * 1024 * 1024
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def open_package(data: bytes, name: str) -> zipfile.ZipFile:
    """The package, every part of it unpacked once to see that it is as large as it says and whole.

    Raises ReadError for one that is no package, is damaged, protected, or unpacks to too much.
    """
    if data.startswith(OLD_OFFICE):
        raise ReadError(
            f"{name} is protected by a password or in the format of Office 97. Save it in today's format, without one."
        )
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        _check_sizes(package.infolist(), name)
        for part in package.infolist():
            with package.open(part) as stream:
                while stream.read(1 << 20):
                    pass
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError):
        ending = name.rsplit(".", 1)[-1].upper()
        raise ReadError(f"{name} is damaged or not {_article(ending)} {ending} file.") from None
    except RuntimeError:  # zipfile's word for an encrypted part
        raise ReadError(f"{name} is protected by a password. Save a copy without one.") from None
    return package


def _check_sizes(parts: list[zipfile.ZipInfo], name: str) -> None:
    """zipfile never unpacks a part beyond the size it declares, so checking what is declared is enough."""
    total = sum(part.file_size for part in parts)
    for part in parts:
        bomb = part.file_size > SMALL_PART and part.file_size > LARGEST_RATIO * max(1, part.compress_size)
        if bomb or part.file_size > LARGEST_PART or total > LARGEST_TOTAL or len(parts) > MOST_PARTS:
            raise ReadError(
                f"{name} unpacks to {total // 2**20:,} MB in {len(parts):,} parts, too much for a document."
            )


def _article(word: str) -> str:
    return "an" if word[:1] in "AEFHILMNORSX" else "a"


def xml(data: bytes, name: str) -> "Element":
    """The root of an XML part, without entities or anything from elsewhere. Raises ReadError when it is not XML."""
    from lxml import etree

    try:
        return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        raise ReadError(f"{name} is damaged: one of its parts is not XML.") from None
