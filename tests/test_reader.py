"""The reader: the right file, the same numbers whatever is read beside a pair, windows for long evidence."""

import shutil
from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.models.minilm import ModelError
from rag.models.reader import Pair, open_reader

WEIGHTS = Path("rag/data/reader.onnx")
FILLER = tuple(f"Warehouse {number} was painted again in the spring of that year." for number in range(60))
FACT = "The pilot station of Grell answers on channel 12."


def test_a_passage_that_answers_scores_above_one_that_does_not_and_its_sentence_first() -> None:
    reader = open_reader("bundled")
    question = "On which channel does the pilot station answer?"
    right, wrong = reader.answers([Pair(question, (FILLER[0], FACT)), Pair(question, FILLER[:2])])
    assert right.probability > wrong.probability
    assert right.sentences[1] > right.sentences[0]


def test_what_long_evidence_says_at_its_end_is_read() -> None:
    reader = open_reader("bundled")
    (found,) = reader.supports([Pair("The pilot station of Grell answers on channel 12.", (*FILLER, FACT))])
    assert found.supported > 0.5
    (relevance,) = reader.answers([Pair("On which channel does the pilot station answer?", (*FILLER, FACT))])
    assert relevance.sentences.index(max(relevance.sentences)) == len(FILLER)


def test_the_words_that_are_not_supported_are_offsets_into_the_statement() -> None:
    statement = "The pilot station of Grell answers on channel 12."
    copied, invented = open_reader("bundled").supports([Pair(statement, (FACT,)), Pair(statement, FILLER[:1])])
    assert [statement[start:end] for start, end, _ in copied.words if end - start > 2][:3] == [
        "The",
        "pilot",
        "station",
    ]
    assert max(p for *_, p in copied.words) < 0.5 < max(p for *_, p in invented.words)


def test_a_pair_gives_the_same_numbers_alone_and_beside_others() -> None:
    pair = Pair("Who answers?", (FACT,))
    reader = open_reader("bundled")
    assert reader.answers([pair]) == reader.answers([Pair("Why?", FILLER), pair])[1:]


def test_a_folder_with_the_same_network_is_a_reader(tmp_path: Path) -> None:
    shutil.copy(WEIGHTS, tmp_path / "model.onnx")
    shutil.copy("rag/data/minilm_tokenizer.json", tmp_path / "tokenizer.json")
    pair = Pair("Who answers?", (FACT,))
    assert open_reader(f"onnx:{tmp_path}").answers([pair]) == open_reader("bundled").answers([pair])


@pytest.mark.parametrize("spec", ["onnx:", "onnx:nowhere", "bundled:x", "huge"])
def test_a_reader_that_cannot_be_opened_is_one_line_that_says_what_to_type(spec: str) -> None:
    with pytest.raises(SettingsError, match="PINCITE_READER"):
        open_reader(spec)


def test_a_damaged_model_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(WEIGHTS.read_bytes()[:1000])
    shutil.copy("rag/data/minilm_tokenizer.json", tmp_path / "tokenizer.json")
    with pytest.raises(ModelError, match="cannot be opened"):
        open_reader(f"onnx:{tmp_path}")
