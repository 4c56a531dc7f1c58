"""Follow-up questions without a language model: what is missing comes from the conversation, the rest is left alone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from indexing import Index

from rag.answer.followup import lacks_topic, standalone
from rag.models.minilm import MiniLM
from rag.search.hybrid import Retrieval
from rag.search.rerank import MaxSim
from rag.settings import Settings
from rag.types import Turn

CASES = Path(__file__).parent.parent / "eval" / "cases" / "seeds.jsonl"


def asked(*questions: str) -> list[Turn]:
    turns = []
    for question in questions:
        turns += [Turn("user", question), Turn("assistant", "An answer.")]
    return turns


@pytest.mark.parametrize(
    "question",
    [
        "What is interoperability?",
        "Who is responsible for sanctions against member states?",
        "Should I bag my paper and cans if it rains?",
        "Do army officers and diplomats help each other?",
        "Does this library lend films on weekends?",
        "What does speculation mean?",
        "List the functions of the African Union.",
    ],
)
def test_a_complete_question_is_left_alone(question: str, model: MiniLM) -> None:
    assert standalone(question, asked("How are lighthouses built?"), model) == question


def test_what_an_earlier_question_meant_by_its_place_is_still_meant(model: MiniLM) -> None:
    history = [
        Turn("user", "Name the bridges."),
        Turn("assistant", "The Tay Bridge, the Forth Bridge, and the Clifton Bridge."),
        Turn("user", "Where does the second begin?"),
        Turn("assistant", "In Queensferry."),
    ]
    assert standalone("Who paid for it?", history, model) == "Who paid for it? (Forth Bridge)"


@pytest.mark.parametrize(
    ("history", "question", "expected"),
    [
        (
            ["What is interoperability?"],
            "Why does it matter for them?",
            "Why does it matter for them? (interoperability)",
        ),
        (["Who was Andre Gunder Frank?"], "Was he a communist?", "Was he a communist? (Andre Gunder Frank)"),
        (["How do FICO scores work?"], "how is that calculated?", "how is that calculated? (FICO scores)"),
        (["When does the Penobscot River freeze?"], "And in spring?", "And in spring? (Penobscot River freeze)"),
        (
            ["What changed after the 2001 attacks?"],
            "What became vital then?",
            "What became vital then? (2001 attacks, changed)",
        ),
        (["What does capacity building cover?"], "Who provides it?", "Who provides it? (capacity building)"),
        (["What is the Lite plan?", "What does it cost?"], "And Enterprise?", "And Enterprise? (cost, Lite plan)"),
    ],
)
def test_a_question_that_points_back_gets_the_topic_in_brackets(
    history: list[str], question: str, expected: str, model: MiniLM
) -> None:
    assert standalone(question, asked(*history), model) == expected


def test_thanks_are_no_topic(model: MiniLM) -> None:
    history = asked("What is a vulnerability scanner?", "Thank you, that is good to know.")
    assert standalone("How do I install it?", history, model) == "How do I install it? (vulnerability scanner)"


def test_without_history_nothing_changes(model: MiniLM) -> None:
    assert standalone("Why does it matter?", (), model) == "Why does it matter?"
    assert standalone("Why does it matter?", [Turn("assistant", "Hello.")], model) == "Why does it matter?"


@pytest.mark.parametrize("question", ["", "   ", "?!", "这是什么", "\u200b", "a" * 5_000])
def test_any_text_is_taken(question: str, model: MiniLM) -> None:
    assert standalone(question, asked("What is tea?"), model).startswith(question.rstrip())
    assert isinstance(lacks_topic(question), bool)


def test_follow_ups_over_the_seeds_find_more_than_the_last_turn_alone(
    seeds_index: Settings, open_index: Callable[..., Index], model: MiniLM
) -> None:
    index = open_index(seeds_index)
    search = Retrieval(index.store, index.embedder, MaxSim(model, index.token_vectors))
    texts = {document: index.store.text_of(document) or "" for document in index.store.catalogue()}

    def found(question: str, gold: list[dict[str, str]]) -> bool:
        places = [(g["document"], texts[g["document"]].index(g["quote"])) for g in gold]
        chunks = [passage.chunk for passage in search.search(question, 3)]
        return any(c.document == document and c.start <= start < c.end for c in chunks for document, start in places)

    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    cases = [case for case in cases if case["kind"] == "follow_up" and case["gold"]]
    alone = sum(found(case["question"], case["gold"]) for case in cases)
    with_topic = sum(
        found(standalone(case["question"], [Turn(**turn) for turn in case["history"]], model), case["gold"])
        for case in cases
    )
    assert len(cases) >= 15
    assert with_topic > alone
