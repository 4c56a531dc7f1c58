"""Putting candidate chunks in order by reading them closely. One row a re-ranker, chosen by one string."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rag.documents.passages import embedded_text, heading_line, sentence_texts
from rag.errors import SettingsError
from rag.index.rows import content_in
from rag.installing import here
from rag.models.minilm import MiniLM, Vectors
from rag.models.reader import Pair, Reader
from rag.models.token_vectors import Codes, Packed, TokenVectors, similarities, turn
from rag.settings import Settings
from rag.types import Chunk

# So many of the best by MaxSim are read, and how much what the reader says counts beside it.
READ, READER_WEIGHT = 8, 0.15


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chunks by id, best first so far; `chunks` waits for those that still exist, for whoever looks at them."""

    ids: tuple[str, ...]
    chunks: Callable[[], Mapping[str, Chunk]]


class Reranker(Protocol):
    """Scores candidates for a question; higher is better, comparable within one question only."""

    def __call__(self, question: str, candidates: Candidates) -> dict[str, float]:
        """Score by id; an id that is left out no longer exists."""
        ...


class MaxSim:
    """Late interaction, twice: over the whole passage and over its best two neighbouring sentences.

    Each is the mean over the question's tokens of the best match among the tokens (Khattab and Zaharia, "ColBERT",
    2020), here the token vectors of the bundled sentence encoder. The sentences are read with their heading.
    """

    def __init__(self, model: MiniLM, token_vectors: TokenVectors) -> None:
        self._model, self._token_vectors = model, token_vectors

    def __call__(self, question: str, candidates: Candidates) -> dict[str, float]:
        """Scores between -1 and 1."""
        tokens = turn(self._model.question(question).tokens)
        keys = {key: content_in(key) for key in candidates.ids}
        packed = self._token_vectors.known(list(set(keys.values())))
        if len(packed) < len(set(keys.values())):
            texts = {keys[key]: embedded_text(chunk) for key, chunk in candidates.chunks().items()}
            missing = [content for content in texts if content not in packed]
            packed |= dict(zip(missing, self._token_vectors.packed([texts[c] for c in missing]), strict=True))
        ids = [key for key in candidates.ids if keys[key] in packed]
        if not len(tokens):
            return dict.fromkeys(ids, 0.0)
        return dict(zip(ids, close_reading(tokens, [packed[keys[key]] for key in ids]), strict=True))


def maxsim(question_tokens: Vectors, codes: Codes) -> float:
    """Mean best match of turned question tokens (n, 384) among packed passage tokens (m, 96)."""
    if not len(codes):
        return 0.0
    return float(similarities(question_tokens, codes).max(axis=1).mean())


def close_reading(question_tokens: Vectors, passages: Sequence[Packed]) -> list[float]:
    """For each passage the mean of its MaxSim and that of its best two neighbouring lines with the first line.

    A passage without tokens scores 0.
    """
    scores = np.zeros(len(passages), np.float32)
    filled = [number for number, passage in enumerate(passages) if len(passage.codes)]
    if not filled:
        return scores.tolist()
    starts, lines = [], []  # where each line with tokens begins, and how many of them each passage has
    left = 0
    for number in filled:
        bounds = [0, *passages[number].line_ends.tolist()]
        inside = [left + one for one, following in itertools.pairwise(bounds) if one < following]
        starts += inside
        lines.append(len(inside))
        left += len(passages[number].codes)
    similarity = similarities(question_tokens, np.concatenate([passages[number].codes for number in filled]))
    best = np.maximum.reduceat(similarity, starts, axis=1)  # (question tokens, lines)
    firsts = np.cumsum([0, *lines[:-1]])
    whole = np.maximum.reduceat(best, firsts, axis=1).mean(axis=0)
    scores[filled] = (whole + _best_pairs(best, firsts, np.array(lines))) / 2
    return scores.tolist()


def _best_pairs(best: Vectors, firsts: npt.NDArray[np.int64], lines: npt.NDArray[np.int64]) -> Vectors:
    """For each passage, of two neighbouring lines together with its first line, the best mean over the question."""
    owner = np.repeat(np.arange(len(lines)), lines)
    following = np.minimum(np.arange(len(owner)) + 1, (firsts + lines - 1)[owner])  # the last line stands alone
    pairs = np.maximum(np.maximum(best, best[:, following]), best[:, firsts[owner]]).mean(axis=0)
    pairs[firsts[lines > 2]] = -1  # the heading and the first line are no pair of sentences
    matches: Vectors = np.maximum.reduceat(pairs, firsts)
    return matches


class ReaderReranker:
    """MaxSim, then the reader: what it makes of the best few is mixed into their scores."""

    def __init__(self, maxsim: MaxSim, reader: Reader) -> None:
        self._maxsim, self._reader = maxsim, reader

    def __call__(self, question: str, candidates: Candidates) -> dict[str, float]:
        """MaxSim and, for the READ best, READER_WEIGHT times the probability that the passage answers."""
        scores = self._maxsim(question, candidates)
        chunks = candidates.chunks()
        best = [key for key in sorted(scores, key=lambda key: (-scores[key], key))[:READ] if key in chunks]
        pairs = [Pair(question, tuple(sentence_texts(chunks[k])), heading_line(chunks[k])) for k in best]
        read = dict(zip(best, self._reader.answers(pairs), strict=True))
        return {
            key: score + (READER_WEIGHT * read[key].probability if key in read else 0.0)
            for key, score in scores.items()
        }


class CrossEncoder:
    """A model that reads question and passage together. Slow and good; fetched when it is first used."""

    def __init__(self, model: str) -> None:
        self._name = model
        self._opened: Any = None

    def __call__(self, question: str, candidates: Candidates) -> dict[str, float]:
        """The model's own scores."""
        if self._opened is None:
            try:
                from sentence_transformers import CrossEncoder as Model
            except ImportError as error:
                install = here("pip install 'pincite[huggingface]'")
                raise SettingsError(
                    f"The re-ranker cross-encoder needs the package {error.name or self._name}. Type: {install}"
                ) from None
            self._opened = Model(self._name)
        chunks = candidates.chunks()
        pairs = [(question, embedded_text(chunk)) for chunk in chunks.values()]
        return dict(zip(chunks, map(float, self._opened.predict(pairs)), strict=True))


Opener = Callable[[str, MaxSim, Reader], Reranker | None]

RERANKERS: dict[str, Opener] = {
    "reader": lambda wanted, maxsim, reader: ReaderReranker(maxsim, reader),
    "maxsim": lambda wanted, maxsim, reader: maxsim,
    "none": lambda wanted, maxsim, reader: None,
    "cross-encoder": lambda wanted, maxsim, reader: CrossEncoder(wanted or "cross-encoder/ms-marco-MiniLM-L6-v2"),
}


def open_reranker(settings: Settings, model: MiniLM, token_vectors: TokenVectors, reader: Reader) -> Reranker | None:
    """The re-ranker that the settings name, or SettingsError; None leaves passages as they were found."""
    name, _, wanted = settings.reranker.partition(":")
    if name not in RERANKERS:
        raise SettingsError(f"PINCITE_RERANKER names no re-ranker. Write one of: {', '.join(RERANKERS)}.")
    return RERANKERS[name](wanted, MaxSim(model, token_vectors), reader)
