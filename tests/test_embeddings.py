"""Other embedders: real local servers that speak OpenAI's and Ollama's protocol, and what is said when one is missing."""

import contextlib
import json
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rag.errors import BackendUnavailable, SettingsError
from rag.index.ingest import ingest
from rag.index.store import Store
from rag.models.embeddings import MiniLMEmbeddings, open_embedder
from rag.models.minilm import MiniLM
from rag.models.token_vectors import TokenVectors
from rag.search.hybrid import Retrieval
from rag.search.rerank import MaxSim
from rag.settings import Settings, load_settings

SECRET = "sk-very-secret-0123456789"
DIMENSIONS = 64


class EmbeddingServer:
    """Turns a text into counts of its words, in either protocol; `failure` is what it answers instead."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.failure: str | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = server.answer(self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.failure:
            return 401, {"error": {"message": self.failure}}
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        self.texts += texts
        vectors = [words_counted(text) for text in texts]
        if path.endswith("/api/embed"):
            return 200, {"model": body["model"], "embeddings": vectors}
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        return 200, {
            "object": "list",
            "model": body["model"],
            "data": data,
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }


def words_counted(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in text.lower().split():
        vector[zlib.crc32(word.strip(".?,").encode()) % DIMENSIONS] += 1
    return vector


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    running = EmbeddingServer()
    thread = threading.Thread(target=running.http.serve_forever, daemon=True)
    thread.start()
    yield running
    running.http.shutdown()
    running.http.server_close()
    thread.join()


def chosen(settings: Settings, embedder: str, **environ: str) -> Settings:
    return load_settings(
        {"documents": settings.documents, "data": settings.data, "embedder": embedder}, environ=environ
    )


@contextlib.contextmanager
def opened(settings: Settings, model: MiniLM) -> Iterator[Retrieval]:
    token_vectors = TokenVectors(model, settings.data / "token_vectors.sqlite")
    embedder = open_embedder(settings, model, token_vectors)
    store = Store(settings.data, embedder.fingerprint)
    ingest(settings, store, embedder)
    yield Retrieval(store, embedder, MaxSim(model, token_vectors))
    store.close()
    token_vectors.close()


@pytest.fixture
def documents(settings: Settings) -> Path:
    Path(settings.documents, "tea.md").write_text("# Tea\n\nTea is brewed from the leaves of an evergreen shrub.\n")
    Path(settings.documents, "coal.md").write_text("# Coal\n\nThe last coal mine in the valley closed in 1986.\n")
    return settings.documents


@pytest.mark.parametrize("spec", ["openai:counting-words", "ollama:counting-words"])
def test_an_embedder_behind_a_server_makes_a_collection_of_its_own(
    spec: str, settings: Settings, documents: Path, server: EmbeddingServer, model: MiniLM
) -> None:
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": f"{server.url}/v1", "OLLAMA_HOST": server.url}
    with opened(settings, model) as bundled:
        expected = bundled.search("When did the coal mine close?", 1)
    with opened(chosen(settings, spec, **environ), model) as other:
        assert other.search("When did the coal mine close?", 1)[0].chunk == expected[0].chunk
        assert any("evergreen shrub" in text for text in server.texts)
        assert other.store.fingerprint != MiniLM.fingerprint
    asked = len(server.texts)
    with opened(settings, model) as bundled, opened(chosen(settings, spec, **environ), model) as other:
        assert bundled.search("When did the coal mine close?", 1) == expected
        assert len(server.texts) == asked  # going back and forth embeds nothing again
        assert other.embedder.embed_query("coal") != bundled.embedder.embed_query("coal")


def test_the_servers_refusal_is_passed_on_without_the_key(
    settings: Settings, documents: Path, server: EmbeddingServer, model: MiniLM
) -> None:
    server.failure = f"Incorrect API key provided: {SECRET}"
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": f"{server.url}/v1"}
    embedder = open_embedder(chosen(settings, "openai:m", **environ), model, TokenVectors(model, None))
    with pytest.raises(BackendUnavailable, match="openai:m failed: Incorrect API key provided") as failure:
        embedder.embed_query("coal")
    assert SECRET not in str(failure.value)


def test_fingerprints_tell_models_and_servers_apart(settings: Settings, model: MiniLM) -> None:
    def fingerprint(spec: str, **environ: str) -> str:
        return open_embedder(chosen(settings, spec, **environ), model, TokenVectors(model, None)).fingerprint

    assert fingerprint("minilm") == MiniLM.fingerprint
    prints = {
        fingerprint("openai:a"),
        fingerprint("openai:b"),
        fingerprint("openai:a", OPENAI_BASE_URL="http://127.0.0.1:9/v1"),
        fingerprint("fastembed:BAAI/bge-small-en-v1.5"),
    }
    assert len(prints) == 4
    assert fingerprint("openai:a") == fingerprint("openai:a")


@pytest.mark.parametrize("spec", ["magic", "openai", "openai:", "minilm:large", "sk-oops-this-is-a-key"])
def test_an_unknown_embedder_is_refused_with_the_ones_there_are(spec: str, settings: Settings, model: MiniLM) -> None:
    with pytest.raises(SettingsError, match="minilm, openai:text-embedding-3-small, fastembed:") as refusal:
        open_embedder(chosen(settings, spec), model, TokenVectors(model, None))
    assert "oops" not in str(refusal.value)


@pytest.mark.parametrize(
    ("spec", "package"),
    [("fastembed:m", "fastembed"), ("huggingface:m", "langchain_huggingface"), ("ollama:m", "langchain_ollama")],
)
def test_a_missing_package_says_what_to_install(
    spec: str, package: str, settings: Settings, model: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "rag.models.fastembed", raising=False)
    embedder = open_embedder(chosen(settings, spec), model, TokenVectors(model, None))
    name = spec.partition(":")[0]
    with pytest.raises(SettingsError, match=rf"pip install 'pincite\[{name}\]'"):
        embedder.embed_query("coal")


def test_a_missing_key_is_named(settings: Settings, model: MiniLM) -> None:
    embedder = open_embedder(chosen(settings, "openai:m"), model, TokenVectors(model, None))
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        embedder.embed_query("coal")


def test_the_bundled_embedder_keeps_token_vectors_of_what_it_embeds(model: MiniLM) -> None:
    token_vectors = TokenVectors(model, None)
    MiniLMEmbeddings(model, token_vectors).embed_documents(["Tea is brewed from leaves."])
    assert token_vectors.forget_all_but(()) == 1
