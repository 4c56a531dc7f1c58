"""The report and the exports: everything in one file, safe to open, and readable by other tools."""

import contextlib
import csv
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import pytrec_eval
from browser import chromium
from commands import pincite
from exams import OPENED, World, case, means, world, write_cases

from eval.agreement import agreement
from eval.cases import load_cases
from eval.compare import Side, compare, corrected
from eval.exports import EXPORTS, export
from eval.judging import Judge
from eval.metrics import METRICS
from eval.report import render, systems_of
from eval.rows import read_rows, write_rows
from eval.runs import ROWS, Run, load_run
from eval.stats import holm
from rag.verify import Check

HOSTILE = '<img src=x onerror="document.title=1"></script><script>document.title=2</script>'


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("report")) as opened:
        yield opened


@pytest.fixture(scope="module")
def both(exam: World) -> Run:
    return exam.run("perfect", "offline")


@pytest.fixture(scope="module")
def page(both: Run) -> str:
    return render([both])


def test_the_report_asks_nothing_of_anybody(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"|@import|url\((?!#)', page)


def test_the_report_shows_every_figure_with_its_interval_and_how_many_cases(page: str, both: Run) -> None:
    row = re.search(r"gold_citation_recall.*?</tr>", page, re.DOTALL)
    assert row and re.search(r"1\.000 <small>0\.\d\d–1\.00</small> <small class=\"n\">n 13</small>", row[0])
    for name, metric in METRICS.items():
        assert f"<dt>{name}{' ⚖' if metric.judged else ''}</dt>" in page


def test_a_judges_figures_stand_beside_how_good_it_is(page: str, both: Run) -> None:
    assert html.escape(both.manifest["judges"][0]["quality"]) in page
    assert "citation_recall ⚖" in page


def test_every_citation_says_how_it_stands_to_what_was_expected(exam: World, tmp_path: Path) -> None:
    run = exam.run(only="opened long")
    rows = [json.loads(json.dumps(row)) for row in run.rows]
    assert render([Run(run.folder, run.manifest, rows)]).count('"standing gold">gold<') == 2
    for row in rows:
        row["expected"] |= {"also": row["expected"]["gold"], "gold": [{**row["expected"]["gold"][0], "document": "x"}]}
    rows[1]["expected"]["also"] = []
    page = render([Run(run.folder, run.manifest, rows)])
    assert page.count(">right to cite also<") == page.count(">not expected<") == 1


def test_the_tests_of_all_comparisons_are_corrected_together(exam: World, both: Run) -> None:
    sides = [Side(label, rows, {}) for label, rows in systems_of([both, exam.run(controls=["closed_book"])]).items()]
    alone = [compare(sides[0], other) for other in sides[1:]]
    tested = [d for one in alone for d in one.differences if d.p is not None]
    assert len(alone) == 2 and len(tested) > len([d for d in alone[1].differences if d.p is not None])
    together = [d.p_holm for one in corrected(alone) for d in one.differences if d.p is not None]
    assert together == holm([d.p for d in tested if d.p is not None])
    assert max(p for p in together if p is not None) >= max(d.p_holm for d in tested if d.p_holm is not None)


def test_the_same_runs_give_the_same_report(page: str, both: Run) -> None:
    assert render([load_run(both.folder)]) == page


def test_what_documents_and_models_say_cannot_run_in_the_report(both: Run, tmp_path: Path) -> None:
    rows = [json.loads(json.dumps(row)) for row in both.rows]
    for row in rows:
        row["answer"] |= {"question": HOSTILE, "text": HOSTILE, "error": HOSTILE}
        row["case"] = HOSTILE
    page = render([Run(both.folder, both.manifest, rows)])
    assert "<img" not in page and page.count("<script>") == 1


def test_several_runs_stand_beside_each_other_under_names_of_their_own(exam: World, both: Run) -> None:
    oracle = exam.run(controls=["oracle"], only="opened moon")
    again = exam.run(only="opened moon")
    assert list(systems_of([both, oracle, again])) == [
        "perfect", "offline", "perfect + oracle", f"perfect ({again.folder.name})",
    ]  # fmt: skip
    assert "perfect + oracle" in render([both, oracle, again])


def test_the_cases_can_be_narrowed_to_those_that_differ(page: str, both: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page, "utf-8")
    with chromium() as browser, contextlib.closing(browser.new_page()) as opened:
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.goto(path.as_uri())
        shown = opened.locator(".case:visible")
        assert shown.count() == 15
        opened.select_option("#kind", "multi_document")
        assert shown.count() == 3
        opened.select_option("#kind", "")
        opened.fill("#words", "gull rock")
        assert 0 < shown.count() < 15
        opened.fill("#words", "")
        opened.check("#failed")
        failed = {row["case"] for row in both.rows if not row["scores"]["correct"]}
        assert shown.count() == len(failed)
        opened.locator(".system").nth(1).uncheck()  # then only the other one's failures count
        left = {row["case"] for row in both.rows if not row["scores"]["correct"] and row["backend"] == "perfect"}
        assert shown.count() == len(left) < len(failed)
        opened.locator(".system").nth(1).check()
        opened.uncheck("#failed")
        shown.first.locator("summary").first.click()
        assert opened.locator(".case[open] mark").first.inner_text() == OPENED["quote"]
        opened.locator(".system").nth(1).uncheck()
        assert opened.locator(".case[open] article:visible").count() == 1
        assert not problems


# Exports


@pytest.fixture(scope="module")
def exported(both: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    export(both, list(EXPORTS), folder)
    return folder


def test_trec_eval_comes_to_the_same_retrieval_figures(both: Run, exported: Path) -> None:
    qrels = pytrec_eval.parse_qrel(io.StringIO((exported / "perfect.qrels").read_text("utf-8")))
    run = pytrec_eval.parse_run(io.StringIO((exported / "perfect.run").read_text("utf-8")))
    scored = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "success.5"}).evaluate(run)
    ours = means(Run(both.folder, both.manifest, [row for row in both.rows if row["backend"] == "perfect"]))
    assert len(scored) == 13
    for theirs, name in (("ndcg_cut_10", "ndcg@10"), ("success_5", "hit@5")):
        assert sum(one[theirs] for one in scored.values()) / 13 == pytest.approx(ours[name])


def test_a_test_report_has_a_failure_for_each_case_that_was_not_passed(both: Run, exported: Path) -> None:
    root = ElementTree.parse(exported / "junit.xml").getroot()
    for suite in root:
        rows = [row for row in both.rows if row["backend"] == suite.get("name")]
        failed = sum(not row["scores"]["correct"] for row in rows)
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(rows)), str(failed), "0")
        assert len(suite.findall("testcase/failure")) == failed


def test_a_table_has_a_line_an_answer_and_an_empty_cell_where_a_figure_does_not_apply(
    both: Run, exported: Path
) -> None:
    rows = list(csv.DictReader(io.StringIO((exported / "scores.csv").read_text("utf-8"))))
    assert len(rows) == len(both.rows)
    moon = next(row for row in rows if row["case"] == "moon" and row["backend"] == "perfect")
    assert (moon["status"], moon["abstain_recall"], moon["gold_citation_recall"]) == ("abstained", "1.0", "")


def test_ragas_samples_hold_the_words_of_the_passages(exported: Path) -> None:
    samples = read_rows(exported / "perfect.ragas.jsonl")
    assert set(samples[0]) == {"user_input", "retrieved_contexts", "reference_contexts", "response", "reference"}
    assert samples[0]["reference_contexts"] == [OPENED["quote"]]
    assert any(OPENED["quote"] in context for context in samples[0]["retrieved_contexts"])


def test_answers_are_exported_as_the_records_that_every_door_gives(both: Run, exported: Path) -> None:
    assert read_rows(exported / "answers.jsonl") == [row["answer"] for row in both.rows]


def test_the_command_writes_the_report_beside_the_run(both: Run) -> None:
    ran = pincite("eval", "report", both.folder, "--export", "junit")
    assert ran.text.splitlines() == [f"{both.folder}/report.html", f"{both.folder}/exports/junit.xml"]
    assert pincite("eval", "report", both.folder / "none").code == 2


def test_control_characters_in_an_answer_leave_the_test_report_readable(both: Run, tmp_path: Path) -> None:
    rows = [{**row, "answer": {**row["answer"], "text": "a\x00b\x1b", "question": "\x08?"}} for row in both.rows]
    export(Run(both.folder, both.manifest, rows), ["junit"], tmp_path)
    ElementTree.parse(tmp_path / "junit.xml")


# Judging


class Words:
    """Supports a statement when its quotes hold all of its words."""

    name = "words"
    quality = "every word"
    asked = 0

    def check(self, statement: str, quotes: list[str]) -> Check:
        self.asked += 1
        held = set(" ".join(quotes).lower().split()) >= set(statement.lower().split())
        return Check("supported" if held else "unsupported", float(held))


def test_a_citation_is_needed_when_it_supports_alone_or_nothing_does_without_it(exam: World) -> None:
    (wanted,) = load_cases(write_cases(exam.folder, [case("c", "?", OPENED)]), exam.chat.settings.documents)

    def judged(text: str, *quotes: str) -> list[bool]:
        statement = {"text": text, "citations": [{"quote": quote} for quote in quotes]}
        record = {"statements": [statement], "passages": []}
        return list(Judge(Words()).judged(wanted, record)["statements"][0]["needed"])

    assert judged("red", "red") == [True]
    assert judged("red", "blue") == [False]
    assert judged("red", "red", "blue") == [True, False]
    assert judged("red blue", "red", "blue") == [True, True]
    assert judged("red blue", "red", "blue", "green") == [True, True, False]
    assert judged("red", "red thing", "red dress") == [True, True]
    assert judged("red", "green", "blue") == [False, False]


def test_a_statement_that_only_the_passages_support_is_misattributed_not_ungrounded(exam: World) -> None:
    (wanted,) = load_cases(write_cases(exam.folder, [case("c", "?", OPENED)]), exam.chat.settings.documents)
    passage = {"document": "ferry.md", "start": 0, "end": 200}
    statement = {"text": "Passengers and 30", "citations": [{"quote": "Something else."}]}
    judge = Judge(Words())
    found = judge.judged(wanted, {"statements": [statement], "passages": [passage]})["statements"][0]
    assert (found["verdict"], found["in_passages"]) == ("unsupported", True)


def test_a_judge_is_asked_the_same_thing_only_once(exam: World, both: Run) -> None:
    words = Words()
    judge = Judge(words)  # type: ignore[arg-type]
    row = both.rows[0]
    first = judge.judged(exam.cases[0], row["answer"])
    asked = words.asked
    assert judge.judged(exam.cases[0], row["answer"]) == first and words.asked == asked


def test_agreement_between_judges_is_corrected_for_chance() -> None:
    def row(number: int, *verdicts: str) -> dict[str, Any]:
        judged = [{"judge": name, "statements": [{"verdict": v}]} for name, v in zip("ab", verdicts, strict=True)]
        return {"backend": "x", "repeat": 0, "case": str(number), "judged": judged[0], "other_judges": judged[1:]}

    said = [("supported", "supported")] * 6 + [("partial", "contradicted")] * 2 + [("supported", "partial")] * 2
    (found,) = agreement([row(number, *pair) for number, pair in enumerate(said)])
    assert (found["judges"], found["n"], found["share"]) == (["a", "b"], 10, 0.8)
    assert found["kappa"] == pytest.approx((0.8 - 0.56) / (1 - 0.56), abs=1e-6)


def test_rows_that_are_no_json_are_named_by_their_line(tmp_path: Path) -> None:
    write_rows(tmp_path / ROWS, [{"a": 1}])
    (tmp_path / ROWS).write_bytes((tmp_path / ROWS).read_bytes() + b"oops\n{}\n")
    (tmp_path / "manifest.json").write_text('{"schema": "pincite.exam/1"}', "utf-8")
    ran = pincite("eval", "report", tmp_path)
    assert ran.code == 2 and "line 2 is no row of a run" in ran.error
