"""A text as checking sees it: its words with stem, class and rarity, and what the model makes of each in context."""

import functools
import importlib.resources
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.models.minilm import Encoding, MiniLM, Vectors
from rag.verify.words import STOP, stem

WORD = re.compile(r"[$€£]?\d[\d,]*(?:\.\d+)?(?:%|[A-Za-z]{1,2}\b)?|%|(?:[A-Z]\.){2,}|\w+(?:['’]\w+)*")
# The model's vocabulary lists its words from the commonest to the rarest, after this many special pieces.
SPECIAL_PIECES, PIECES = 995, 30522
# What a function word counts, against a content word of equal rarity.
STOP_WEIGHT = 0.15

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The n words of a text, without the model. `spans` are their places; `stop` flags function words, (n,)."""

    text: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    stop: Flags

    def __len__(self) -> int:
        return len(self.words)

    @property
    def content(self) -> Flags:
        """The words with content of their own; all of them when none has, (n,)."""
        return ~self.stop if (~self.stop).any() else np.ones(len(self), bool)


@dataclass(frozen=True, slots=True, eq=False)
class Wording(Outline):
    """An outline and what the model makes of it. `rarity`: from 0 to about 1, (n,). `number`, `name`: flags, (n,).

    `vectors`: (n, 384), one a word in context, of length 1; `vector`: (384,), the whole text.
    """

    rarity: Floats
    number: Flags
    name: Flags
    vectors: Vectors
    vector: Vectors

    @property
    def weight(self) -> Floats:
        """How much each word counts, (n,)."""
        return np.where(self.stop, STOP_WEIGHT, 1.0).astype(np.float32) * self.rarity


class Reader:
    """Turns texts into Wordings with the bundled model, and remembers the last ones. Safe between threads."""

    def __init__(self, model: MiniLM, remembered: int = 512) -> None:
        self._model = model
        self._remembered = remembered
        self._known: dict[str, Wording] = {}

    def read(self, texts: Iterable[str]) -> list[Wording]:
        """One Wording a text, in order."""
        wanted = list(texts)
        before = self._known
        found = {text: before[text] for text in wanted if text in before}
        missing = list(dict.fromkeys(text for text in wanted if text not in found))
        for text, encoding in zip(missing, self._model.encode(missing), strict=True):
            found[text] = _wording(text, encoding, self._model.words(text))
        # Replaced whole, never changed, so that another thread may read it meanwhile.
        older = [(text, wording) for text, wording in before.items() if text not in found]
        self._known = dict([*older, *found.items()][-self._remembered :])
        return [found[text] for text in wanted]


@functools.lru_cache(maxsize=4096)
def outline(text: str) -> Outline:
    """The words of a text."""
    spans = tuple(match.span() for match in WORD.finditer(text))
    words = tuple(text[start:end] for start, end in spans)
    stop = np.array([word.lower() in STOP for word in words], bool)
    return Outline(text, words, tuple(stem(word) for word in words), spans, stop)


def _wording(text: str, encoding: Encoding, pieces: list[str]) -> Wording:
    plain = outline(text)
    vectors = np.zeros((len(plain), encoding.tokens.shape[1]), np.float32)
    rarity = np.zeros(len(plain), np.float32)
    starts, ends = encoding.offsets[:, 0], encoding.offsets[:, 1]
    ranks = np.array([_rank(piece) for piece in pieces], np.float32)
    for i, (start, end) in enumerate(plain.spans):
        inside = np.flatnonzero((starts < end) & (ends > start))
        if len(inside):
            total = encoding.tokens[inside].sum(axis=0)
            vectors[i] = total / max(float(np.linalg.norm(total)), 1e-9)
            # A word of several pieces is rarer than any of them.
            rarity[i] = ranks[inside].max() * (1.0 if len(inside) == 1 else 1.1)
    words = plain.words
    number = np.array([any(c.isdigit() for c in word) or word == "%" for word in words], bool)
    capital = np.array([word[0].isupper() for word in words], bool)
    first = np.array([_opens(text, start) for start, _ in plain.spans], bool)
    inner_capital = np.array([any(c.isupper() for c in word[1:]) for word in words], bool)
    name = (capital & (~first | (rarity > 0.9)) | inner_capital) & ~plain.stop
    return Wording(
        text, words, plain.stems, plain.spans, plain.stop, rarity, number, name, vectors, encoding.vector
    )  # fmt: skip


def _opens(text: str, start: int) -> bool:
    """Whether the word at `start` opens a sentence or a list item, so that its capital says nothing."""
    before = text[:start].rstrip(" \"'“”‘’(*-•")
    return not before or before[-1] in ".!?:\n"


@functools.cache
def _ranks() -> dict[str, int]:
    data = (importlib.resources.files("rag") / "data" / "minilm_tokenizer.json").read_text("utf-8")
    vocabulary: dict[str, int] = json.loads(data)["model"]["vocab"]
    return vocabulary


def _rank(piece: str) -> float:
    """A word piece's rarity: 0 for the commonest, 1 for the last of the vocabulary, by logarithm."""
    place = _ranks().get(piece, PIECES) - SPECIAL_PIECES
    return math.log(max(place, 2)) / math.log(PIECES - SPECIAL_PIECES)
