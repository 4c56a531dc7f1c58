"""Which documents a search may look into."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from rag.errors import UsageError
from rag.index.rows import Entry

# What is known about a document besides its text.
METADATA = ("title", "file", "ending")


@dataclass(frozen=True, slots=True)
class Filter:
    """Limits a search: to `documents` by id or file, to `folders`, to documents with all of `metadata`.

    A folder is a path below the documents folder, and includes what is below it. `metadata` knows the document's
    `title`, the `file` it came from and that file's `ending` (".pdf"), and compares them without regard to case.
    What is left empty limits nothing. Raises UsageError for metadata of another name.
    """

    documents: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.metadata:
            if name not in METADATA:
                raise UsageError(f"Documents have no {name!r}. Filter by one of: {', '.join(METADATA)}.")

    def admits(self, entry: Entry) -> bool:
        """Whether a search may look into this document."""
        if self.documents and not {entry.document, entry.file} & set(self.documents):
            return False
        if self.folders and not any(
            PurePosixPath(entry.file).is_relative_to(folder.strip("/")) for folder in self.folders
        ):
            return False
        known = {"title": entry.title, "file": entry.file, "ending": PurePosixPath(entry.file).suffix}
        return all(known[name].casefold() == value.casefold() for name, value in self.metadata.items())

    def ids(self, entries: Iterable[Entry]) -> list[str]:
        """The ids of the documents that a search may look into."""
        return [entry.document for entry in entries if self.admits(entry)]
