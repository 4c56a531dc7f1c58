"""The benchmark command on small data: what it prints, what its measures mean, what it says about wrong data."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eval.bench.command import bench
from eval.bench.data import Query, Span, load_corpus
from eval.bench.retrieval import measure
from rag.types import Turn

ROOT = Path(__file__).parent.parent
CORPUS = [
    {"id": "tea/1", "title": "Tea", "text": "Tea is brewed from the leaves of an evergreen shrub. It is drunk hot."},
    {
        "id": "coal/1",
        "title": "Coal",
        "text": "Coal was dug from deep mines in the valley. The last mine closed in 1986.",
    },
    {
        "id": "lamp/1",
        "title": "Lamps",
        "text": "A lighthouse keeper lit the lamps at dusk and wrote their colours down.",
    },
]
QUESTIONS = [
    {"question": "What plant is tea made from?", "gold_ids": ["tea/1"]},
    {"question": "When did the mining of coal end?", "gold_ids": ["coal/1"]},
    {"rewrite": "Who wrote down the colours of the lamps?", "gold_ids": ["lamp/1"]},
    {"question": "Who was the first king?", "gold_ids": []},
]


def written(folder: Path, corpus: list[dict[str, Any]], questions: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in (("corpus.jsonl", corpus), ("questions.jsonl", questions)):
        Path(folder, name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def run(*arguments: str) -> dict[str, Any]:
    """The one object that the command prints."""
    done = CliRunner().invoke(bench, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_retrieval_prints_one_object_with_four_systems(tmp_path: Path) -> None:
    folder = written(tmp_path / "three", CORPUS, QUESTIONS)
    command = [sys.executable, "-m", "eval.bench.command", "retrieval", str(folder), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    result = json.loads(done.stdout)
    assert (result["dataset"], result["n"]) == ("three", 3)
    assert set(result["systems"]) == {"pincite", "bm25", "dense", "langchain"}
    for figures in result["systems"].values():
        assert set(figures) == {"r@1", "r@5", "r@10", "mrr", "ndcg@10"}
        assert all(0 <= value <= 1 for value in figures.values())
    assert result["systems"]["pincite"] == dict.fromkeys(("r@1", "r@5", "r@10", "mrr", "ndcg@10"), 1.0)


def test_with_history_the_last_turn_is_searched_with_what_it_points_at(tmp_path: Path) -> None:
    filler = [
        {"id": f"x{n}", "title": "It", "text": f"It was closed in {1900 + n}. It had closed before."} for n in range(9)
    ]
    questions = [
        {
            "last_turn": "And when were they closed?",
            "user_turns": ["Were there deep coal mines in the valley?", "And when were they closed?"],
            "gold_ids": ["coal/1"],
        }
    ]
    result = run("retrieval", str(written(tmp_path / "turns", CORPUS + filler, questions)), "--history")
    systems = result["systems"]
    assert systems["pincite"]["mrr"] >= systems["pincite, last turn only"]["mrr"]
    assert result["later_turns"]["n"] == 1


def test_cases_that_name_a_paragraph_are_scored_by_overlap(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    Path(documents, "all.md").write_text(
        "\n\n".join(f"# {c['title']}\n\n{c['text']}" for c in CORPUS), encoding="utf-8"
    )
    case = {"question": "When did mining end?", "paragraph": {"document": "all.md", "quote": "Coal was dug"}}
    Path(tmp_path, "cases.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")
    result = run("retrieval", str(tmp_path / "cases.jsonl"), "--documents", str(documents))
    assert result["systems"]["pincite"]["r@1"] == 1.0


def test_measures_are_what_they_are_called() -> None:
    def name(span: Span) -> str:
        return span.document

    queries = [
        Query("one", frozenset({"a"}), name),
        Query("two", frozenset({"b", "c"}), name),
        Query("none found", frozenset({"d"}), name),
    ]
    answers = {
        "one": ["a", "a", "b"],
        "two": ["x", "x", "b", "y", "z", "w", "v", "c"],  # x twice counts once: b second, c seventh
        "none found": [],
    }
    values = measure(queries, lambda query: [Span(document, 0, 1) for document in answers[query.question]])
    assert values["r@1"].tolist() == [1, 0, 0]
    assert values["r@5"].tolist() == [1, 0.5, 0]
    assert values["r@10"].tolist() == [1, 1, 0]
    assert values["mrr"].tolist() == [1, 0.5, 0]
    gain = (1 / math.log2(3) + 1 / math.log2(8)) / (1 + 1 / math.log2(3))
    assert values["ndcg@10"].tolist() == pytest.approx([1, gain, 0])


def test_a_conversation_is_read_from_either_field(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "a?"},
        {"role": "assistant", "content": "b."},
        {"role": "user", "content": "c?"},
    ]
    rows = [
        {"last_turn": "c?", "full_history": turns, "user_turns": ["a?", "c?"], "gold_ids": ["tea/1"]},
        {"last_turn": "c?", "full_history": None, "user_turns": ["a?", "c?"], "gold_ids": ["tea/1"]},
    ]
    full, users = load_corpus(written(tmp_path, CORPUS, rows), with_history=True).queries
    assert full.history == (Turn("user", "a?"), Turn("assistant", "b."))
    assert users.history == (Turn("user", "a?"),)


def test_wrong_data_is_named_in_one_line(tmp_path: Path) -> None:
    for folder, words in [
        (tmp_path, "holds no corpus.jsonl"),
        (written(tmp_path / "a", CORPUS, [{"gold_ids": ["tea/1"]}]), "Line 1 of"),
        (written(tmp_path / "b", CORPUS, [{"question": "?", "gold_ids": []}]), "holds no question"),
    ]:
        result = CliRunner().invoke(bench, ["retrieval", str(folder)])
        assert words in str(result.exception)


def test_abstaining_prints_the_curve_and_the_default_point(tmp_path: Path) -> None:
    questions = [dict(row, answerable=bool(row["gold_ids"])) for row in (*QUESTIONS[:2], QUESTIONS[-1])]
    result = run("abstaining", str(written(tmp_path / "three", CORPUS, questions)))
    assert (result["dataset"], result["n"], result["auc"]) == ("three", 3, 1.0)
    assert (result["over_refusal"], result["abstain_recall"]) == (0.0, 1.0)
    risks = [point["risk"] for point in result["curve"]]
    assert risks[0] == 1 / 3 and risks == sorted(risks, reverse=True) and risks[-1] == 0.0


def test_ingest_and_search_print_ratios_and_raw_figures() -> None:
    for command in (("ingest", "--chunks", "40"), ("search", "--chunks", "300")):
        result = run(*command)
        assert set(result) == {"ratio", "raw"}
        values = [value for group in result.values() for value in group.values()]
        assert values
        assert all(isinstance(value, int | float) and math.isfinite(value) for value in values)
