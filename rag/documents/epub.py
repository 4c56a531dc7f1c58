"""EPUB books: the chapters in the order in which they are read, each an HTML page in a zip package."""

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote
from zipfile import ZipFile

from rag.documents.draft import Draft
from rag.documents.html import parse, walk
from rag.documents.packages import open_package, xml
from rag.errors import ReadError
from rag.types import Document

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
FONT_ALGORITHMS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read_epub(data: bytes, name: str) -> Iterator[Document]:
    """A book: its title, then its chapters with their headings one level down."""
    package = open_package(data, name)
    if ENCRYPTION in package.namelist():
        methods = [e.get("Algorithm") for e in xml(package.read(ENCRYPTION), name).iter("{*}EncryptionMethod")]
        if any(method not in FONT_ALGORITHMS for method in methods):
            raise ReadError(f"{name} is protected against copying (DRM). Use a copy without protection.")
    draft = Draft()
    title, chapters = _contents(package, name, draft)
    draft.add(title, "heading", 1)
    for chapter in chapters:
        walk(parse(package.read(chapter), name), draft, deeper=1 if title else 0)
    yield draft.document(name)


def _contents(package: ZipFile, name: str, draft: Draft) -> tuple[str, list[str]]:
    """The book's title (may be empty) and the parts that are its chapters, in order."""
    try:
        root_file = next(xml(package.read(CONTAINER), name).iter("{*}rootfile"))
        book_path = root_file.get("full-path") or ""
        book = xml(package.read(book_path), name)
    except (KeyError, StopIteration):
        raise ReadError(f"{name} is damaged or not an EPUB book.") from None
    title = next((element.text or "" for element in book.iter("{http://purl.org/dc/elements/1.1/}title")), "")
    draft.author = next((element.text or "" for element in book.iter("{http://purl.org/dc/elements/1.1/}creator")), "")
    changed = (e.text or "" for e in book.iter("{*}meta") if e.get("property") == "dcterms:modified")
    draft.modified = next(changed, "")
    parts = {item.get("id"): item for item in book.iter("{*}item")}
    folder = posixpath.dirname(book_path)
    chapters = []
    for reference in book.iter("{*}itemref"):
        item = parts.get(reference.get("idref"))
        if item is None or "html" not in (item.get("media-type") or "") or "nav" in (item.get("properties") or ""):
            continue
        path = posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))
        if path in package.namelist():
            chapters.append(path)
        else:
            draft.leave_out("missing chapters")
    return title, chapters
