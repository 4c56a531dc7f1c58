"""Follow-up questions without a language model: of several readings the one that the documents answer."""

from pathlib import Path

import pytest

from rag.chat import Chat, open_chat
from rag.settings import Settings, load_settings
from rag.types import Turn

HARBOUR = """Harbour of Grell

The harbour of Grell was founded in 1887 by Edith Maravan. It handles 60,000 tonnes of sand a year.

The pilot station answers on channel 12. Vessels longer than 80 metres need a pilot.
"""


def asked(*turns: str) -> list[Turn]:
    return [Turn("assistant" if number % 2 else "user", turn) for number, turn in enumerate(turns)]


@pytest.fixture
def seeds(seeds_index: Settings) -> Chat:
    return open_chat(seeds_index)


def test_a_fragment_is_read_with_the_question_before_it(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "harbour.txt").write_text(HARBOUR, "utf-8")
    chat = open_chat(load_settings({"documents": tmp_path / "documents", "data": tmp_path / "data"}, environ={}))
    history = asked("Who founded the harbour of Grell?", "The harbour of Grell was founded in 1887 by Edith Maravan.")
    assert "founded in 1887" in chat.ask("And when?", history).text


def test_another_topic_replaces_the_one_before(seeds: Chat) -> None:
    history = asked("What is AMISOM?", "AMISOM is the African Union Mission in Somalia.")
    answer = seeds.ask("And NATO?", history)
    assert "NATO" in answer.text and "AMISOM" not in answer.text


def test_a_question_of_its_own_is_left_alone(seeds: Chat) -> None:
    history = asked("What is AMISOM?", "AMISOM is the African Union Mission in Somalia.")
    question = "What challenges does defense diplomacy face?"
    assert seeds.ask(question, history).search_question == question
