"""Questions that take for granted what the documents deny: corrected, not accepted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import pincite
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, serving

from rag.chat import Chat, open_chat
from rag.models.minilm import MiniLM
from rag.settings import load_settings
from rag.types import Answer
from rag.verify.premise import assumes, contradicted
from rag.verify.wording import Reader
from ui.web.render import Around
from ui.web.render import answer as rendered

SUCCEEDED = "The talks between Brell and Osterby succeeded after three days of patient work."
MONEY = "The money for the hotel ran out on the second day."
TEXT = f"{SUCCEEDED} {MONEY} Both sides met in the old town hall of Tessel.\n"
WHY_FAIL = "Why did the talks between Brell and Osterby fail?"
MESSAGE = "The question says “fail”; talks.txt says “succeeded”."
MODEL = "compatible:local/some-model"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(OpenAIWire()) as running:
        yield running


@pytest.fixture
def chat(tmp_path: Path, server: ScriptedServer) -> Chat:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "talks.txt").write_text(TEXT, "utf-8")
    where = {"documents": tmp_path / "documents", "data": tmp_path / "data"}
    return open_chat(load_settings(where, {"PINCITE_COMPATIBLE": f"local={server.url}/v1"}))


def told(answer: Answer) -> list[str]:
    return [notice.message for notice in answer.notices if notice.code == "premise_differs"]


def test_a_false_premise_is_corrected_not_accepted(chat: Chat) -> None:
    answer = chat.ask(WHY_FAIL)
    assert told(answer) == [MESSAGE]
    assert answer.status == "abstained" or SUCCEEDED in answer.text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"{SUCCEEDED} [1.1]", SUCCEEDED),
        (f"{MONEY} [1.2]", f"{MONEY} talks.txt says: {SUCCEEDED}"),
        ("The talks between Brell and Osterby failed after three days. [1.1]", f"talks.txt says: {SUCCEEDED}"),
    ],
    ids=["said", "evaded", "accepted"],
)
def test_whatever_a_model_writes_the_reader_is_told_what_the_source_says(
    chat: Chat, server: ScriptedServer, written: str, shown: str
) -> None:
    server.rehearse(Reply(pieces=(written,)))
    answer = chat.ask(WHY_FAIL, backend=MODEL)
    assert (answer.status, answer.text) == ("answered", shown)
    assert told(answer) == [MESSAGE]
    assert {statement.verdict for statement in answer.statements} == {"supported"}
    assert answer.statements[-1].citations[0].quote == SUCCEEDED


def test_a_model_that_declines_is_left_to_decline_and_the_notice_says_why(chat: Chat, server: ScriptedServer) -> None:
    server.rehearse(Reply(pieces=("NOT IN THE DOCUMENTS",)))
    answer = chat.ask(WHY_FAIL, backend=MODEL)
    assert (answer.status, answer.statements) == ("abstained", ())
    assert told(answer) == [MESSAGE]


@pytest.mark.parametrize(
    "question",
    [
        "Why did the talks between Brell and Osterby succeed?",
        "Did the talks between Brell and Osterby fail?",
        "Where did both sides meet?",
        "When did the money for the hotel run out?",
    ],
)
def test_true_premises_and_questions_without_any_raise_no_alarm(chat: Chat, question: str) -> None:
    assert told(chat.ask(question)) == []


def test_the_same_question_gives_the_same_record_apart_from_times(chat: Chat) -> None:
    one, other = ({k: v for k, v in chat.ask(WHY_FAIL).record().items() if k != "timings_ms"} for _ in range(2))
    assert json.dumps(one) == json.dumps(other)


def test_the_page_shows_the_correction_in_front_of_the_answer(chat: Chat, server: ScriptedServer) -> None:
    server.rehearse(Reply(pieces=(f"{SUCCEEDED} [1.1]",)))
    page = rendered(chat.ask(WHY_FAIL, backend=MODEL), Around({}, "withhold", ""))
    assert page.count(MESSAGE) == 1
    assert page.index(MESSAGE) < page.index(SUCCEEDED)


def test_the_command_line_shows_the_correction(tmp_path: Path) -> None:
    (tmp_path / "talks.txt").write_text(TEXT, "utf-8")
    ran = pincite("ask", WHY_FAIL, "--documents", tmp_path, "--data", tmp_path / ".data")
    assert f"Note: {MESSAGE}" in ran.lines


@pytest.mark.parametrize(
    ("question", "sentence", "asks", "says"),
    [
        ("Why did the council reject the plan?", "The council approved the plan in June.", "reject", "approved"),
        ("Why did exports to China fall in 2018?", "Exports to China rose by 5 percent in 2018.", "fall", "rose"),
        ("When did Denmark leave the alliance?", "Denmark joined the alliance in 1949.", "leave", "joined"),
        ("Why was the museum founded after the war?", "The museum was founded before the war.", "after", "before"),
        ("Why are dogs allowed in the hall?", "Dogs are not allowed in the hall.", "allowed", "not allowed"),
        (
            "Why was the lighthouse at Maren built in 1820?",
            "The lighthouse at Maren was built in 1871.",
            "1820",
            "1871",
        ),
        ("Why did the 5,000 soldiers desert?", "The 15,000 soldiers deserted.", "5,000", "15,000"),
        (
            "Why was Tessel in the alliance in 1949?",
            "Tessel was not in the alliance in 1949.",
            "the alliance",
            "was not in the alliance",
        ),
        (
            "Why is Tessel a member of the alliance?",
            "Tessel is not a member of the alliance.",
            "a member",
            "is not a member",
        ),
        ("Why do the rules apply to children?", "The rules do not apply to children.", "rules apply", "do not apply"),
        (
            "Why did the talks in Geneva in May 2019 between Norway and Japan end?",
            "The talks in Vienna in June 2019 between Norway and Japan ended for lack of money.",
            "Geneva",
            "Vienna in June",
        ),
        ("What made the firm shut down its mill?", "The firm kept expanding its mill.", "shut down", "expanding"),
    ],
)
def test_the_words_that_differ_are_named(model: MiniLM, question: str, sentence: str, asks: str, says: str) -> None:
    found = contradicted(question, sentence, Reader(model))
    assert assumes(question) and found is not None
    assert (found.one, found.other) == (asks, says)
    assert found.one in question and found.other in sentence


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Why is smoking forbidden in the hall?", "Smoking is not allowed in the hall because it is built of wood."),
        ("How does training reduce accidents?", "Training improves safety and lowers the number of accidents."),
        ("How do meetings help and hurt trust?", "Meetings build trust between nations."),
        ("How can the threat of fire be reduced?", "Sprinklers strengthen every effort against the threat of fire."),
        ("Who won the battle of the ford?", "The army suffered a defeat at the battle of the ford."),
        ("What are the three causes of the flood?", "The flood had 3 causes."),
        ("Why did the population decline after the war?", "After the war the population shrank."),
    ],
)
def test_what_agrees_with_a_question_is_not_held_against_it(model: MiniLM, question: str, sentence: str) -> None:
    assert contradicted(question, sentence, Reader(model)) is None
