"""Training the reader: what an edit claims of a sentence, what stays out of the data, and a few steps of it all."""

import hashlib
import json
import random
import subprocess

import numpy as np
import pytest

from eval.training import edits, frames, rows
from eval.training.build import Excluded, build
from eval.training.command import SHARES, TOKENIZER
from eval.training.rows import CONTRADICTED, NOT_SUPPORTED, SUPPORTED, Row
from eval.training.sources import SOURCES, Folder
from rag.models.minilm import bundled_tokenizer
from rag.models.reader import OnnxReader, Pair

PARAGRAPH = (
    "The abbey acquired the mill in 1612. Pilgrims must leave the chapel before 9 pm because of the bell. "
    "The cellar holds at least 40 barrels and the barn holds 90 sacks. Its well was unsafe for many years."
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A clone of one public repository, as small as can be."""
    root = tmp_path_factory.mktemp("repositories")
    work = root / "chrischute+squad" / "repo"
    (work / "data").mkdir(parents=True)
    question = {"question": "Who owned the mill?", "answers": [{"text": "The abbey", "answer_start": 0}]}
    unknown = {"question": "Who built the barn?", "answers": [], "is_impossible": True}
    article = {"title": "Abbey_Mill", "paragraphs": [{"context": PARAGRAPH, "qas": [question, unknown]}]}
    (work / "data" / "dev-v2.0.json").write_text(json.dumps({"data": [article]}))
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "data"],
    ):
        subprocess.run(["git", "-C", str(work), *command], check=True)
    return Folder(root)


@pytest.mark.parametrize("seed", range(30))
def test_a_reversal_marks_exactly_the_words_that_it_changed(seed):
    rng = random.Random(seed)
    text = rng.choice(PARAGRAPH.split(". ")) + "."
    edit = edits.reverse(text, rng, ["Rome"], ("safe", "unsafe"))
    if edit is None:
        return
    assert edit.text != text
    assert edit.label in (CONTRADICTED, NOT_SUPPORTED)
    untouched = "".join(c for at, c in enumerate(edit.text) if not any(a <= at < b for a, b in edit.spans))
    remaining = iter(text.lower())
    assert all(character in remaining for character in untouched.lower())


def test_a_phrase_of_the_same_side_rewords_and_of_another_side_reverses():
    rewordings = {edits.reword_phrase("Rinse it before lunch.", random.Random(seed)) for seed in range(8)}
    assert rewordings == {"Rinse it prior to lunch."}
    reversals = {edits.reverse_phrase("Rinse it before lunch.", random.Random(seed)).text for seed in range(20)}
    assert reversals == {"Rinse it after lunch.", "Rinse it following lunch."}


def test_two_ways_of_saying_a_frame_are_supported_and_another_value_is_not():
    for seed in range(50):
        first, *others = frames.examples(random.Random(seed))
        assert first.label == SUPPORTED and not first.spans
        for other in others:
            assert other.label in (CONTRADICTED, NOT_SUPPORTED) and other.spans


def test_the_data_of_a_source_becomes_questions_edits_and_frames(folder):
    built = build(folder, edited=4, framed=3, sources=SOURCES[:1])
    made = [*built.train, *built.held]
    answered = next(row for row in made if row.task == "answers" and row.label == 1)
    assert answered.sentences[answered.answering.index(1)].startswith("The abbey acquired")
    assert {row.source.split()[0] for row in made} == {"squad2", "edits", "frames"}
    assert build(folder, edited=4, framed=3, sources=SOURCES[:1]) == built


def test_what_outside_checks_use_is_not_trained_on(tmp_path):
    digest = hashlib.sha256(b"the cellar holds at least 40 barrels and").digest()[:8]
    held = {name: np.array([], np.uint64) for name in ("titles", "questions", "claims", "groups")}
    np.savez(tmp_path / "exclude.npz", text=np.array([int.from_bytes(digest, "little")], np.uint64), **held)
    excluded = Excluded(tmp_path / "exclude.npz")
    row = Row("supports", "The cellar is large.", (PARAGRAPH,), SUPPORTED, "a", "a/1")
    assert excluded.row(row)
    assert not excluded.row(Row("supports", "The cellar is large.", ("It is large.",), SUPPORTED, "a", "a/1"))


def test_rows_come_back_from_their_file_as_they_were(folder, tmp_path):
    built = build(folder, edited=4, framed=3, sources=SOURCES[:1])
    rows.write(built.train, tmp_path / "rows.json.gz")
    assert rows.read(tmp_path / "rows.json.gz") == built.train


# torch warns that its older exporter, which writes what the quantiser knows, will go.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_few_steps_give_a_model_that_the_reader_opens(folder, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[training]'")
    pytest.importorskip("onnx", reason="onnx is not installed: pip install -e '.[training]'")
    from eval.training import model, trainer
    from eval.training.export import export

    train = build(folder, edited=4, framed=3, sources=SOURCES[:1]).train
    pairs = trainer.Pairs(train, trainer.tokenizer_of(TOKENIZER))
    network = model.Network(model.Config(hidden=32, layers=1, heads=2, inner=64, vocabulary=30522, positions=512))
    plan = trainer.Plan(seconds=60, rate=1e-4, tokens=512, hard=0.5, max_steps=2)
    trainer.train(network, pairs, trainer.mixed(train, SHARES, 8), plan, teacher=trainer.frozen(network))
    export(network, tmp_path / "reader.onnx")
    reader = OnnxReader("small", str(tmp_path / "reader.onnx"), bundled_tokenizer())
    (support,) = reader.supports([Pair("The abbey owned a mill.", (PARAGRAPH,))])
    assert support.supported + support.contradicted + support.not_stated == pytest.approx(1, abs=1e-5)
    assert len(support.words) == 6
