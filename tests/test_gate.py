"""The gate lets an equal run pass, and stops each of the faults that were planted into the chain."""

import contextlib
import copy
import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from commands import pincite
from exams import World, means, world

import rag.answer.checking
from eval.cases import load_cases
from eval.controls import ControlledRetrieval
from eval.gate import FLOORS, Outcome, gate
from eval.perfect import perfect_reply
from eval.runs import Run
from eval.sides import read_scores, read_sides, write_baseline
from rag.answer.exactness import Exactness
from rag.answer.markers import Marker
from rag.answer.parser import Draft
from rag.chat import Chat
from rag.errors import UsageError
from rag.types import Chunk, Citation, Passage
from rag.verify import Check

# A data folder without exams.
NOWHERE = Path("nowhere")
SETTINGS_FLOORS = {"gold_citation_recall": ">= 0.75", "abstain_recall": ">= 0.8", "over_refusal": "<= 0.1"}


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("gate")) as opened:
        yield opened


@pytest.fixture(scope="module")
def good(exam: World) -> Run:
    return exam.run()


def passed(baseline: Run, found: Run) -> Outcome:
    return gate(read_sides(str(baseline.folder), NOWHERE), read_sides(str(found.folder), NOWHERE), {})


def broken(baseline: Run, found: Run) -> set[str | None]:
    return {breach.metric for breach in passed(baseline, found).breaches}


def test_a_run_that_is_as_good_passes(exam: World, good: Run) -> None:
    outcome = passed(good, exam.run())
    assert outcome.breaches == []
    assert outcome.record()["passed"] is True


# Faults


def shifted(chunk: Chunk, by: int) -> Chunk:
    """The chunk as a wrong offset would have it: the same words, said to stand elsewhere."""
    sentences = tuple(dataclasses.replace(s, start=s.start + by, end=s.end + by) for s in chunk.sentences)
    return dataclasses.replace(chunk, start=chunk.start + by, end=chunk.end + by, sentences=sentences)


def with_wrong_offsets(chat: Chat) -> Chat:
    changed = copy.copy(chat)

    def search(question: str, count: int) -> tuple[Passage, ...]:
        found = chat.retrieval.search(question, count)
        return tuple(dataclasses.replace(passage, chunk=shifted(passage.chunk, 3)) for passage in found)

    changed.retrieval = ControlledRetrieval(search)
    return changed


def test_wrong_chunk_offsets_are_caught(exam: World, good: Run) -> None:
    found = exam.run(chat=with_wrong_offsets(exam.chat))
    assert {row["answer"]["status"] for row in found.rows if row["kind"] == "fact"} == {"failed"}
    assert "error_rate" in broken(good, found)


def test_wrong_chunk_offsets_are_caught_even_where_the_chat_does_not_look(
    exam: World, good: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Exactness, "confirm", lambda self, citations: None)
    found = exam.run(chat=with_wrong_offsets(exam.chat), only="opened long toll lit seen moon")
    assert means(found)["quote_exactness"] == 0.0
    assert {"quote_exactness", None} <= broken(good, found)


def test_citations_shifted_by_one_are_caught(exam: World, good: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = rag.answer.checking.resolve

    def wrong(draft: Draft, *more: object) -> tuple[tuple[Citation, ...], tuple[str, ...]]:
        markers = tuple(Marker(m.passage, m.sentence and m.sentence % 2 + 1) for m in draft.markers)
        return real(Draft(draft.text, markers), *more)  # type: ignore[arg-type]

    monkeypatch.setattr(rag.answer.checking, "resolve", wrong)
    found = broken(good, exam.run())
    assert {"correct", "gold_citation_recall", "over_refusal"} <= found


def test_retrieval_cut_to_one_passage_is_caught(exam: World, good: Run) -> None:
    one = copy.copy(exam.chat)
    one.settings = one.settings.model_copy(update={"passages": 1})
    assert {"recall@5", "gold_citation_recall"} <= broken(good, exam.run(chat=one))


class Credulous:
    """A verifier that was switched off."""

    name = "credulous"
    quality = "believes everything"

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        return Check("supported", 1.0)


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[Callable[[Callable[[str], str]], contextlib.AbstractContextManager[World]]]:
    """An exam whose scripted backend changes what the perfect one would say."""

    def lying(change: Callable[[str], str]) -> contextlib.AbstractContextManager[World]:
        def reply(prompt: str) -> str:
            cases = load_cases(tmp_path / "cases.jsonl", tmp_path / "documents")
            return change(perfect_reply(cases)(prompt))

        return world(tmp_path, reply)

    yield lying


def number_changed(text: str) -> str:
    return re.sub(r"\b(\d{2,4})\b(?!\])", lambda found: str(int(found[1]) + 7), text)


def test_a_lying_backend_is_caught_when_the_verifier_is_switched_off(good: Run, liar: Callable[..., World]) -> None:
    with liar(number_changed) as opened:  # type: ignore[attr-defined]
        off = copy.copy(opened.chat)
        off.verifier = Credulous()
        found = opened.run(chat=off)
        assert "1939" in found.rows[0]["answer"]["text"]
        assert {"citation_recall", "groundedness"} <= broken(good, found)


# Baselines and floors


def test_a_committed_baseline_stands_for_the_run_it_was_made_of(exam: World, good: Run, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, good.folder, SETTINGS_FLOORS)
    manifest, rows, floors = read_scores(path)
    assert manifest == {name: value for name, value in good.manifest.items() if name != "cases"}
    assert floors == SETTINGS_FLOORS
    assert "answer" not in rows[0] and "latency_p50" not in rows[0]["scores"]
    assert gate(read_sides(str(path), NOWHERE), read_sides(str(good.folder), NOWHERE), floors).breaches == []


def test_cases_that_are_missing_from_a_run_are_a_breach(exam: World, good: Run) -> None:
    (breach,) = passed(good, exam.run(only="opened moon")).breaches
    assert "13 cases of the baseline are not in the run" in breach.why


def test_a_run_of_which_no_case_is_as_it_was_does_not_pass_for_want_of_a_comparison(good: Run, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, good.folder, {})
    path.write_text(re.sub(r'"digest": "\w+"', '"digest": "old"', path.read_text("utf-8")), "utf-8")
    (breach,) = gate(read_sides(str(path), NOWHERE), read_sides(str(good.folder), NOWHERE), {}).breaches
    assert "no case is as it was in the baseline" in breach.why


def test_a_floor_is_broken_by_what_lies_below_it_not_by_what_meets_it(exam: World, good: Run) -> None:
    sides = read_sides(str(good.folder), NOWHERE)
    assert gate(sides, sides, {"correct": ">= 1.0", "statements_shown": "<= 3"}).breaches == []
    (breach,) = gate(sides, sides, {"statements_shown": "<= 1"}).breaches
    assert breach.metric == "statements_shown" and "must be <= 1" in breach.why


@pytest.mark.parametrize("floor", [("correct", "> 1"), ("nothing", ">= 1"), ("correct", ">= much")])
def test_a_floor_that_cannot_be_read_is_refused(good: Run, floor: tuple[str, str]) -> None:
    sides = read_sides(str(good.folder), NOWHERE)
    with pytest.raises(UsageError, match="Write one such as: gold_citation_recall"):
        gate(sides, sides, dict([floor]))


def test_the_command_explains_itself_and_leaves_with_three(exam: World, good: Run, tmp_path: Path) -> None:
    one = copy.copy(exam.chat)
    one.settings = one.settings.model_copy(update={"passages": 1})
    worse = exam.run(chat=one)
    baseline = tmp_path / "baseline.json"
    assert pincite("eval", "gate", baseline, good.folder, "--accept", "--floor", "over_refusal<=0.1").code == 0
    assert pincite("eval", "gate", baseline, good.folder).code == 0
    ran = pincite("eval", "gate", baseline, worse.folder)
    assert ran.code == 3
    assert re.search(
        r"FAILED .*gold_citation_recall went from 1.000 to 0\.\d+ over 13 cases.*(?:free|years|days)", ran.text
    )
    told = pincite("eval", "gate", baseline, worse.folder, "--json")
    assert told.code == 3 and told.json["passed"] is False
    assert json.loads(baseline.read_text("utf-8"))["floors"] == {"over_refusal": "<= 0.1"}


def test_the_floors_that_always_hold_are_about_pointers_and_fidelity() -> None:
    assert {"citation_validity", "quote_exactness", "groundedness", "contradiction_rate", "error_rate"} == set(FLOORS)


# Comparing


def test_a_comparison_says_what_broke_case_by_case(exam: World, good: Run) -> None:
    one = copy.copy(exam.chat)
    one.settings = one.settings.model_copy(update={"passages": 1})
    worse = exam.run(chat=one)
    told = pincite("eval", "compare", good.folder, worse.folder, "--json").json
    recall = told["metrics"]["gold_citation_recall"]
    assert recall["before"] == 1.0 > recall["after"] and recall["high"] < 0
    assert {row["case"] for row in told["changed"]} >= {"free", "years", "days"}
    assert all(row["what"] in ("broken", "fixed", "reworded") for row in told["changed"])
    assert told["missing"] == told["altered"] == []
    assert told["differs"] == ["passages"]
    shown = pincite("eval", "compare", good.folder, worse.folder)
    assert "Besides the backend, the two differ in: passages." in shown.error
    assert good.manifest["judges"][0]["quality"][:20] in shown.text and "citation_recall ⚖" in shown.text


def test_of_several_backends_one_must_be_named_to_be_compared(exam: World) -> None:
    both = exam.run("perfect", "offline", only="opened moon")
    ran = pincite("eval", "compare", both.folder, both.folder)
    assert ran.code == 2 and f"{both.folder}@perfect" in ran.error
    named = pincite("eval", "compare", f"{both.folder}@perfect", f"{both.folder}@offline", "--json")
    assert named.code == 0 and named.json["before"].endswith(": perfect")
