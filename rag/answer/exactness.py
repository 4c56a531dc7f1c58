"""The first promise, checked once more before an answer leaves: every quote stands where its citation says."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from rag.errors import StoreError
from rag.index.store import Store
from rag.types import Citation, sha256_of

TEXTS_KEPT = 64


class Exactness:
    """Compares citations with the documents in the index. Keeps the texts it compared with last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()

    def confirm(self, citations: Sequence[Citation]) -> None:
        """Raises StoreError unless `text[start:end] == quote` in a document with that sha256, for each citation."""
        for citation in citations:
            if self._text(citation)[citation.start : citation.end] != citation.quote:
                raise StoreError(
                    f"The index of {citation.document} is damaged. Delete the data folder and type: pincite ingest"
                )

    def _text(self, citation: Citation) -> str:
        key = (citation.document, citation.sha256)
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
                return self._texts[key]
        text = self._store.text_of(citation.document)
        if text is None or sha256_of(text) != citation.sha256:
            raise StoreError(f"{citation.document} changed while it was being cited. Ask again.")
        with self._lock:
            self._texts[key] = text
            if len(self._texts) > TEXTS_KEPT:
                self._texts.popitem(last=False)
        return text
