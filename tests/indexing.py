"""A folder of documents with its index, for tests that go through `ingest` and `Store` with the real model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.index.ingest import Summary, ingest, stale_files
from rag.index.store import Store
from rag.models.embeddings import MiniLMEmbeddings
from rag.models.minilm import MiniLM
from rag.models.token_vectors import TokenVectors
from rag.settings import Settings
from rag.types import Chunk


class CountingEmbeddings(MiniLMEmbeddings):
    """The bundled embedder, which remembers every text that it was asked for."""

    def __init__(self, model: MiniLM, token_vectors: TokenVectors) -> None:
        super().__init__(model, token_vectors)
        self.asked: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return super().embed_documents(texts)


class Index:
    """Documents in `settings.documents`, indexed in `settings.data`."""

    def __init__(self, settings: Settings, model: MiniLM, fingerprint: str = MiniLM.fingerprint) -> None:
        self.settings, self.folder = settings, settings.documents
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(settings.data, fingerprint, settings.chroma_url)
        self.token_vectors = TokenVectors(model, settings.data / "token_vectors.sqlite")
        self.embedder = CountingEmbeddings(model, self.token_vectors)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
        return path

    def ingest(self, *paths: Path | str, **more: Any) -> Summary:
        return ingest(self.settings, self.store, self.embedder, [Path(path) for path in paths], **more)

    def stale(self) -> int:
        return stale_files(self.settings, self.store)

    def search(self, question: str, count: int = 5) -> list[Chunk]:
        vector = np.asarray(self.embedder.embed_query(question), np.float32)
        return [chunk for chunk, _ in self.store.search(vector, count)]

    def close(self) -> None:
        self.store.close()
        self.token_vectors.close()
