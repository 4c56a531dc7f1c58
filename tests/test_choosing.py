"""How much is quoted: what goes on about a sentence, both sides of a comparison, several things, and openings."""

import pytest

from rag.answer.comparisons import compared
from rag.answer.extractive import OfflineChatModel
from rag.documents.blocks import text_blocks
from rag.documents.chunks import chunk_document
from rag.llms.prompts import numbered, prompt
from rag.models.minilm import MiniLM
from rag.models.token_vectors import TokenVectors
from rag.types import Document, Passage

FERRIES = """Ferries of the Sound

The northern line

In 1954 the harbour towns of the Sound founded a partnership to run the northern line. This partnership \
trained forty young sailors for winter crossings. Crossing takes forty minutes.

The northern line earns money in summer, because tourists fill its decks. Its crews live on the island.

The southern line

The southern line loses money every year, since the new bridge took its lorries. However, it is kept for the sake of \
the schools.

Storms

Storms stop the ferries on some thirty days a year. One hazard is the sandbank at the mouth of the Sound. Another \
hazard is drifting ice in February. A further hazard is fog on autumn mornings.
"""


@pytest.fixture(scope="module")
def offline(model: MiniLM) -> OfflineChatModel:
    return OfflineChatModel(model, TokenVectors(model, None), 0.0)


def answer(offline: OfflineChatModel, question: str) -> list[str]:
    """The sentences quoted, without their numbers."""
    document = Document("ferries.txt", FERRIES, text_blocks(FERRIES))
    passages = [Passage(chunk, 0.0) for chunk in chunk_document(document, 80) if chunk.sentences]
    asked = prompt("answer").format_messages(question=question, passages=numbered(passages))
    return [line.rsplit(" [", 1)[0] for line in offline.invoke(asked).text.splitlines()[1:]]


def test_the_sentence_that_goes_on_about_the_quoted_one_is_quoted_when_it_holds_the_answer(
    offline: OfflineChatModel,
) -> None:
    lines = answer(offline, "How did the partnership founded by the harbour towns of the Sound help the young?")
    assert lines == [
        "In 1954 the harbour towns of the Sound founded a partnership to run the northern line.",
        "This partnership trained forty young sailors for winter crossings.",
    ]


def test_the_sentence_that_goes_on_is_left_out_when_it_adds_nothing(offline: OfflineChatModel) -> None:
    assert "Its crews live on the island." not in answer(offline, "When does the northern line earn money?")


def test_a_sentence_that_leans_on_the_one_before_after_a_connective_is_quoted_with_it(
    offline: OfflineChatModel,
) -> None:
    lines = answer(offline, "What is kept running for the sake of the schools?")
    assert lines == [
        "The southern line loses money every year, since the new bridge took its lorries.",
        "However, it is kept for the sake of the schools.",
    ]


def test_a_comparison_is_answered_from_both_sides(offline: OfflineChatModel) -> None:
    lines = answer(offline, "How does the money of the northern line compare with that of the southern line?")
    assert "The northern line earns money in summer, because tourists fill its decks." in lines
    assert "The southern line loses money every year, since the new bridge took its lorries." in lines


def test_more_is_quoted_where_several_things_are_asked_for(offline: OfflineChatModel) -> None:
    several = answer(offline, "Which hazards do the ferries meet?")
    assert sum("hazard" in line for line in several) == 3


def test_a_topic_is_summed_up_by_how_its_passages_open(offline: OfflineChatModel) -> None:
    lines = answer(offline, "Summarize what is said about storms and the two ferry lines.")
    assert "Storms stop the ferries on some thirty days a year." in lines
    assert not any(line.startswith(("One hazard", "Another hazard", "Its crews")) for line in lines)


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("How does the UN's budget compare with that of NATO?", ("the UN's budget", "budget of NATO")),
        (
            "How do Spain's results compare with Italy's in the north?",
            ("Spain's results", "Italy's results in the north"),
        ),
        (
            "What sets the legal worries about trade apart from the ethical ones?",
            ("the legal worries about trade", "ethical worries about trade"),
        ),
        (
            "What are the benefits and the risks of joint training?",
            ("What are the benefits of joint training", "What are the risks of joint training"),
        ),
        ("Tell me the pros and cons of tea.", ("pros of tea", "cons of tea")),
        (
            "How do online meetings help and hurt diplomacy?",
            ("How do online meetings help diplomacy", "How do online meetings hurt diplomacy"),
        ),
        (
            "Before and after the war, who ran the port?",
            ("who ran the port before the war", "who ran the port after the war"),
        ),
        (
            "What do satellites do, for watching as well as for talking?",
            ("What do satellites do for watching", "What do satellites do for talking"),
        ),
        ("Who runs the northern line and the harbour?", None),
        ("What are the rules of the Sound and its towns?", None),
    ],
)
def test_the_two_sides_of_a_comparison_can_each_be_searched_for(question: str, sides: tuple[str, str] | None) -> None:
    assert compared(question) == sides
