"""The reader: a cross-encoder that reads a question with a passage, or a statement with its evidence.

`Reader` is the protocol; READERS and the entry-point group `pincite.readers` name what can be used in its place. The
bundled one is all-MiniLM-L6-v2 fine-tuned on two tasks (docs/reader.md). Input: `[CLS] TASK first [SEP] (heading
[SEP]) sentences … [SEP]`, at most 384 tokens; longer evidence is read in windows of whole sentences.
"""

import functools
import importlib.resources
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from rag.errors import SettingsError
from rag.models.minilm import CLS, SEP, ModelError, bundled_tokenizer, checked_file, open_session, unbounded

READER_SHA256 = "ddc51b99316845bc96e171376ec3306e66988b2d3d41aabfa3631c2f98e3b449"
ENTRY_POINTS = "pincite.readers"
WINDOW_TOKENS, FIRST_TOKENS, HEADING_TOKENS = 384, 160, 24
# Pairs that are remembered: re-ranking, selection and checking ask for the same ones.
CACHED_PAIRS = 4096
ANSWERS, SUPPORTS = 1, 2  # the token ids that name the task

Floats = npt.NDArray[np.float32]


class Pair(NamedTuple):
    """What is read together: a question with a passage, or a statement (no heading) with its evidence."""

    first: str
    sentences: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Relevance:
    """Whether a passage answers a question: a probability, and one for each of its sentences (0 where unread)."""

    probability: float
    sentences: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Support:
    """What evidence says of a statement: three probabilities, and the words it does not support.

    `words`: `(start, end, probability)` of each token of the statement, as offsets into it.
    """

    supported: float
    contradicted: float
    not_stated: float
    words: tuple[tuple[int, int, float], ...] = ()


class Reader(Protocol):
    """Judges pairs of texts. Safe to share between threads; the same pair gives the same numbers."""

    name: str

    def answers(self, pairs: Sequence[Pair]) -> list[Relevance]:
        """Whether each passage answers its question."""
        ...

    def supports(self, pairs: Sequence[Pair]) -> list[Support]:
        """Whether each statement is supported by its evidence."""
        ...


class _Window(NamedTuple):
    """One input of the network. `sentence`: for each token the sentence it belongs to, -1 for none."""

    ids: list[int]
    first_tokens: int
    sentence: list[int]


class OnnxReader:
    """A reader with the bundled one's inputs and outputs. Raises ModelError when the model cannot be opened."""

    def __init__(self, name: str, model: bytes | str, tokenizer: Tokenizer, threads: int = 0) -> None:
        self.name = name
        try:
            self._session = open_session(model, threads)
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelError(f"The reader {name} cannot be opened: {str(error).splitlines()[0]}") from error
        outputs = {output.name for output in self._session.get_outputs()}
        if not {"cls", "tokens"} <= outputs:
            raise ModelError(
                f"The reader {name} has the outputs {', '.join(sorted(outputs))}; it needs cls and tokens."
            )
        self._tokenizer = tokenizer
        self._answers = functools.lru_cache(CACHED_PAIRS)(self._read_answers)
        self._supports = functools.lru_cache(CACHED_PAIRS)(self._read_supports)

    def answers(self, pairs: Sequence[Pair]) -> list[Relevance]:
        """The best window's probability, and each sentence's in its window."""
        return [self._answers(pair) for pair in pairs]

    def supports(self, pairs: Sequence[Pair]) -> list[Support]:
        """Of the window that says most about the statement."""
        return [self._supports(pair) for pair in pairs]

    def _read_answers(self, pair: Pair) -> Relevance:
        best, sentences = 0.0, [0.0] * len(pair.sentences)
        for window in self._windows(ANSWERS, pair):
            cls, tokens = self._run(window)
            best = max(best, float(_sigmoid(cls[0])))
            numbers = np.array(window.sentence)
            for number in set(window.sentence) - {-1}:
                sentences[number] = float(_sigmoid(tokens[numbers == number, 0].mean()))
        return Relevance(best, tuple(sentences))

    def _read_supports(self, pair: Pair) -> Support:
        offsets = self._tokenizer.encode(pair.first, add_special_tokens=False).offsets[:FIRST_TOKENS]
        found = []
        for window in self._windows(SUPPORTS, pair):
            cls, tokens = self._run(window)
            odds = np.exp(cls[1:] - cls[1:].max())
            supported, contradicted, not_stated = (float(p) for p in odds / odds.sum())
            words = _sigmoid(tokens[2 : window.first_tokens - 1, 1])
            spans = tuple((start, end, float(p)) for (start, end), p in zip(offsets, words, strict=True))
            found.append(Support(supported, contradicted, not_stated, spans))
        return max(found, key=lambda one: (one.supported, -one.not_stated))

    def _windows(self, task: int, pair: Pair) -> Iterator[_Window]:
        first, heading, *sentences = (
            encoded.ids
            for encoded in self._tokenizer.encode_batch(
                [pair.first, pair.heading, *pair.sentences], add_special_tokens=False
            )
        )
        start = [CLS, task, *first[:FIRST_TOKENS], SEP]
        ids = [*start, *heading[:HEADING_TOKENS], SEP] if heading else list(start)
        room = WINDOW_TOKENS - len(ids) - 1
        body, numbers = list[int](), list[int]()
        for number, sentence in enumerate(sentences):
            if body and len(body) + len(sentence) > room:
                yield _Window([*ids, *body, SEP], len(start), [-1] * len(ids) + numbers + [-1])
                body, numbers = [], []
            body += sentence[:room]
            numbers += [number] * len(sentence[:room])
        yield _Window([*ids, *body, SEP], len(start), [-1] * len(ids) + numbers + [-1])

    def _run(self, window: _Window) -> tuple[Floats, Floats]:
        """The two outputs: `cls` (4,) and `tokens` (length, 2).

        Each window by itself: the int8 model scales its activations over a batch, so that what is read beside a text
        would change its numbers, and a batch is no faster.
        """
        ids = np.array([window.ids], np.int64)
        segment = np.ones_like(ids)
        segment[0, : window.first_tokens] = 0
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": segment}
        cls, tokens = self._session.run(["cls", "tokens"], inputs)
        return cls[0], tokens[0]


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _bundled(rest: str, threads: int) -> Reader:
    if rest:
        raise SettingsError(f"PINCITE_READER: bundled takes nothing after its name, not {rest!r}.")
    model = (importlib.resources.files("rag") / "data" / "reader.onnx").read_bytes()
    model = checked_file(model, READER_SHA256, "pincite")
    return OnnxReader(f"reader-{READER_SHA256[:8]}", model, bundled_tokenizer(), threads)


def _onnx(rest: str, threads: int) -> Reader:
    folder = Path(rest).expanduser()
    model, tokenizer = folder / "model.onnx", folder / "tokenizer.json"
    for file in (model, tokenizer):
        if not rest or not file.is_file():
            raise SettingsError(f"PINCITE_READER: onnx:FOLDER needs model.onnx and tokenizer.json; {file} is missing.")
    return OnnxReader(f"onnx:{rest}", str(model), unbounded(Tokenizer.from_file(str(tokenizer))), threads)


READERS: dict[str, Callable[[str, int], Reader]] = {"bundled": _bundled, "onnx": _onnx}


@functools.cache
def open_reader(spec: str, threads: int = 0) -> Reader:
    """The reader that `spec` names: `bundled`, `onnx:FOLDER` or one of another package. Opened once a process."""
    name, _, rest = spec.partition(":")
    others = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in READERS and name not in others:
        raise SettingsError(f"PINCITE_READER: no reader called {name!r}. Use one of: {', '.join([*READERS, *others])}.")
    opener: Callable[[str, int], Reader] = READERS[name] if name in READERS else others[name].load()
    return opener(rest, threads)
