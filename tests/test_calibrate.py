"""Judges beside human labels: the figures, the files that are refused, and what the bundled verifier reaches."""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from eval.calibrate import as_json, as_table, calibrate, label, load_rows, run, word_overlap
from rag.errors import UsageError
from rag.llms import open_model
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.settings import load_settings
from rag.verify import Check, Verifier, open_verifier

PAIRS = Path(__file__).parent.parent / "eval" / "calibration" / "seeds.jsonl"
HUMAN = Path(__file__).parent.parent.parent / "shared" / "eval-data" / "claim_support_overlap_matched.jsonl"


class Scripted:
    """A judge whose scores are written down."""

    name, quality = "scripted", "scores from a list"

    def __init__(self, scores: Sequence[float]) -> None:
        self.scores = list(scores)

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        return Check("partial", self.scores[int(statement.split()[-1])])


def rows_of(labels: Sequence[int], **more: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"claim": f"Claim {i}", "passages": ["Some passage."], "supported": y, **{k: v[i] for k, v in more.items()}}
        for i, y in enumerate(labels)
    ]


def test_the_figures_are_those_of_scikit_learn() -> None:
    chance = random.Random(7)
    labels = [chance.randint(0, 1) for _ in range(60)]
    scores = [round(min(max(chance.gauss(0.4 + 0.2 * y, 0.25), 0), 1), 1) for y in labels]
    record = calibrate(rows_of(labels, source=["A" if i % 2 else "B" for i in range(60)]), Scripted(scores))
    said = [score >= 0.5 for score in scores]
    assert record["n"] == 60
    assert record["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)
    assert record["macro_f1"] == pytest.approx(f1_score(labels, said, average="macro"), abs=1e-4)
    assert record["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, said), abs=1e-4)
    assert record["by_source"]["A"] == pytest.approx(roc_auc_score(labels[1::2], scores[1::2]), abs=1e-4)
    low, high = record["intervals"]["auc"]
    assert low < record["auc"] < high


def test_a_pair_is_won_by_the_higher_score_and_a_tie_counts_half() -> None:
    rows = rows_of([1, 0, 1, 0, 1, 0, 1], pair_id=["a", "a", "b", "b", "c", "c", None])
    assert calibrate(rows, Scripted([0.9, 0.1, 0.2, 0.8, 0.5, 0.5, 0.0]))["pair_accuracy"] == 0.5


def test_what_the_rows_do_not_allow_is_null_not_a_number() -> None:
    record = json.loads(as_json(calibrate(rows_of([1, 1]), Scripted([0.2, 0.4]))))
    assert record["auc"] is record["macro_f1"] is record["balanced_accuracy"] is record["floor_auc"] is None
    assert record["pair_accuracy"] is record["better_than_floor"] is None
    assert record["by_source"] == {}


def test_a_judge_that_only_counts_words_is_labelled_as_no_better_than_that() -> None:
    rows = load_rows(PAIRS)[:120]

    class Overlap:
        name, quality = "overlap", "counts words"

        def check(self, statement: str, quotes: Sequence[str]) -> Check:
            return Check("partial", word_overlap(statement, quotes))

    record = calibrate(rows, Overlap())
    assert record["auc"] == record["floor_auc"]
    assert record["better_than_floor"] is False
    assert label(record).startswith("Not better than counting shared words")
    out = StringIO()
    Console(file=out, width=100).print(as_table(record, Overlap.quality))
    assert "Not better than counting shared words" in out.getvalue()
    assert "counts words" in out.getvalue()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no rows"),
        ("not json\n", "line 1 is not a JSON object"),
        ('{"claim": "a", "passages": ["b"], "supported": 1}\n{"claim": 3}\n', "line 2 has no text under claim"),
        ('{"claim": "a", "passages": "b", "supported": 1}', "no list of texts under passages"),
        ('{"claim": "a", "passages": ["b"], "supported": "yes"}', "needs 0 or 1 under supported"),
    ],
)
def test_a_file_that_is_no_list_of_claims_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=words) as refused:
        run(path, Scripted([]))
    assert "\n" not in str(refused.value)


def test_a_missing_or_binary_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_rows(tmp_path / "nothing.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_rows(tmp_path / "binary")


def reader_verifier(model: MiniLM) -> Verifier:
    settings = load_settings({}, environ={})
    return open_verifier("offline", model, open_reader("bundled"), lambda spec: open_model(spec, settings))


@pytest.fixture(scope="module")
def judged(model: MiniLM) -> list[tuple[dict[str, Any], Check]]:
    """The pairs of the two documents on which nothing was chosen, with what the bundled verifier says of each."""
    verifier = reader_verifier(model)
    rows = [row for row in load_rows(PAIRS) if row["split"] == "reporting"]
    return [(row, verifier.check(row["claim"], row["passages"])) for row in rows]


def test_planted_mistakes_on_unseen_documents_are_not_shown_as_supported(
    judged: list[tuple[dict[str, Any], Check]],
) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    for row, check in judged:
        shown = check.verdict == "supported"
        wording = "near-verbatim" if row["near_verbatim"] else "reworded"
        for name in ("true",) if row["supported"] else ("false", f"false, {wording}", row["kind"]):
            right[name].append(shown == bool(row["supported"]))
    share = {name: sum(each) / len(each) for name, each in right.items()}
    assert share["true"] >= 0.55
    assert share["false"] >= 0.65
    assert share["false, near-verbatim"] >= 0.87
    assert share["number_changed"] >= 0.9


def test_few_true_statements_are_withheld(judged: list[tuple[dict[str, Any], Check]]) -> None:
    true = [check for row, check in judged if row["supported"]]
    withheld = [check for check in true if check.verdict in ("unsupported", "contradicted")]
    # The threshold is for 5 in 100, over all labels it was chosen on; these are two documents it was not chosen on.
    assert len(withheld) <= 0.08 * len(true)


def test_equal_word_overlap_does_not_fool_the_verifier(model: MiniLM) -> None:
    if not HUMAN.exists():
        pytest.skip(f"{HUMAN.name} is not beside the repository; it is development data that is never committed")
    rows = [row for row in load_rows(HUMAN) if sum(map(len, row["passages"])) < 1_500]
    pairs = {row["pair_id"] for row in rows}
    some = [row for row in rows if row["pair_id"] in sorted(pairs)[:30]]
    verifier = reader_verifier(model)
    record = calibrate(some, verifier)
    assert record["pair_accuracy"] >= 0.55
    assert record["auc"] > record["floor_auc"]
