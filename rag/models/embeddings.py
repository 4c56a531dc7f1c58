"""What turns text into vectors, behind LangChain's Embeddings interface. One row an embedder, chosen by one string."""

import abc
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.errors import BackendUnavailable, SettingsError
from rag.installing import here
from rag.llms.failures import provider_words
from rag.llms.wire import MAX_REPLY_BYTES, hooks
from rag.models.minilm import MiniLM, Vectors
from rag.models.token_vectors import TokenVectors
from rag.settings import Settings


class Embedder(Embeddings, abc.ABC):
    """An embedder of this project: `fingerprint` names its vectors, which never meet another's.

    Whoever makes the vectors, the bundled model's token vectors of every indexed text are kept for re-ranking.
    """

    fingerprint: str
    token_vectors: TokenVectors


class MiniLMEmbeddings(Embedder):
    """The bundled model as an embedder. Keeps the token vectors of what it embeds, since they come for free."""

    fingerprint = MiniLM.fingerprint

    def __init__(self, model: MiniLM, token_vectors: TokenVectors) -> None:
        self.model = model
        self.token_vectors = token_vectors

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of 384 floats and length 1 a text."""
        encodings = self.model.encode(texts)
        self.token_vectors.keep(texts, encodings)
        return [encoding.vector.tolist() for encoding in encodings]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, 384 floats."""
        vector: list[float] = self.model.question(text).vector.tolist()
        return vector


class ProviderEmbeddings(Embedder):
    """An embedder that a package or a server provides. Opened when first used; its vectors are given length 1."""

    def __init__(
        self,
        spec: str,
        address: str,
        opening: Callable[[], Embeddings],
        *,
        secrets: Sequence[str],
        model: MiniLM,
        token_vectors: TokenVectors,
    ) -> None:
        slug = re.sub(r"[^a-z0-9]+", "-", spec.lower()).strip("-")[:60]
        self.fingerprint = f"{slug}-{hashlib.sha256(f'{spec} {address}'.encode()).hexdigest()[:8]}"
        self.token_vectors = token_vectors
        self._spec, self._opening, self._secrets, self._model = spec, opening, secrets, model
        self._opened: Embeddings | None = None

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 a text. Raises BackendUnavailable with the provider's own words."""
        vectors = self._asked(lambda embeddings: embeddings.embed_documents(list(texts)))
        self.token_vectors.keep(texts, self._model.encode(texts))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, of length 1. Raises BackendUnavailable with the provider's own words."""
        return self._asked(lambda embeddings: [embeddings.embed_query(text)])[0]

    def _asked(self, ask: Callable[[Embeddings], list[list[float]]]) -> list[list[float]]:
        if self._opened is None:
            self._opened = self._opening()
        try:
            vectors: Vectors = np.array(ask(self._opened), np.float32)
        except Exception as error:
            raise BackendUnavailable(
                f"The embedder {self._spec} failed: {provider_words(error, self._secrets)}."
            ) from error
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        scaled: list[list[float]] = (vectors / np.where(lengths == 0, 1, lengths)).tolist()
        return scaled


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of embedder: how it is opened for a model, and where; `extra` is what to install for it."""

    example: str
    extra: str
    open: Callable[[str, Settings], Embeddings]
    address: Callable[[Settings], str] = lambda settings: ""


def _openai_address(settings: Settings) -> str:
    return settings.provider("OPENAI_BASE_URL") or "https://api.openai.com/v1"


def _ollama_address(settings: Settings) -> str:
    host = (settings.provider("OLLAMA_HOST") or "127.0.0.1:11434").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    return host if "://" in host else f"http://{host}"


def _openai(model: str, settings: Settings) -> Embeddings:
    import openai
    from langchain_openai import OpenAIEmbeddings

    key = settings.providers.get("OPENAI_API_KEY")
    if key is None:
        raise SettingsError("The embedder openai needs a key. Set OPENAI_API_KEY in the environment or in .env.")
    # Compatible servers take words, not the token numbers that OpenAI's own package sends by default.
    return OpenAIEmbeddings(
        model=model,
        api_key=key,
        base_url=_openai_address(settings),
        timeout=settings.timeout_s,
        max_retries=settings.retries,
        check_embedding_ctx_length=False,
        chunk_size=128,
        http_client=openai.DefaultHttpxClient(event_hooks=hooks(settings, max_line_bytes=MAX_REPLY_BYTES)),
    )


def _ollama(model: str, settings: Settings) -> Embeddings:
    from langchain_ollama import OllamaEmbeddings

    return OllamaEmbeddings(
        model=model,
        base_url=_ollama_address(settings),
        client_kwargs={"timeout": settings.timeout_s},
        sync_client_kwargs={"event_hooks": hooks(settings, max_line_bytes=MAX_REPLY_BYTES)},
    )


def _huggingface(model: str, settings: Settings) -> Embeddings:
    from langchain_huggingface import HuggingFaceEmbeddings

    embeddings: Embeddings = HuggingFaceEmbeddings(model_name=model)
    return embeddings


def _fastembed(model: str, settings: Settings) -> Embeddings:
    from rag.models.fastembed import FastEmbedEmbeddings

    return FastEmbedEmbeddings(model, settings.threads)


PROVIDED: dict[str, Row] = {
    "openai": Row("text-embedding-3-small", "openai", _openai, _openai_address),
    "fastembed": Row("BAAI/bge-small-en-v1.5", "fastembed", _fastembed),
    "huggingface": Row("BAAI/bge-small-en-v1.5", "huggingface", _huggingface),
    "ollama": Row("nomic-embed-text", "ollama", _ollama, _ollama_address),
}
EMBEDDERS = ("minilm", *PROVIDED)


def open_embedder(settings: Settings, model: MiniLM, token_vectors: TokenVectors) -> Embedder:
    """The embedder that the settings name. Nothing is loaded or asked before it is used.

    Raises SettingsError when there is none of that name; using it raises SettingsError when a package or a key is
    missing, and BackendUnavailable when it fails.
    """
    name, _, wanted = settings.embedder.partition(":")
    if settings.embedder == "minilm":
        return MiniLMEmbeddings(model, token_vectors)
    row = PROVIDED.get(name)
    if row is None or not wanted:
        known = ", ".join(["minilm", *(f"{other}:{kind.example}" for other, kind in PROVIDED.items())])
        raise SettingsError(f"PINCITE_EMBEDDER names no embedder. Write one like these: {known}.")

    def opening() -> Embeddings:
        try:
            return row.open(wanted, settings)
        except ImportError as error:
            install = here(f"pip install 'pincite[{row.extra}]'")
            raise SettingsError(
                f"The embedder {name} needs the package {error.name or row.extra}. Type: {install}"
            ) from None

    secrets = [secret.get_secret_value() for secret in settings.providers.values()]
    return ProviderEmbeddings(
        settings.embedder, row.address(settings), opening, secrets=secrets, model=model, token_vectors=token_vectors
    )
