"""Files that are zip packages (DOCX, PPTX, XLSX, EPUB): opened only when what they unpack to is bounded."""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
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
STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
# What carries the words of a package; without any other part it can still be read.
MARKUP = (".xml", ".rels", ".html", ".xhtml", ".htm", ".opf")
BROKEN = (zlib.error, EOFError, NotImplementedError, OSError, ValueError)
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def open_package(data: bytes, name: str) -> zipfile.ZipFile:
    """The package, every part of it unpacked once to see that it is as large as it says; damaged pictures are empty.

    Raises ReadError for one that is no package, is damaged, protected, or unpacks to too much.
    """
    if data.startswith(OLD_OFFICE):
        raise ReadError(
            f"{name} is protected by a password or in the format of Office 97. Save it in today's format, without one."
        )
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        _check_sizes(package.infolist(), name)
        damaged = [part.filename for part in package.infolist() if not _is_whole(package, part)]
        if any(part.endswith(MARKUP) for part in damaged):
            raise zipfile.BadZipFile
    except (zipfile.BadZipFile, *BROKEN):
        ending = name.rsplit(".", 1)[-1].upper()
        raise ReadError(f"{name} is damaged or not {_article(ending)} {ending} file.") from None
    except RuntimeError:  # zipfile's word for an encrypted part
        raise ReadError(f"{name} is protected by a password. Save a copy without one.") from None
    return rewritten(package, dict.fromkeys(damaged, b"")) if damaged else package


def _is_whole(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    try:
        with package.open(part) as stream:
            while stream.read(1 << 20):
                pass
    except (zipfile.BadZipFile, *BROKEN):
        return False
    return True


def rewritten(package: zipfile.ZipFile, changed: Mapping[str, bytes]) -> zipfile.ZipFile:
    """A copy of the package in which some parts are others."""
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for part in dict.fromkeys(package.namelist()):
            copy.writestr(part, changed[part] if part in changed else package.read(part))
    return zipfile.ZipFile(result)


def bytes_of(package: zipfile.ZipFile) -> bytes:
    """The package as a file."""
    assert package.fp
    package.fp.seek(0)
    return package.fp.read()


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


def attribute(element: "Element", *names: str) -> str:
    """The value of the first attribute with one of these names, in whatever namespace; empty when there is none."""
    return next((str(value) for key, value in element.items() if str(key).rsplit("}", 1)[-1] in names), "")


def elements(data: bytes, name: str, tags: tuple[str, ...]) -> Iterator["Element"]:
    """The elements of these names in an XML part as they begin, one at a time, so that a large part fits in memory."""
    from lxml import etree

    wanted = tuple(f"{{*}}{tag}" for tag in tags)
    try:
        for event, element in etree.iterparse(
            io.BytesIO(data), events=("start", "end"), tag=wanted, resolve_entities=False, no_network=True
        ):
            if event == "start":
                yield element
            else:
                element.clear()
    except etree.XMLSyntaxError:
        raise ReadError(f"{name} is damaged: one of its parts is not XML.") from None


def transitional(part: bytes) -> bytes:
    """An XML part that names its elements as the Strict variant of Office does, with the names that all others use."""
    return STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", part)


def related(package: zipfile.ZipFile, part: str, name: str) -> dict[str, tuple[str, str]]:
    """The parts that a part refers to, by the name it has for them: their kind and where they are."""
    folder, file = posixpath.split(part)
    where = posixpath.join(folder, "_rels", f"{file}.rels")
    if where not in package.namelist():
        return {}
    return {
        link.get("Id") or "": (
            link.get("Type") or "",
            posixpath.normpath(posixpath.join("/", folder, link.get("Target") or "")).lstrip("/"),
        )
        for link in xml(package.read(where), name).iter("{*}Relationship")
        if link.get("TargetMode") != "External"
    }


def about(package: zipfile.ZipFile, name: str) -> tuple[str, str]:
    """Who wrote an Office file and when it was changed last, as it says itself."""
    if "docProps/core.xml" not in package.namelist():
        return "", ""
    try:
        core = xml(package.read("docProps/core.xml"), name)
    except ReadError:  # not worth a document
        return "", ""
    texts = {str(element.tag).rsplit("}", 1)[-1]: (element.text or "").strip() for element in core}
    return texts.get("creator") or texts.get("lastModifiedBy", ""), texts.get("modified", "")
