"""Verifiers other than the offline one: a language model as judge, and a cross-encoder from a folder."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from servers.backends import STANDS
from servers.scripted import Reply, ScriptedServer, serving
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from rag.errors import BackendUnavailable, SettingsError
from rag.llms.table import open_model
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.settings import load_settings
from rag.verify import Verifier, open_verifier

SOURCE, STATEMENT = "The bridge was opened in 1932.", "The bridge opened in 1931."


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(STANDS["openai"].wire) as running:
        yield running


@pytest.fixture
def judge(server: ScriptedServer, model: MiniLM) -> Verifier:
    settings = STANDS["openai"].settings(server.url, retries=0)
    return open_verifier(
        "judge:openai:some-model", model, open_reader("bundled"), lambda spec: open_model(spec, settings)
    )


def opened_nli(folder: Path, model: MiniLM) -> Verifier:
    return open_verifier(
        f"nli:{folder}", model, open_reader("bundled"), lambda spec: open_model(spec, load_settings({}, environ={}))
    )


@pytest.mark.parametrize(
    ("reply", "verdict", "score", "reason"),
    [
        ("contradicted\n3\nthe source says 1932", "contradicted", 0.03, "the source says 1932"),
        ("Supported.\n97%\nall of it is", "supported", 0.97, None),
        ("**Partial**\n\nCertainty: 40\nthe year", "partial", 0.4, "the year"),
        ("not supported\nthe year is missing", "unsupported", 0.1, "the year is missing"),
        ("I would rather talk about bridges.", "unsupported", 0.0, "the judge gave no verdict"),
    ],
)
def test_a_language_model_judges_in_three_lines(
    judge: Verifier, server: ScriptedServer, reply: str, verdict: str, score: float, reason: str | None
) -> None:
    server.rehearse(Reply(pieces=(reply,)))
    check = judge.check(STATEMENT, [SOURCE, "It is long."])
    assert (check.verdict, check.score, check.reason) == (verdict, pytest.approx(score), reason)
    asked = json.dumps(server.seen[0].body)
    assert SOURCE in asked
    assert "It is long." in asked
    assert STATEMENT in asked


def test_a_judge_is_not_asked_about_a_statement_without_citation(judge: Verifier, server: ScriptedServer) -> None:
    assert judge.check(STATEMENT, []).reason == "no citation"
    assert server.seen == []


def test_a_judge_that_does_not_answer_is_an_error_in_the_providers_words(
    judge: Verifier, server: ScriptedServer
) -> None:
    server.rehearse(Reply(status=400, message="no such judge"))
    with pytest.raises(BackendUnavailable, match="no such judge"):
        judge.check(STATEMENT, [SOURCE])


def test_a_judge_says_that_it_was_not_measured(judge: Verifier) -> None:
    assert judge.name == "judge:openai:some-model"
    assert "pincite eval calibrate --judge judge:openai:some-model" in judge.quality


def test_a_cross_encoder_folder_that_is_not_one_is_refused_with_what_it_lacks(tmp_path: Path, model: MiniLM) -> None:
    with pytest.raises(SettingsError, match=r"has no model\.onnx, tokenizer\.json, config\.json"):
        opened_nli(tmp_path, model)
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).touch()
    (tmp_path / "config.json").write_text('{"id2label": {"0": "positive"}}', "utf-8")
    with pytest.raises(SettingsError, match="names no class entailment"):
        opened_nli(tmp_path, model)


@pytest.fixture
def cross_encoder(tmp_path: Path) -> Path:
    """A real ONNX classifier: its logits are the sums of what each word is worth for each class."""
    words = ["[PAD]", "[UNK]", "true", "false", "unclear"]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    worth = np.zeros((len(words), 3), np.float32)
    worth[2, 0], worth[3, 2], worth[4, 1] = 4, 4, 4
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["worth", "input_ids"], ["each"]),
            helper.make_node("ReduceSum", ["each", "axis"], ["logits"], keepdims=0),
        ],
        "sums",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, None])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(worth, "worth"), numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    opset = [helper.make_opsetid("", 17)]
    (tmp_path / "model.onnx").write_bytes(
        helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    )
    labels = {"0": "ENTAILMENT", "1": "NEUTRAL", "2": "CONTRADICTION"}
    (tmp_path / "config.json").write_text(json.dumps({"id2label": labels}), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "verdict"),
    [("true", "supported"), ("false", "contradicted"), ("unclear", "unsupported"), ("?", "partial")],
)
def test_a_cross_encoder_judges_by_its_classes(cross_encoder: Path, model: MiniLM, word: str, verdict: str) -> None:
    verifier = opened_nli(cross_encoder, model)
    check = verifier.check("It is so.", [f"This is {word}", "and that is all"])
    assert check.verdict == verdict
    assert (check.score > 0.5) == (word == "true")
    assert verifier.check("It is so.", []).reason == "no citation"
