"""The catalogue as it was at one moment: which documents and files the index holds."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rag.index.rows import Entry, IndexedFile


@dataclass(frozen=True)
class Snapshot:
    """The catalogue as it was in one generation of the index."""

    generation: int
    entries: Mapping[str, Entry]
    files: Mapping[str, IndexedFile]

    @functools.cached_property
    def versions(self) -> frozenset[str]:
        """The live documents' versions."""
        return frozenset(entry.version for entry in self.entries.values())

    @staticmethod
    def of(generation: int, records: Iterable[Entry | IndexedFile]) -> "Snapshot":
        """The snapshot that holds these records."""
        entries, files = dict[str, Entry](), dict[str, IndexedFile]()
        for record in records:
            if isinstance(record, Entry):
                entries[record.document] = record
            else:
                files[record.name] = record
        return Snapshot(generation, MappingProxyType(entries), MappingProxyType(files))
