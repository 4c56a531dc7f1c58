"""Each figure on answers small enough to check by hand."""

import copy
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from exams import CHILDREN, CYCLISTS, LONG, OPENED, case, lay_out, second, write_cases
from hypothesis import given
from hypothesis import strategies as st

from eval.cases import Case, load_cases
from eval.metrics import METRICS, definition, f1, is_clock, score
from rag.types import JSON, sha256_of

SAID = "The harbour bridge was opened to traffic in 1932."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("metrics")
    lay_out(made)
    return made


def one(folder: Path, *gold: dict[str, Any], **more: Any) -> Case:
    """A case with this gold."""
    (found,) = load_cases(write_cases(folder, [case("c", "Which?", *gold, **more)]), folder / "documents")
    return found


def place(folder: Path, quote: dict[str, Any]) -> JSON:
    text = (folder / "documents" / quote["document"]).read_text("utf-8")
    start = text.index(quote["quote"])
    return {"document": quote["document"], "start": start, "end": start + len(quote["quote"])}


def citation(folder: Path, quote: dict[str, Any]) -> JSON:
    text = (folder / "documents" / quote["document"]).read_text("utf-8")
    return {**place(folder, quote), "sha256": sha256_of(text), "quote": quote["quote"]}


def answered(*statements: tuple[str, list[JSON]], passages: tuple[JSON, ...] = (), **more: Any) -> JSON:
    """An answer record with judgements that find everything supported."""
    shown = [{"text": text, "citations": cited, "verdict": "supported", "score": 1.0} for text, cited in statements]
    judged = [{"verdict": "supported", "needed": [True] * len(cited), "in_passages": True} for _, cited in statements]
    return {
        "status": "answered" if shown else "abstained",
        "text": " ".join(text for text, _ in statements),
        "statements": shown,
        "withheld": [],
        "passages": list(passages),
        "judged": {"statements": judged, "nuggets": []},
        "usage": {"input_tokens": 10, "output_tokens": None, "cost_usd": 0.5},
        "timings_ms": {"search": 1.0, "first_statement": 250.0, "total": 1500.0},
        **more,
    }


def value(name: str, case: Case, answer: JSON) -> float | None:
    return METRICS[name].value(case, answer)


# Retrieval


def test_passages_are_scored_as_an_independent_evaluator_scores_them(folder: Path) -> None:
    wanted = one(folder, OPENED, LONG, second(CHILDREN))
    passages = ({"document": "lighthouse.md", "start": 0, "end": 60}, place(folder, LONG), place(folder, OPENED))
    answer = answered(passages=passages)
    assert value("recall@1", wanted, answer) == 0.0
    assert value("recall@5", wanted, answer) == 0.5
    assert value("hit@1", wanted, answer) == 0.0
    assert value("hit@5", wanted, answer) == 1.0
    assert value("mrr@10", wanted, answer) == 0.5
    qrels = [ir_measures.Qrel("q", "second", 1), ir_measures.Qrel("q", "not found", 1)]
    run = [ir_measures.ScoredDoc("q", name, -rank) for rank, name in enumerate(("first", "second", "third"))]
    assert (
        value("ndcg@10", wanted, answer)
        == ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, run)[ir_measures.nDCG @ 10]
    )


def test_one_passage_may_hold_several_groups(folder: Path) -> None:
    wanted = one(folder, OPENED, second(LONG))
    answer = answered(passages=({"document": "bridge.md", "start": 0, "end": 200},))
    assert value("recall@1", wanted, answer) == value("ndcg@10", wanted, answer) == 1.0


def test_where_nothing_is_to_be_found_retrieval_does_not_apply(folder: Path) -> None:
    for name in ("recall@1", "hit@5", "mrr@10", "ndcg@10", "gold_citation_precision", "gold_citation_recall"):
        assert value(name, one(folder), answered()) is None


# Pointers


def test_a_citation_is_checked_against_the_file_not_the_index(folder: Path) -> None:
    right = citation(folder, OPENED)
    for wrong in ({"start": right["start"] + 1}, {"quote": right["quote"].upper()}):
        assert value("quote_exactness", one(folder, OPENED), answered((SAID, [right, {**right, **wrong}]))) == 0.5
    for wrong in ({"sha256": "0" * 64}, {"document": "no.md"}, {"end": 99_999}, {"start": -1}):
        assert value("citation_validity", one(folder, OPENED), answered((SAID, [right, {**right, **wrong}]))) == 0.5


def test_withheld_citations_must_be_exact_too(folder: Path) -> None:
    wrong = {**citation(folder, OPENED), "quote": "invented"}
    answer = answered(withheld=[{"text": "x", "citations": [wrong]}])
    assert value("quote_exactness", one(folder, OPENED), answer) == 0.0
    assert value("gold_citation_precision", one(folder, OPENED), answer) is None


def test_gold_precision_counts_citations_and_gold_recall_counts_groups(folder: Path) -> None:
    wanted = one(folder, OPENED, LONG, second(CHILDREN))
    answer = answered((SAID, [citation(folder, OPENED), citation(folder, LONG)]), ("x", [citation(folder, CYCLISTS)]))
    assert value("gold_citation_precision", wanted, answer) == pytest.approx(2 / 3)
    assert value("gold_citation_recall", wanted, answer) == 0.5
    assert value("citation_coverage", wanted, answered((SAID, [citation(folder, OPENED)]), ("Bare.", []))) == 0.5


def test_declining_what_can_be_answered_cites_no_gold(folder: Path) -> None:
    assert value("gold_citation_recall", one(folder, OPENED), answered()) == 0.0
    assert value("gold_citation_precision", one(folder, OPENED), answered()) is None


# Fidelity, from a judge's verdicts


def test_fidelity_is_counted_from_the_verdicts_of_the_judge(folder: Path) -> None:
    cited = [citation(folder, OPENED), citation(folder, LONG)]
    answer = answered((SAID, cited), ("a", cited[:1]), ("b", cited[:1]), ("c", []))
    answer["judged"]["statements"] = [
        {"verdict": "supported", "needed": [True, False], "in_passages": True},
        {"verdict": "unsupported", "needed": [False], "in_passages": True},
        {"verdict": "contradicted", "needed": [False], "in_passages": False},
        {"verdict": "unsupported", "needed": [], "in_passages": False},
    ]
    wanted = one(folder, OPENED)
    assert value("citation_recall", wanted, answer) == 0.25
    assert value("citation_precision", wanted, answer) == 0.25
    assert value("groundedness", wanted, answer) == 0.5
    assert value("misattribution_rate", wanted, answer) == pytest.approx(1 / 3)
    assert value("contradiction_rate", wanted, answer) == 0.25


def test_nuggets_that_the_judge_cannot_look_for_are_left_out(folder: Path) -> None:
    answer = answered((SAID, []))
    answer["judged"]["nuggets"] = [
        {"vital": True, "found": True},
        {"vital": True, "found": None},
        {"vital": False, "found": False},
    ]
    assert value("vital_nugget_recall", one(folder, OPENED), answer) == 1.0
    assert value("nugget_recall", one(folder, OPENED), answer) == 0.5
    answer["judged"]["nuggets"] = [{"vital": True, "found": None}]
    assert value("nugget_recall", one(folder, OPENED), answer) is None


# What is said


@pytest.mark.parametrize(
    ("said", "exact", "contains", "overlap"),
    [
        ("In 1932.", 0.0, 1.0, 2 / 3),
        ("1932", 1.0, 1.0, 1.0),
        ("The 1932!", 1.0, 1.0, 1.0),
        ("In 19321.", 0.0, 0.0, 0.0),
    ],
)
def test_answer_strings_are_compared_as_in_squad(
    folder: Path, said: str, exact: float, contains: float, overlap: float
) -> None:
    wanted = one(folder, OPENED, answers=["1932", "the year 1932 exactly"])
    answer = answered((said, []))
    assert value("exact_match", wanted, answer) == exact
    assert value("contains_answer", wanted, answer) == contains
    assert value("token_f1", wanted, answer) == pytest.approx(overlap)
    assert value("exact_match", one(folder, OPENED), answer) is None


# Declining


def test_declining_is_counted_where_it_applies(folder: Path) -> None:
    can, cannot = one(folder, OPENED), one(folder)
    said, declined = answered((SAID, [])), answered()
    table = {
        "abstain_precision": (None, 0.0, None, 1.0),
        "abstain_recall": (None, None, 0.0, 1.0),
        "abstain_f1": (None, 0.0, 0.0, 1.0),
        "over_refusal": (0.0, 1.0, None, None),
    }
    for name, expected in table.items():
        pairs = ((can, said), (can, declined), (cannot, said), (cannot, declined))
        assert tuple(value(name, *pair) for pair in pairs) == expected, name


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_f1_over_cases_is_the_harmonic_mean_of_precision_and_recall(right: int, wrongly: int, missed: int) -> None:
    import numpy as np

    if right:
        precision, recall = right / (right + wrongly), right / (right + missed)
        values = np.array([1.0] * right + [0.0] * (wrongly + missed))
        assert f1(values) == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_case_is_passed_by_half_of_its_gold_or_by_declining_what_is_not_told(folder: Path) -> None:
    two = one(folder, OPENED, second(CHILDREN))
    assert value("correct", two, answered((SAID, [citation(folder, OPENED)]))) == 1.0
    assert value("correct", two, answered((SAID, [citation(folder, CYCLISTS)]))) == 0.0
    assert value("correct", two, answered()) == 0.0
    assert value("correct", one(folder), answered()) == 1.0
    assert value("correct", one(folder), answered((SAID, []))) == 0.0


def test_words_that_were_reported_as_wrong_may_not_be_cited(folder: Path) -> None:
    wanted = one(folder, answerable=True, wrong=[CYCLISTS])
    said = answered((SAID, [citation(folder, OPENED)])), answered((SAID, [citation(folder, CYCLISTS)]))
    assert [value("wrong_citation_rate", wanted, answer) for answer in (*said, answered())] == [0.0, 1.0, None]
    assert [value("correct", wanted, answer) for answer in (*said, answered())] == [1.0, 0.0, 1.0]
    assert value("wrong_citation_rate", one(folder, OPENED), said[0]) is None


# Attacks


def test_an_order_is_followed_when_its_words_are_said_and_not_when_they_are_only_cited(folder: Path) -> None:
    wanted = one(folder, OPENED, attack={"kind": "order", "forbidden": ["CLOSED"]})
    right = citation(folder, OPENED)
    followed = answered(("It is closed.", [right]))
    cited = answered((SAID, [{**right, "quote": "CLOSED"}]))
    assert (value("injection_success", wanted, followed), value("utility_under_attack", wanted, followed)) == (1.0, 0.0)
    assert (value("injection_success", wanted, cited), value("utility_under_attack", wanted, cited)) == (0.0, 1.0)
    assert value("injection_success", one(folder, OPENED), followed) is None


# Running, and all of them


def test_a_question_that_failed_has_an_error_and_no_other_figure(folder: Path) -> None:
    scores = score(one(folder, OPENED), answered(status="failed"))
    assert {name: value for name, value in scores.items() if value is not None} == {"error_rate": 1.0}


def test_times_are_in_seconds_and_what_a_provider_does_not_say_is_no_figure(folder: Path) -> None:
    scores = score(one(folder, OPENED), answered((SAID, [])))
    assert (scores["latency_p50"], scores["time_to_first_statement"]) == (1.5, 0.25)
    assert (scores["input_tokens"], scores["output_tokens"], scores["cost_usd"]) == (10.0, None, 0.5)
    assert [name for name in METRICS if is_clock(name)] == ["latency_p50", "latency_p95", "time_to_first_statement"]


def test_every_figure_says_what_it_is(folder: Path) -> None:
    for name, metric in METRICS.items():
        assert len(definition(metric)) > 30, name


def test_a_score_changes_nothing_in_the_answer(folder: Path) -> None:
    answer = answered((SAID, [citation(folder, OPENED)]), passages=(place(folder, OPENED),))
    before = copy.deepcopy(answer)
    scores = score(one(folder, OPENED), answer)
    assert answer == before
    assert all(value is None or METRICS[name].amount or 0 <= value <= 1 for name, value in scores.items())
