"""How fast ingest and search are beside the least that could be done, on made-up documents of any size."""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from eval.bench.synthetic import fill, sentences, write_documents
from rag.documents.passages import embedded_text
from rag.index.ingest import ingest
from rag.index.store import Store
from rag.models.embeddings import open_embedder
from rag.models.minilm import Encoding, MiniLM
from rag.models.token_vectors import TokenVectors
from rag.search.hybrid import CANDIDATES, RERANK_TOP_K, Retrieval
from rag.search.rerank import Candidates, MaxSim
from rag.settings import Settings, load_settings

QUESTIONS = 60
COUNT = 8

Result = dict[str, dict[str, float]]


def measure_ingest(chunks: int) -> Result:
    """Ingest made-up text files twice: from nothing, and unchanged.

    `ingest_throughput` is the share of the first ingest's time that the bare model takes for the same texts, by a
    clock inside that ingest, so that whatever else the machine does slows both.
    """
    with tempfile.TemporaryDirectory(prefix="pincite-bench-") as folder:
        settings = _settings(Path(folder))
        documents = write_documents(settings.documents, chunks)
        model = _TimedModel(settings.threads)
        token_vectors = TokenVectors(model, settings.data / "token_vectors.sqlite")
        embedder = open_embedder(settings, model, token_vectors)
        store = Store(settings.data, embedder.fingerprint)
        first = _seconds(lambda: ingest(settings, store, embedder))
        bare = model.seconds
        again = _seconds(lambda: ingest(settings, store, embedder))
        texts = [embedded_text(chunk) for chunk in store.every_chunk()]
        tokens = sum(len(model.words(text)) for text in texts)
        token_vectors.close()
        store.close()
        size = _bytes_in(settings.data)
    return {
        "ratio": {"ingest_throughput": bare / first, "reingest_unchanged": again / first},
        "raw": {
            "documents": documents,
            "chunks": len(texts),
            "time_to_ingest_s": first,
            "time_to_embed_bare_s": bare,
            "time_to_reingest_unchanged_s": again,
            "chunks_per_second": len(texts) / first,
            "tokens_per_chunk": tokens / len(texts),
            "bytes_per_chunk": size["all"] / len(texts),
            "token_vector_bytes_per_chunk": size["token_vectors.sqlite"] / len(texts),
            "peak_memory_mb": _peak_memory_mb(),
        },
    }


def measure_search(chunks: int) -> Result:
    """Search made-up chunks with made-up vectors; the real model reads the questions. Medians over questions."""
    with tempfile.TemporaryDirectory(prefix="pincite-bench-") as folder:
        settings = _settings(Path(folder))
        model = MiniLM(settings.threads)
        token_vectors = TokenVectors(model, settings.data / "token_vectors.sqlite")
        embedder = open_embedder(settings, model, token_vectors)
        store = Store(settings.data, embedder.fingerprint)
        fill(store, token_vectors, chunks)
        retrieval = Retrieval(store, embedder, MaxSim(model, token_vectors))
        retrieval.lexical.update()
        stages = _stages(retrieval, model)
        token_vectors.close()
        store.close()
        size = _bytes_in(settings.data)["all"]
    bare = stages["embed"] + stages["bare_chroma"]
    raw = {f"latency_{name}_ms": value for name, value in stages.items()}
    raw |= {"chunks": float(chunks), "bytes_per_chunk": size / chunks, "peak_memory_mb": _peak_memory_mb()}
    return {"ratio": {"search_over_bare": stages["search"] / bare}, "raw": raw}


def table(title: str, result: dict[str, Any]) -> Table:
    """The figures of a measurement, ratios first."""
    shown = Table("figure", "value", title=title)
    for group in ("ratio", "raw"):
        for name, value in result[group].items():
            shown.add_row(name, "-" if value is None else f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}")
    return shown


class _TimedModel(MiniLM):
    """The bundled model with a clock around it."""

    seconds = 0.0

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> list[Encoding]:
        began = time.perf_counter()
        encodings = super().encode(texts, progress)
        self.seconds += time.perf_counter() - began
        return encodings


def _bytes_in(folder: Path) -> dict[str, int]:
    """Size of each file right in a folder by name, and of everything below it as `all`."""
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return {"all": sum(sizes.values())} | {path.name: size for path, size in sizes.items() if path.parent == folder}


def _stages(retrieval: Retrieval, model: MiniLM) -> dict[str, float]:
    """Median milliseconds of a search and of its stages, each question new to the model."""
    times: dict[str, list[float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        times.setdefault(name, []).append((time.perf_counter() - began) * 1000)

    store, reranker = retrieval.store, retrieval.reranker
    assert reranker is not None
    texts = list(sentences(3 * QUESTIONS + 3, words=10, seed=1))
    for round_number, question in enumerate(texts):
        kind = round_number % 3
        if kind == 0:
            with timed("embed"):
                vector = np.asarray(retrieval.embedder.embed_query(question), np.float32)
            with store.reading() as (connection, _), timed("bare_chroma"):
                connection.chunks.query(query_embeddings=vector[None, :], n_results=COUNT)
        elif kind == 1:
            with timed("search"):
                retrieval.search(question, COUNT)
        else:
            vector = np.asarray(retrieval.embedder.embed_query(question), np.float32)
            with timed("nearest"):
                nearest = store.view(lambda view, v=vector: view.nearest(v, CANDIDATES))  # type: ignore[misc]
            with timed("lexical"):
                retrieval.lexical.search(question, CANDIDATES)
            ids = [key for key, _ in nearest]
            with timed("rerank"):
                reranker(question, Candidates(tuple(ids[:RERANK_TOP_K]), dict))
            with timed("read_passages"):
                store.view(lambda view, ids=ids: view.chunks(ids[:COUNT]))  # type: ignore[misc]
    return {name: float(np.median(values[1:])) for name, values in times.items()}


def _settings(folder: Path) -> Settings:
    return load_settings({"documents": folder / "documents", "data": folder / "data"})


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
