"""Embedding models that the package `fastembed` runs, behind LangChain's interface."""

from collections.abc import Sequence

from fastembed import TextEmbedding
from langchain_core.embeddings import Embeddings


class FastEmbedEmbeddings(Embeddings):
    """One of fastembed's models, which it fetches when it is first used."""

    def __init__(self, model: str, threads: int = 0) -> None:
        self._model = TextEmbedding(model, threads=threads or None)

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text, as the model reads documents."""
        return [vector.tolist() for vector in self._model.passage_embed(list(texts))]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, as the model reads questions."""
        vector: list[float] = next(iter(self._model.query_embed([text]))).tolist()
        return vector
