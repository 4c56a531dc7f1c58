"""Which documents a question may use: those that any of some globs match."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from rag.errors import UsageError
from rag.index.rows import Entry


def documents_in(globs: Sequence[str], entries: Collection[Entry]) -> list[str]:
    """The ids of the documents in scope. Raises UsageError for a glob that matches no document.

    A glob is matched against a document's id and its file, and `*` crosses folders. A name without wildcards is that
    document, or every document of that file or below that folder.
    """
    found: dict[str, None] = {}
    by_name: dict[str, list[str]] = {}
    for entry in entries:
        folders = (str(parent) for parent in PurePosixPath(entry.file).parents)
        for name in {entry.document, entry.file, *folders}:
            by_name.setdefault(name, []).append(entry.document)
    for glob in globs:
        matched = by_name.get(glob.rstrip("/")) or [
            entry.document for entry in entries if fnmatchcase(entry.document, glob) or fnmatchcase(entry.file, glob)
        ]
        if not matched:
            raise UsageError(f"No document matches {glob!r}. To list the documents, type: pincite show")
        found.update(dict.fromkeys(matched))
    return list(found)
