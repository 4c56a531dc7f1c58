"""Finding the passages that answer a question: dense and lexical search, fused, then re-ranked."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.index.lexical import LexicalIndex
from rag.index.store import Store
from rag.index.view import View
from rag.models.minilm import Vectors
from rag.search.rerank import Candidates, MaxSim, Reranker, maxsim
from rag.types import Chunk, Passage

__all__ = ["MaxSim", "Retrieval", "maxsim"]

# How many chunks each search gives, and how many of them are re-ranked.
CANDIDATES, RERANK_TOP_K = 100, 16
# What counts in the fusion of the two searches, whose scores both lie between 0 and 1.
DENSE_WEIGHT, LEXICAL_WEIGHT = 0.7, 0.3
# How much shared words count beside the re-ranker's score.
LEXICAL_BESIDE_RERANKER = 0.2


class Retrieval:
    """Search over one index. Threads may share it."""

    def __init__(self, store: Store, embedder: Embeddings, reranker: Reranker | None) -> None:
        self.store, self.embedder, self.reranker = store, embedder, reranker
        self.lexical = LexicalIndex(store)
        self._beside = ThreadPoolExecutor(thread_name_prefix="beside a search")

    def search(self, question: str, count: int, documents: Sequence[str] | None = None) -> tuple[Passage, ...]:
        """The `count` passages that best answer a standalone question, best first, from `documents` alone if given."""
        vector = np.asarray(self.embedder.embed_query(question), np.float32)

        def found(view: View) -> tuple[Passage, ...]:
            scores, chunks = self._ranked(view, question, vector, max(CANDIDATES, 2 * count), documents)
            ids, wanted = list(scores), count
            while True:
                chunks = {**chunks, **view.chunks([key for key in ids[:wanted] if key not in chunks])}
                passages = [
                    Passage(chunks[key], scores[key]) for key in ids[:wanted] if key in chunks and chunks[key].sentences
                ]
                if wanted >= len(ids) or len(passages) >= count:
                    return tuple(passages[:count])
                wanted *= 2

        return self.store.view(found)

    def _ranked(
        self, view: View, question: str, vector: Vectors, found: int, documents: Sequence[str] | None
    ) -> tuple[dict[str, float], Mapping[str, Chunk]]:
        """Chunk ids with their scores, best first, and the chunks of those that were re-ranked, which come first."""
        lexical = self._beside.submit(self.lexical.search, question, found, documents, view.snapshot)
        nearest = dict(view.nearest(vector, found, documents))
        worded = dict(lexical.result())
        farthest = min(nearest.values(), default=0.0)
        fused = {
            key: DENSE_WEIGHT * nearest.get(key, farthest) + LEXICAL_WEIGHT * worded.get(key, 0.0)
            for key in nearest.keys() | worded.keys()
        }
        order = sorted(sorted(fused), key=fused.__getitem__, reverse=True)
        if self.reranker is None:
            return {key: fused[key] for key in order}, {}
        reading = self._beside.submit(view.chunks, order[:RERANK_TOP_K])
        try:
            reranked = self.reranker(question, Candidates(tuple(order[:RERANK_TOP_K]), reading.result))
        finally:
            wait([reading])  # the view ends with this question
        scores = {key: score + LEXICAL_BESIDE_RERANKER * worded.get(key, 0.0) for key, score in reranked.items()}
        best = sorted(scores, key=lambda key: (-scores[key], key))
        lowest = scores[best[-1]] if best else 0.0
        rest = {key: lowest - 1 + fused[key] - fused[order[0]] for key in order[RERANK_TOP_K:]}
        return {key: scores[key] for key in best} | rest, reading.result()
