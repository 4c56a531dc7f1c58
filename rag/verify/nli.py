"""A cross-encoder for natural language inference as verifier: `nli:FOLDER`, an ONNX export with its tokenizer.

The folder holds `model.onnx`, `tokenizer.json` and `config.json` whose `id2label` names the classes, as exports of
sequence classifiers have them. Nothing is downloaded and no further package is needed.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from rag.errors import SettingsError
from rag.types import Verdict
from rag.verify.check import UNCITED, Check

FILES = ("model.onnx", "tokenizer.json", "config.json")
# The statement and the start of the source that fit; cross-encoders are trained on 512 positions.
MOST_TOKENS = 512
# Chosen before any data: the class that is more likely than all others, and one that is at all likely.
SUPPORTED, PARTIAL = 0.5, 0.2


class NliVerifier:
    """Reads source and statement together. `score` is the probability of entailment."""

    def __init__(self, folder: Path) -> None:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise SettingsError(
                f"The folder {str(folder)!r} has no {', '.join(missing)}. Name the folder of an ONNX export."
            )
        labels = json.loads((folder / "config.json").read_text("utf-8")).get("id2label", {})
        self._classes = {str(label).lower(): int(number) for number, label in labels.items()}
        if "entailment" not in self._classes:
            raise SettingsError(f"{str(folder / 'config.json')!r} names no class entailment under id2label.")
        self.name = f"nli:{folder.name}"
        self.quality = f"{folder.name}: not measured here; `pincite eval calibrate --judge nli:{folder}` measures it"
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS, strategy="only_first")
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        self._inputs = {one.name for one in self._session.get_inputs()}

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        """The verdict on `statement` given all cited words in a row."""
        if not any(quote.strip() for quote in quotes):
            return UNCITED
        encoded = self._tokenizer.encode(" ".join(quotes), statement)
        given = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
        inputs = {name: np.array([values], np.int64) for name, values in given.items() if name in self._inputs}
        logits = np.asarray(self._session.run(None, inputs)[0], np.float64)[0]
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        score = float(chances[self._classes["entailment"]])
        against = float(chances[self._classes["contradiction"]]) if "contradiction" in self._classes else 0.0
        verdict: Verdict = "supported" if score >= SUPPORTED else "partial" if score >= PARTIAL else "unsupported"
        if against > SUPPORTED:
            verdict = "contradicted"
        return Check(verdict, score, None if verdict == "supported" else f"{verdict} by {self.name}")
