"""Finding the passages that answer a question: by meaning and by words, fused, then read closely."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.answer.question_parts import parts_of
from rag.index.lexical import LexicalIndex
from rag.index.rows import chunk_of
from rag.index.store import Store
from rag.index.view import Row, View
from rag.models.minilm import Vectors
from rag.search.diversity import joined, spread
from rag.search.rerank import Candidates, MaxSim, Reranker, maxsim
from rag.types import Passage

__all__ = ["MaxSim", "Retrieval", "maxsim"]

# How many chunks each search gives, and how many of them are read closely.
FOUND = 100
READ = 16
# What counts in the fusion of the two searches, whose scores both lie between 0 and 1.
MEANING, WORDS = 0.7, 0.3
# How much shared words count beside the close reading.
WORDS_BESIDE_READING = 0.2


class Retrieval:
    """Search over one index. Threads may share it."""

    def __init__(self, store: Store, embedder: Embeddings, reranker: Reranker | None) -> None:
        self.store, self.embedder, self.reranker = store, embedder, reranker
        self.lexical = LexicalIndex(store)
        self._beside = ThreadPoolExecutor(thread_name_prefix="beside a search")

    def search(self, question: str, count: int, documents: Sequence[str] | None = None) -> tuple[Passage, ...]:
        """The `count` passages that best answer a standalone question, best first, from `documents` alone if given.

        A question with several parts is searched part by part, and each part's best passages come in turn.
        """
        embedded = functools.cache(lambda part: np.asarray(self.embedder.embed_query(part), np.float32))
        return self.store.view(lambda view: self._search(view, question, embedded, count, documents))

    def _search(
        self,
        view: View,
        question: str,
        embedded: Callable[[str], Vectors],
        count: int,
        documents: Sequence[str] | None,
    ) -> tuple[Passage, ...]:
        rankings: list[dict[str, float]] = []
        rows: dict[str, Row] = {}  # few of them are wanted as chunks
        for part in parts_of(question):
            ranking, read = self._ranked(view, part, embedded, max(FOUND, 2 * count), documents)
            rankings.append(ranking)
            rows |= read
        ids = _in_turn(rankings)
        wanted = count
        while True:
            rows |= view.rows([key for key in ids[:wanted] if key not in rows])
            chunks = {key: chunk_of(*rows[key]) for key in ids[:wanted] if key in rows}
            passages = [
                Passage(chunk, max(ranking.get(key, -1.0) for ranking in rankings))
                for key, chunk in chunks.items()
                if chunk.sentences
            ]
            ahead, behind = spread(passages)
            chosen = joined(ahead + behind, count)
            if wanted >= len(ids) or len(joined(ahead, count)) == count:
                break
            wanted *= 2
        falling = itertools.accumulate((passage.score for passage in chosen), min)
        return tuple(Passage(p.chunk, score) for p, score in zip(chosen, falling, strict=True))

    def _ranked(
        self,
        view: View,
        question: str,
        embedded: Callable[[str], Vectors],
        found: int,
        documents: Sequence[str] | None,
    ) -> tuple[dict[str, float], Mapping[str, Row]]:
        """Chunk ids with their scores, best first, and the rows of those read closely.

        Those read closely come first, then the rest as they were found.
        """
        by_words = self._beside.submit(self.lexical.search, question, found, documents, view.snapshot)
        nearest = dict(view.nearest(embedded(question), found, documents))
        worded = dict(by_words.result())
        farthest = min(nearest.values(), default=0.0)
        fused = {
            key: MEANING * nearest.get(key, farthest) + WORDS * worded.get(key, 0.0)
            for key in nearest.keys() | worded.keys()
        }
        order = sorted(sorted(fused), key=fused.__getitem__, reverse=True)
        if self.reranker is None:
            return {key: fused[key] for key in order}, {}
        reading = self._beside.submit(view.rows, order[:READ])
        candidates = Candidates(
            tuple(order[:READ]), lambda: {key: chunk_of(*row) for key, row in reading.result().items()}
        )
        try:
            read = self.reranker(question, candidates)
        finally:
            wait([reading])  # the view ends with this question
        scores = {key: score + WORDS_BESIDE_READING * worded.get(key, 0.0) for key, score in read.items()}
        best = sorted(scores, key=lambda key: (-scores[key], key))
        lowest = scores[best[-1]] if best else 0.0
        rest = {key: lowest - 1 + fused[key] - fused[order[0]] for key in order[READ:]}
        return {key: scores[key] for key in best} | rest, reading.result()


def _in_turn(rankings: Sequence[dict[str, float]]) -> list[str]:
    """The ids of several rankings, one from each in turn, none twice."""
    turns = itertools.zip_longest(*rankings)
    return list(dict.fromkeys(key for turn in turns for key in turn if key is not None))
