"""What an ordinal in a follow-up question points at."""

import pytest

from rag.answer.enumeration import enumerated, item_meant

SERIES = "Three are described: the Forum, the Mission in Somalia, and the NATO-led mission in Afghanistan."


@pytest.mark.parametrize(
    ("answer", "items"),
    [
        (SERIES, ["the Forum", "the Mission in Somalia", "the NATO-led mission in Afghanistan"]),
        (
            "Through cameras, cyber intelligence and data analysis, among others.",
            ["cameras", "cyber intelligence", "data analysis"],
        ),
        ("Steps:\n- Plan it.\n- Do it.", ["Plan it.", "Do it."]),
        ("The port and mines such as Big Pit and Rhondda.", ["The port", "mines"]),
        ("It works. The parts are tin, lead and zinc.", ["tin", "lead", "zinc"]),
    ],
)
def test_items_are_list_lines_or_the_members_of_a_series(answer: str, items: list[str]) -> None:
    assert enumerated(answer) == items


@pytest.mark.parametrize(
    ("question", "item"),
    [
        ("What does the second one look for?", "the Mission in Somalia"),
        ("And how did the last of those hurt them?", "the NATO-led mission in Afghanistan"),
        ("Who founded the first?", "the Forum"),
        ("What is the fifth about?", None),
        ("When did the first bridge open?", None),
        ("How did the second world war end?", None),
        ("What is a forum?", None),
    ],
)
def test_an_ordinal_without_a_noun_points_at_an_item(question: str, item: str | None) -> None:
    assert item_meant(question, SERIES) == item
