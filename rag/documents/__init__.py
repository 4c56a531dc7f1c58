"""Reading files into documents. One row a format; adding a format is adding a row."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from rag.documents.blocks import has_words
from rag.documents.epub import read_epub
from rag.documents.html import read_html
from rag.documents.isolation import read_apart
from rag.documents.jsonl import read_jsonl
from rag.documents.markdown import read_markdown
from rag.documents.pdf import read_pdf
from rag.documents.plain import LARGEST_TEXT, read_text
from rag.documents.signatures import mismatch
from rag.documents.slides import read_pptx
from rag.documents.tables import read_csv, read_workbook
from rag.documents.word import read_docx
from rag.errors import DocumentsError, ReadError
from rag.types import Document

# Raise this when a converter gives another text or other blocks for the same bytes: every file is read again.
CONVERTERS = 2

LARGEST_BYTES = 200 * 1024 * 1024
# A longer word is no word: text that never breaks was made to fill a memory.
LONGEST_WORD = 500_000

# The bytes of a file and its name to the documents in it, and to a ReadError for each part that cannot be read.
# A reader raises ReadError when nothing of the file can be read. Parsers are imported when first needed.
Reader = Callable[[bytes, str], Iterator[Document | ReadError]]

# Formats that a library parses, which is done in a process of its own.
PARSERS: dict[str, Reader] = {
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_workbook,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".epub": read_epub,
    ".csv": read_csv,
    ".tsv": read_csv,
}

READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".text": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".jsonl": read_jsonl,
    **dict.fromkeys(PARSERS, read_apart),
}


def find_files(folder: Path) -> list[Path]:
    """The readable files below `folder`, sorted by path; hidden files and folders are left out, links out of it too.

    Raises DocumentsError when the folder does not exist or holds nothing that can be read.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DocumentsError(f"The documents folder {str(folder)!r} {what}. Name one with --documents FOLDER.")
    root = os.path.realpath(folder)
    files = [path for path in _walk(folder) if path.suffix.lower() in READERS and _readable(path, root)]
    if not files:
        raise DocumentsError(
            f"The documents folder {str(folder)!r} holds no document. Put files in it that end in {', '.join(READERS)}."
        )
    return files


def unknown_files(folder: Path) -> list[Path]:
    """The files below `folder` of kinds that are not read, sorted by path; hidden ones and links out are left out."""
    root = os.path.realpath(folder)
    return [path for path in _walk(folder) if path.suffix.lower() not in READERS and _readable(path, root)]


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def _readable(path: Path, root: str) -> bool:
    """Whether it is a file, or a link to a file below `root`, be that there or not; a pipe would be waited for."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # taken away since the folder was listed
        return False
    if not stat.S_ISLNK(mode):
        return stat.S_ISREG(mode)
    return Path(os.path.realpath(path)).is_relative_to(root) and (path.is_file() or not path.exists())


def document_id(path: Path, folder: Path) -> str:
    """The path relative to the documents folder, with forward slashes on every system."""
    return path.relative_to(folder).as_posix()


def read_documents(data: bytes, name: str) -> Iterator[Document | ReadError]:
    """The documents in the bytes of the file called `name` (its id): one, or one a row for a JSONL corpus.

    What cannot be read comes as a ReadError in its place, the whole file or one row of it; nothing is raised.
    """
    try:
        if len(data) > LARGEST_BYTES:
            raise too_large(name)
        if not data.strip():
            raise ReadError(f"{name} is empty.")
        if wrong := mismatch(data, name):
            raise ReadError(f"{name} {wrong}")
        given = False
        for found in READERS[Path(name).suffix.lower()](data, name):
            given = True
            yield found if isinstance(found, ReadError) else _checked(found)
        if not given:
            raise ReadError(f"{name} holds no document.")
    except ReadError as error:
        yield error


def too_large(name: str) -> ReadError:
    """What is wrong with a file of more than LARGEST_BYTES."""
    return ReadError(f"{name} is larger than {LARGEST_BYTES // 2**20} MB. Split it into smaller files.")


def _checked(document: Document) -> Document | ReadError:
    if len(document.text) > LARGEST_TEXT:
        return ReadError(f"{document.id} holds more than {LARGEST_TEXT // 10**6} million characters. Split it.")
    if not has_words(document.text):
        return ReadError(f"{document.id} holds no words.")
    if re.search(rf"\S{{{LONGEST_WORD}}}", document.text):
        return ReadError(f"{document.id} holds {LONGEST_WORD:,} characters without a space, which is no text.")
    return document


def read_document(data: bytes, name: str) -> Document:
    """The first document in the file called `name`. Raises ReadError with the reason in words."""
    first = next(read_documents(data, name))
    if isinstance(first, ReadError):
        raise first
    return first
