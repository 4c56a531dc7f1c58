"""The text of documents as the evaluation knows it: read from the files, never from the index that is examined."""

import threading
from collections.abc import Mapping
from pathlib import Path

from rag.documents import read_documents
from rag.types import Document, sha256_of


class Texts:
    """Canonical texts by document id. `more` adds files by id that do not lie in the folder. Threads may share it."""

    def __init__(self, folder: Path, more: Mapping[str, Path] | None = None) -> None:
        self._folder, self._more = folder, dict(more or {})
        self._files: dict[str, dict[str, str]] = {}
        self._hashes: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, document: str) -> str | None:
        """The canonical text, or None when there is no such document."""
        with self._lock:
            file = self._file_of(document)
            if file not in self._files:
                self._files[file] = self._read(file)
            return self._files[file].get(document)

    def sha256(self, document: str) -> str | None:
        """Digest of the canonical text, or None when there is no such document."""
        text = self.of(document)
        if text is None:
            return None
        if document not in self._hashes:
            self._hashes[document] = sha256_of(text)
        return self._hashes[document]

    def _file_of(self, document: str) -> str:
        """A row of a corpus is `FILE#ID`; a file may have a # in its name too."""
        whole = document in self._more or (self._folder / document).is_file()
        return document if whole else document.partition("#")[0]

    def _read(self, file: str) -> dict[str, str]:
        path = self._more.get(file, self._folder / file)
        if not path.is_file():
            return {}
        found = read_documents(path.read_bytes(), file)
        return {one.id: one.text for one in found if isinstance(one, Document)}
