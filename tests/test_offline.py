"""The offline backend, asked through the chat: it quotes the sentences that answer, or declines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.chat import Chat, open_chat
from rag.settings import load_settings
from rag.types import Answer

TAY = """Bridges of the Tay

History

The first rail bridge over the Tay was opened in 1878. It fell in a storm in December 1879, and a train went with it. \
A second bridge was opened in 1887. Its engineers reused girders of the first.

Upkeep

Rust is the main enemy of the bridge. Painters need four years to coat all of it.

Inspection covers the following parts:

- the piers below the water
- the expansion joints
- the handrails
"""
FERRIES = """# Ferries

| Boat | Cars | Crossing |
|---|---|---|
| Abercraig | 28 | 20 minutes |
| Scotscraig | 26 | 25 minutes |
| B. L. Nairn | 16 | 30 minutes |
"""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    folder = tmp_path_factory.mktemp("tay")
    documents = folder / "documents"
    documents.mkdir()
    (documents / "tay.txt").write_text(TAY, "utf-8")
    (documents / "ferries.md").write_text(FERRIES, "utf-8")
    opened = open_chat(load_settings({"documents": documents, "data": folder / "data"}, environ={}))
    yield opened
    opened.store.close()


def quotes(answer: Answer) -> list[str]:
    return [citation.quote for statement in answer.statements for citation in statement.citations]


def test_it_answers_with_the_sentence_that_answers(chat: Chat) -> None:
    answer = chat.ask("What damages the bridge most?")
    assert quotes(answer)[0] == "Rust is the main enemy of the bridge."
    assert answer.answered_by == "offline"
    assert 0 < (answer.answers_question or 0) <= 1


def test_a_list_comes_with_its_lead_in(chat: Chat) -> None:
    found = quotes(chat.ask("Which three parts are inspected?"))
    assert found == [
        "Inspection covers the following parts:",
        "the piers below the water",
        "the expansion joints",
        "the handrails",
    ]


def test_of_a_table_only_the_row_that_was_asked_for_is_quoted(chat: Chat) -> None:
    found = quotes(chat.ask("How many cars did the Scotscraig carry?"))
    assert any("Scotscraig" in quote for quote in found)
    assert not any("Abercraig" in quote or "Nairn" in quote for quote in found)


@pytest.mark.parametrize("question", ["Who won the chess tournament?", "When was the chief painter born?"])
def test_it_declines_what_the_documents_do_not_say(chat: Chat, question: str) -> None:
    answer = chat.ask(question)
    assert answer.status == "abstained"
    assert (answer.answers_question or 0) < (chat.ask("What damages the bridge most?").answers_question or 0)


def test_moving_the_point_moves_what_is_declined(chat: Chat, tmp_path: Path) -> None:
    def status(point: float, question: str) -> str:
        settings = chat.settings.model_copy(update={"abstain_below": point})
        return open_chat(settings).ask(question).status

    assert status(0.0, "Who won the chess tournament?") == "answered"
    assert status(1.0, "What damages the bridge most?") == "abstained"


def test_of_a_tables_rows_and_of_numbered_clauses_the_one_asked_for_is_quoted(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    rows = "Route,Adult,Child\nLindow to Marsk,14 euros,7 euros\nLindow to Oxholm,19 euros,9 euros\n"
    (folder / "fares.csv").write_text(rows, "utf-8")
    chat = open_chat(load_settings({"documents": folder, "data": tmp_path / "data"}, {}))
    answer = chat.ask("How much is a child's ticket from Lindow to Oxholm?")
    assert "Oxholm" in answer.text
    assert "Marsk" not in answer.text
