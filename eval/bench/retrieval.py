"""Pincite's search beside BM25 alone, dense vectors alone and LangChain's stock recipe, on the same questions."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bm25s
import ir_measures
import numpy as np
import snowballstemmer
from ir_measures import RR, R, nDCG
from langchain_core.embeddings import Embeddings
from rich.table import Table

from eval.bench.data import BenchData, Query, Span
from rag.answer.followup import FollowUps
from rag.documents import find_files, read_documents
from rag.documents.chunks import chunk_document
from rag.index.ingest import ingest
from rag.index.store import Store
from rag.models.embeddings import open_embedder
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.models.token_vectors import TokenVectors
from rag.search.hybrid import Retrieval
from rag.search.rerank import open_reranker
from rag.settings import Settings, load_settings
from rag.types import Chunk, Document

MEASURES = {"r@1": R @ 1, "r@5": R @ 5, "r@10": R @ 10, "mrr": RR, "ndcg@10": nDCG @ 10}
# A system hands over this many chunks at most; they collapse to fewer documents.
DEPTH = 100
RESAMPLES = 2_000

System = Callable[[Query], list[Span]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Per system and measure, the value of every question, in the order of the questions."""

    dataset: str
    later: tuple[bool, ...]  # which questions stand after the first turn of a conversation
    values: dict[str, dict[str, np.ndarray]]

    def record(self) -> dict[str, Any]:
        """The means as the benchmark's JSON object."""
        every, later = np.ones(len(self.later), bool), np.array(self.later)
        result: dict[str, Any] = {"dataset": self.dataset, "n": len(self.later), "systems": self._means(every)}
        if later.any():
            result["later_turns"] = {"n": int(later.sum()), "systems": self._means(later)}
        return result

    def _means(self, chosen: np.ndarray) -> dict[str, dict[str, float]]:
        return {
            system: {name: float(each[chosen].mean()) for name, each in measures.items()}
            for system, measures in self.values.items()
        }


def compare(data: BenchData) -> Measured:
    """Index the documents with Pincite's own ingest in a temporary folder and ask every system every question."""
    with tempfile.TemporaryDirectory(prefix="pincite-bench-") as folder:
        data.copy_to(Path(folder, "documents"))
        settings = load_settings({"documents": Path(folder, "documents"), "data": Path(folder, "data")})
        model = MiniLM(settings.threads)
        token_vectors = TokenVectors(model, settings.data / "token_vectors.sqlite")
        embedder = open_embedder(settings, model, token_vectors)
        store = Store(settings.data, embedder.fingerprint, settings.chroma_url)
        ingest(settings, store, embedder)
        reader = open_reader(settings.reader, settings.threads)
        retrieval = Retrieval(store, embedder, open_reranker(settings, model, token_vectors, reader))
        systems = {
            "pincite": _pincite(retrieval, FollowUps(model, reader)),
            "bm25": _bm25(settings, whole_documents=_rows_are_units(data)),
            "dense": _dense(store, embedder),
            "langchain": _langchain(settings, embedder),
        }
        if data.with_history:
            systems["pincite, last turn only"] = _worded(retrieval, lambda query: query.question)
            systems["pincite, all turns joined"] = _worded(retrieval, _joined)
        values = {name: measure(data.queries, system) for name, system in systems.items()}
        token_vectors.close()
    later = tuple(any(turn.role == "user" for turn in query.history) for query in data.queries)
    return Measured(data.name, later, values)


def measure(queries: Sequence[Query], system: System) -> dict[str, np.ndarray]:
    """Each measure's value for each question. Places collapse to what they count as, best first."""
    qrels, run = [], []
    for number, query in enumerate(queries):
        qrels += [ir_measures.Qrel(str(number), gold, 1) for gold in query.gold]
        names = dict.fromkeys(query.found(span) for span in system(query))
        run += [ir_measures.ScoredDoc(str(number), name, -float(rank)) for rank, name in enumerate(names)]
    values = {name: np.zeros(len(queries)) for name in MEASURES}
    names_of = {measure: name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run):
        values[names_of[metric.measure]][int(metric.query_id)] = metric.value
    return values


def table(measured: Measured) -> Table:
    """Means with 95 % intervals from a bootstrap over questions."""
    shown = Table(
        title=f"{measured.dataset}: {len(measured.later)} questions", caption="95 % bootstrap intervals over questions"
    )
    shown.add_column("system")
    for name in MEASURES:
        shown.add_column(name.upper(), justify="right")
    groups = [("", np.ones(len(measured.later), bool))]
    if any(measured.later):
        groups.append((" (later turns)", np.array(measured.later)))
    for label, chosen in groups:
        for system, values in measured.values.items():
            shown.add_row(system + label, *(_interval(each[chosen]) for each in values.values()))
    return shown


def _interval(values: np.ndarray) -> str:
    draws = np.random.Generator(np.random.PCG64(0)).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return f"{values.mean():.3f} [{low:.2f} {high:.2f}]"


def _pincite(retrieval: Retrieval, follow_ups: FollowUps) -> System:
    def search(query: Query) -> list[Span]:
        found = follow_ups.find(query.question, query.history, lambda words: retrieval.search(words, DEPTH))
        return [_span(passage.chunk) for passage in found.passages]

    return search


def _worded(retrieval: Retrieval, question: Callable[[Query], str]) -> System:
    def search(query: Query) -> list[Span]:
        return [_span(passage.chunk) for passage in retrieval.search(question(query), DEPTH)]

    return search


def _joined(query: Query) -> str:
    return " ".join([*(turn.content for turn in query.history if turn.role == "user"), query.question])


def _dense(store: Store, embeddings: Embeddings) -> System:
    def search(query: Query) -> list[Span]:
        vector = np.asarray(embeddings.embed_query(query.question), np.float32)
        return [_span(chunk) for chunk, _ in store.search(vector, DEPTH)]

    return search


def _bm25(settings: Settings, whole_documents: bool) -> System:
    """BM25 with Porter's stemmer by an independent library, over whole rows, or over Pincite's chunks of files."""
    places, texts = [], []
    for document in _documents(settings):
        if whole_documents:
            places.append(Span(document.id, 0, len(document.text)))
            texts.append(document.text)
            continue
        for chunk in chunk_document(document, settings.chunk_tokens):
            places.append(_span(chunk))
            texts.append(chunk.text)
    stemmer = snowballstemmer.stemmer("porter")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stemmer=stemmer, show_progress=False), show_progress=False)

    def search(query: Query) -> list[Span]:
        words = bm25s.tokenize([query.question], stemmer=stemmer, show_progress=False)
        found, scores = index.retrieve(words, k=min(DEPTH, len(places)), show_progress=False)
        return [places[i] for i, score in zip(found[0], scores[0], strict=True) if score > 0]

    return search


def _langchain(settings: Settings, embeddings: Embeddings) -> System:
    """LangChain's stock recipe: 1,000 characters with 200 overlapping, Chroma's similarity search."""
    from langchain_chroma import Chroma
    from langchain_core.documents import Document as Page
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    pages = [Page(document.text, metadata={"document": document.id}) for document in _documents(settings)]
    splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=200, add_start_index=True)
    pieces = splitter.split_documents(pages)
    store = Chroma("langchain-stock", embeddings)
    for left in range(0, len(pieces), 5_000):
        store.add_documents(pieces[left : left + 5_000])

    def search(query: Query) -> list[Span]:
        found = store.similarity_search(query.question, k=min(DEPTH, len(pieces)))
        starts = [(page, page.metadata["start_index"]) for page in found]
        return [Span(page.metadata["document"], start, start + len(page.page_content)) for page, start in starts]

    return search


def _documents(settings: Settings) -> list[Document]:
    read = [
        item
        for path in find_files(settings.documents)
        for item in read_documents(path.read_bytes(), path.relative_to(settings.documents).as_posix())
    ]
    return [item for item in read if isinstance(item, Document)]


def _rows_are_units(data: BenchData) -> bool:
    return data.source.is_file()


def _span(chunk: Chunk) -> Span:
    return Span(chunk.document, chunk.start, chunk.end)
