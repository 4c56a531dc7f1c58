"""Documents write their own exam: exact gold, nothing given away, the same every time; and a model may ask instead."""

import contextlib
import json
from collections import Counter
from pathlib import Path

import pytest
from browser import chromium
from commands import SEEDS, alone_in, pincite
from exams import lay_out
from servers.openai import OpenAIWire
from servers.scripted import Reply, serving

from eval.cases import load_cases
from eval.generate import generate, problem_of
from eval.material import Material, read_material
from eval.question_templates import TEMPLATES
from eval.rows import read_rows
from rag.types import JSON


@pytest.fixture(scope="module")
def seeds() -> Material:
    return read_material(SEEDS, 256)


@pytest.fixture(scope="module")
def cases(seeds: Material) -> list[JSON]:
    return generate(seeds, 60)


def test_every_template_gives_cases_over_the_seeds(cases: list[JSON]) -> None:
    assert Counter(case["made_by"] for case in cases).keys() == TEMPLATES.keys()
    assert 10 <= sum(not case["answerable"] for case in cases) <= 25
    assert {case["split"] for case in cases} == {"tuning", "reporting"}


def test_generated_cases_pass_the_check_of_every_exam(cases: list[JSON], tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases), "utf-8")
    assert len(load_cases(path, SEEDS)) == len(cases) == 60


def test_the_same_documents_give_the_same_exam(seeds: Material, cases: list[JSON]) -> None:
    assert generate(read_material(SEEDS, 256), 60) == cases


def test_no_question_gives_its_answer_away(cases: list[JSON]) -> None:
    gaps = [case for case in cases if case["made_by"] == "name_gap"]
    assert gaps
    for case in gaps:
        assert "____" in case["question"] and case["answers"][0] not in case["question"].replace("____", "")
        assert case["answers"][0] in case["gold"][0]["quote"]


def test_an_invented_name_stands_in_no_document(seeds: Material, cases: list[JSON]) -> None:
    text = " ".join(path.read_text("utf-8") for path in SEEDS.glob("*.txt"))
    for case in cases:
        if case["made_by"] == "swapped_name":
            original = {word for word in case["question"].split() if word[0].isupper()}
            assert any(word.strip(",’s") not in text for word in original), case["question"]


def test_a_changed_number_and_a_negation_keep_their_true_sentence_as_gold(cases: list[JSON]) -> None:
    for case in cases:
        if case["made_by"] in ("number_changed", "negated"):
            (gold,) = case["gold"]
            assert case["question"].removeprefix("Is it true that ").rstrip("?")[1:] not in gold["quote"]


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        ({"question": "?", "gold": []}, "empty"),
        ({"question": "Who " + "x" * 500, "gold": []}, "too long"),
        ({"question": "Who?", "gold": []}, "neither gold"),
        ({"question": "Who?", "gold": [{"document": "no.txt", "quote": "x"}]}, "exactly once"),
        ({"question": "Who?", "absent": "diplomacy"}, "should not have"),
    ],
)
def test_a_draft_that_fails_a_check_is_no_case(seeds: Material, draft: JSON, says: str) -> None:
    assert says in (problem_of(draft, seeds) or "")


def test_a_folder_that_is_too_small_gives_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path)
    alone_in(tmp_path, monkeypatch)
    ran = pincite("eval", "generate", "documents", "--out", "made.jsonl", "--page", "made.html")
    assert ran.code == 0 and ran.text == "made.jsonl\n"
    assert len(load_cases(Path("made.jsonl"), Path("documents"))) > 10
    (tmp_path / "empty").mkdir()
    assert pincite("eval", "generate", "empty", "--out", "x.jsonl").code == 1


def test_a_language_model_points_at_the_sentence_that_answers_its_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path)
    alone_in(tmp_path, monkeypatch)
    written = (
        "[1.1] In which year could cars first use the crossing?\n- [1.2]: How wide is it, counted in lanes?\n"
        "[1.99] What stands nowhere?\n[1.1] no question\nSomething else.\n"
    )
    with serving(OpenAIWire(), Reply((written,))) as server:
        monkeypatch.setenv("PINCITE_COMPATIBLE", f"local={server.url}/v1")
        ran = pincite("eval", "generate", "documents", "--out", "made.jsonl", "--backend", "compatible:local/m")
        assert ran.code == 0, ran.error
        assert "[1.1] The harbour bridge was opened" in json.dumps([seen.body for seen in server.seen])
    made = [case for case in read_rows(Path("made.jsonl")) if case["made_by"] == "compatible:local/m"]
    assert {case["question"] for case in made} == {
        "In which year could cars first use the crossing?",
        "How wide is it, counted in lanes?",
    }
    assert all(len(case["gold"]) == 1 for case in made)
    assert any(not case["answerable"] for case in read_rows(Path("made.jsonl")))


def test_cases_are_dropped_and_mended_on_the_page_and_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path)
    alone_in(tmp_path, monkeypatch)
    pincite("eval", "generate", "documents", "--out", "made.jsonl", "--page", "made.html", "--count", "12")
    made = read_rows(Path("made.jsonl"))
    with chromium() as browser, contextlib.closing(browser.new_page()) as page:
        page.goto((tmp_path / "made.html").as_uri())
        page.locator(".keep").first.uncheck()
        page.locator("textarea").nth(1).fill("Is this mended?")
        assert page.locator("#count").inner_text() == f"{len(made) - 1} of {len(made)} kept"
        with page.expect_download() as download:
            page.click("#save")
        download.value.save_as("kept.jsonl")
        assert download.value.suggested_filename == "made.jsonl"
    kept = read_rows(Path("kept.jsonl"))
    assert [case["id"] for case in kept] == [case["id"] for case in made[1:]]
    assert kept[0] == {**made[1], "question": "Is this mended?"}
    assert len(load_cases(Path("kept.jsonl"), Path("documents"))) == len(kept)
