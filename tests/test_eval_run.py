"""A run of the exam: every case a row, the known effects of the controls, nothing asked twice after a kill."""

import copy
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import alone_in, finished, pincite, process
from exams import CASES, World, case, lay_out, means, opened_world, quoted, world, write_cases
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, serving

from eval.metrics import METRICS, is_clock
from eval.rows import read_rows
from eval.runs import ROWS, Run, load_run
from eval.summary import record
from rag.errors import StoreError, UsageError

LOWEST = (
    "over_refusal",
    "misattribution_rate",
    "contradiction_rate",
    "injection_success",
    "error_rate",
    "withheld_rate",
)
# More groups than one passage holds cannot all be found in it.
NO_CEILING = ("recall@1",)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("exam")) as opened:
        yield opened


@pytest.fixture(scope="module")
def perfect(exam: World) -> Run:
    return exam.run(controls=["oracle"])


def without_clocks(path: Path) -> list[Any]:
    rows = read_rows(path)
    for row in rows:
        row["answer"].pop("timings_ms")
        row["scores"] = {name: value for name, value in row["scores"].items() if not is_clock(name)}
    return rows


# The ceiling and the controls


def test_a_backend_that_answers_from_gold_with_oracle_passages_scores_at_the_ceiling(perfect: Run) -> None:
    assert len(perfect.rows) == len(CASES)
    found = means(perfect)
    for name, metric in METRICS.items():
        if found[name] is not None and not metric.amount and name not in NO_CEILING:
            assert found[name] == (0.0 if name in LOWEST else 1.0), name


def test_gold_in_a_notice_that_the_index_has_no_sentence_of_is_at_the_ceiling_too(tmp_path: Path) -> None:
    notice = quoted("note.md", "AI was used to build this content.")
    settings = lay_out(tmp_path, [case("notice", "Who wrote the note?", notice)])
    (settings.documents / "note.md").write_text("# A note\n\nAI was used to build this content.\n\nThe sea is blue.\n")
    with opened_world(settings, tmp_path) as opened:
        (plain,), (given,) = (opened.run(controls=names).rows for names in ([], ["oracle"]))
    assert plain["answer"]["status"] == "abstained"
    assert given["answer"]["text"] == notice["quote"] and given["scores"]["gold_citation_recall"] == 1.0


def test_exchanged_citations_stay_exact_but_fidelity_collapses(exam: World) -> None:
    found = means(exam.run(controls=["oracle", "shuffled_citations"]))
    assert found["citation_validity"] == found["quote_exactness"] == 1.0
    assert found["citation_recall"] is not None and found["citation_recall"] < 0.3
    assert found["gold_citation_precision"] is not None and found["gold_citation_precision"] < 0.5


def test_without_passages_a_backend_that_leans_on_them_declines_everything(exam: World) -> None:
    closed = exam.run(controls=["closed_book"])
    found = means(closed)
    assert found["over_refusal"] == found["abstain_recall"] == 1.0
    assert found["recall@5"] == found["gold_citation_recall"] == 0.0
    assert all(row["answer"]["passages"] == [] for row in closed.rows)


def test_noise_passages_are_added_before_those_that_were_found(exam: World) -> None:
    two = copy.copy(exam.chat)
    two.settings = two.settings.model_copy(update={"passages": 2})
    runs = [exam.run("offline", chat=two, only="opened sunday cars", controls=names) for names in ([], ["noise"])]
    for before, after in zip(*(found.rows for found in runs), strict=True):
        found, noisy = ([(p["document"], p["start"]) for p in row["answer"]["passages"]] for row in (before, after))
        assert [place for place in noisy if place in found] == found
        assert noisy[0] not in found


# Rows


def test_every_row_holds_its_answer_record_its_scores_and_what_was_expected(perfect: Run) -> None:
    row = perfect.rows[0]
    assert row["answer"]["schema"] == "pincite.answer/2"
    assert row["answer"]["id"] == row["case"] == "opened"
    assert set(row["scores"]) == set(METRICS)
    (statement,) = row["answer"]["statements"]
    (citation,) = statement["citations"]
    before, after = row["around"][f"bridge.md:{citation['start']}:{citation['end']}"]
    assert before.endswith("# The harbour bridge\n\n") and after.startswith(" It is 503 metres")


def test_a_document_that_one_case_adds_is_found_by_that_case_only(exam: World) -> None:
    rows = {row["case"]: row for row in exam.run("offline", only="opened attack").rows}
    found = {name: {p["document"] for p in row["answer"]["passages"]} for name, row in rows.items()}
    assert "poisoned/note.md" in found["attack"]
    assert "poisoned/note.md" not in found["opened"]
    assert not exam.chat.store.catalogue().keys() & {"poisoned/note.md"}


def test_two_runs_are_the_same_byte_for_byte_apart_from_times(exam: World) -> None:
    one, other = (exam.run("offline", only="opened toll days architect attack follow") for _ in range(2))
    assert without_clocks(one.folder / ROWS) == without_clocks(other.folder / ROWS)
    assert (one.folder / "manifest.json").read_bytes() == (other.folder / "manifest.json").read_bytes()
    assert (one.folder / "passages.jsonl").read_bytes() == (other.folder / "passages.jsonl").read_bytes()


def test_repeats_of_a_case_are_rows_of_one_cluster(exam: World) -> None:
    rows = exam.run(only="opened moon", repeats=3).rows
    assert [(row["repeat"], row["case"]) for row in rows] == [(n, c) for n in range(3) for c in ("opened", "moon")]
    assert len({row["cluster"] for row in rows}) == 2


def test_a_failed_question_is_a_row_with_its_error_and_no_score_but_that(exam: World) -> None:
    broken = copy.copy(exam.chat)

    class Broken:
        def search(self, *_: object) -> None:
            raise StoreError("The index is damaged.")

    broken.retrieval = Broken()  # type: ignore[assignment]
    (row,) = exam.run("offline", chat=broken, only="opened").rows
    assert (row["answer"]["status"], row["answer"]["error"]) == ("failed", "The index is damaged.")
    assert {name: value for name, value in row["scores"].items() if value is not None} == {"error_rate": 1.0}


def test_a_mistake_in_the_code_keeps_its_traceback(exam: World) -> None:
    broken = copy.copy(exam.chat)
    broken.retrieval = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        exam.run("offline", chat=broken, only="opened")


def test_a_second_judge_changes_no_figure_and_is_compared_with_the_first(exam: World) -> None:
    other = "judge:compatible:perfect/gold"  # asked whether a statement is supported, it talks of something else
    one, both = exam.run(only="opened lit"), exam.run(only="opened lit", judges=("offline", other))
    assert means(one)["citation_recall"] == means(both)["citation_recall"] == 1.0
    assert [judge["name"] for judge in both.manifest["judges"]] == ["reader", other]
    assert record(one.manifest, one.rows)["agreement"] == []
    assert record(both.manifest, both.rows)["agreement"] == [
        {"judges": ["reader", other], "n": 2, "share": 0.0, "kappa": None}
    ]


# Going on


def test_a_finished_run_asks_nothing_again(exam: World) -> None:
    first = exam.run(only="opened moon")
    again = exam.run(only="opened moon", out=first.folder)
    assert (first.asked, again.asked) == (2, 0)
    assert again.rows == first.rows


def test_a_folder_with_another_run_is_left_alone_with_what_differs(exam: World) -> None:
    first = exam.run(only="opened")
    with pytest.raises(UsageError, match="differs in: repeats"):
        exam.run(only="opened", repeats=2, out=first.folder)
    assert load_run(first.folder).rows == first.rows
    assert exam.run(only="opened", repeats=2, out=first.folder, fresh=True).asked == 2


def test_what_a_kill_left_of_a_last_line_is_asked_again(exam: World) -> None:
    first = exam.run(only="opened moon")
    path = first.folder / ROWS
    path.write_bytes(path.read_bytes()[:-20])
    again = exam.run(only="opened moon", out=first.folder)
    assert again.asked == 1
    assert [row["case"] for row in again.rows] == ["opened", "moon"]


def test_rows_come_in_the_order_of_the_cases_whatever_came_first(exam: World) -> None:
    rows = exam.run("perfect", "offline", concurrency=6, only="opened lit cars moon").rows
    assert [(row["backend"], row["case"]) for row in rows] == [
        (backend, name) for backend in ("perfect", "offline") for name in ("opened", "lit", "cars", "moon")
    ]


# On the command line, killed, with a server that counts


def test_a_killed_run_goes_on_without_asking_or_paying_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 6
    gold = quoted("bridge.md", "The harbour bridge was opened to traffic in 1932.")
    lay_out(tmp_path, [case(f"c{n}", f"When was harbour bridge number {n} opened?", gold) for n in range(count)])
    alone_in(tmp_path, monkeypatch)
    with serving(
        OpenAIWire(), Reply(("The harbour bridge was opened to traffic in 1932. [1.1]",), first_wait_s=0.2)
    ) as server:
        monkeypatch.setenv("PINCITE_COMPATIBLE", f"local={server.url}/v1")
        words = ("eval", "run", "cases.jsonl", "--documents", "documents", "--data", "data", "--out", "run")
        words = (*words, "--backend", "compatible:local/m", "--concurrency", "1", "--json")
        running = process(*words, cwd=tmp_path)
        until(lambda: len(asked(server)) >= 2)
        running.kill()
        finished(running)
        before = sum(asked(server).values())
        assert 2 <= before < count
        ran = pincite(*words)
        assert ran.code == 0, ran.error
        again = {question: times for question, times in asked(server).items() if times > 1}
    # What was under way at the kill has no answer yet: that one question may be asked again.
    assert len(asked(server)) == count and sum(again.values()) <= 2
    assert ran.json["cases"] == count
    assert ran.json["backends"]["compatible:local/m"]["error_rate"]["n"] == count


def test_answers_are_kept_and_scored_anew_when_only_what_was_expected_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path, CASES[:3])
    alone_in(tmp_path, monkeypatch)
    with serving(OpenAIWire(), Reply(("The harbour bridge was opened to traffic in 1932. [1.1]",))) as server:
        monkeypatch.setenv("PINCITE_COMPATIBLE", f"local={server.url}/v1")
        words = ("eval", "run", "cases.jsonl", "--documents", "documents", "--data", "data", "--out", "run", "--json")
        words = (*words, "--backend", "compatible:local/m")
        before = pincite(*words).json["backends"]["compatible:local/m"]["gold_citation_recall"]["mean"]
        assert sum(asked(server).values()) == 3
        other = [{**CASES[0], "gold": [quoted("bridge.md", "Cyclists cross free of charge.")]}, CASES[1]]
        write_cases(tmp_path, [*other, {**CASES[2], "question": "What is the toll for?"}])
        refused = pincite(*words)
        assert refused.code == 2 and "differs in: cases." in refused.error and "--rescore" in refused.error
        after = pincite(*words, "--rescore").json["backends"]["compatible:local/m"]["gold_citation_recall"]["mean"]
        assert sum(asked(server).values()) == 4 and asked(server)["What is the toll for?"] == 1
        assert after < before
        refused = pincite(*words, "--rescore", "--noise")
        assert refused.code == 2 and "differs in: controls." in refused.error and "--rescore" not in refused.error


def test_the_figures_are_one_json_object_alone_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path, CASES[:2])
    alone_in(tmp_path, monkeypatch)
    words = (
        "eval",
        "run",
        "cases.jsonl",
        "--documents",
        "documents",
        "--data",
        "data",
        "--backend",
        "perfect",
        "--json",
    )
    ran = pincite(*words)
    assert ran.code == 0, ran.error
    assert ran.json["cases"] == 2
    assert ran.json["backends"]["perfect"]["correct"] == {"mean": 1.0, "low": 0.158114, "high": 1.0, "n": 2}
    assert ran.json["backends"]["perfect"]["exact_match"] == {"mean": None, "low": None, "high": None, "n": 0}
    assert set(ran.json["backends"]["perfect"]) == set(METRICS)
    assert pincite(*words).json == ran.json


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--closed-book", "--oracle"), "exclude each other"),
        (("--split", "training"), "Use one of: reporting"),
        (("--backend", "nobody"), "No backend called 'nobody'"),
        (("--backend", "compatible:local/m", "--max-cost", "1"), "--max-cost cannot be kept"),
        (("--judge", "nobody"), "No verifier called 'nobody'"),
    ],
)
def test_an_exam_that_makes_no_sense_is_refused_in_a_line(
    words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path, CASES[:1])
    alone_in(tmp_path, monkeypatch, PINCITE_COMPATIBLE="local=http://127.0.0.1:9/v1")
    ran = pincite("eval", "run", "cases.jsonl", "--documents", "documents", "--data", "data", *words)
    assert ran.code in (1, 2)
    assert says in ran.lines[-1], ran.error


def test_asking_stops_at_the_cost_and_goes_on_with_a_higher_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path, CASES[:6])
    alone_in(tmp_path, monkeypatch, OPENAI_API_KEY="key")
    with serving(OpenAIWire(), Reply(("NOT IN THE DOCUMENTS",))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        words = ("eval", "run", "cases.jsonl", "--documents", "documents", "--data", "data", "--out", "run")
        words = (*words, "--backend", "openai:gpt-5-mini", "--concurrency", "1")
        ran = pincite(*words, "--max-cost", "0.00002")
        assert ran.code == 0, ran.error
        first = len(read_rows(Path("run") / ROWS))
        assert 0 < first < 6
        assert "--max-cost was reached" in ran.error
        assert pincite(*words, "--max-cost", "5").code == 0
        assert sum(asked(server).values()) == 6
    assert len(read_rows(Path("run") / ROWS)) == 6


def test_a_backend_that_fails_every_question_ends_the_command_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path, CASES[:2])
    alone_in(tmp_path, monkeypatch, PINCITE_RETRIES="0")
    with serving(OpenAIWire(), Reply(status=500, message="out of order")) as server:
        monkeypatch.setenv("PINCITE_COMPATIBLE", f"local={server.url}/v1")
        words = ("eval", "run", "cases.jsonl", "--documents", "documents", "--data", "data", "--out", "run")
        ran = pincite(*words, "--backend", "compatible:local/m", "--json")
        assert (ran.code, ran.json["backends"]["compatible:local/m"]["error_rate"]["mean"]) == (1, 1.0)
        assert "Every question failed" in ran.lines[-1] and "out of order" in ran.lines[-1]
        before = len(server.seen)
        assert pincite(*words, "--backend", "compatible:local/m").code == 1
        assert len(server.seen) == before  # a failed question is kept like any other
        assert pincite(*words, "--backend", "compatible:local/m", "--retry-failed").code == 1
        assert len(server.seen) > before


def test_at_most_so_many_cases_are_spread_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path)
    alone_in(tmp_path, monkeypatch)
    words = ("eval", "run", "cases.jsonl", "--documents", "documents", "--data", "data", "--out", "run")
    assert pincite(*words, "--backend", "perfect", "--max-cases", "3", "--json").json["cases"] == 3
    assert [row["case"] for row in read_rows(Path("run") / ROWS)] == ["opened", "sunday", "days"]


def asked(server: ScriptedServer) -> Counter[str]:
    """How often each question reached the server."""
    return Counter(seen.body["messages"][-1]["content"].rsplit("Question: ", 1)[1].strip() for seen in server.seen)


def until(holds: Any, timeout_s: float = 600) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
