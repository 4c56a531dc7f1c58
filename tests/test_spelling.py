"""Misspelt questions: put right by the words of the passages, and by nothing else."""

import pytest

from rag.chat import Chat
from rag.documents.blocks import text_blocks
from rag.documents.chunks import chunk_document
from rag.models.minilm import MiniLM
from rag.search.spelling import corrected
from rag.settings import Settings
from rag.types import Document, Passage

TEXT = """Governments of neighbouring countries fight hybrid warfare together. Cooperation between their forces grew \
after the Treaty of Warsaw. Chemistry students measured the strategy's success by regular measurement."""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("how do goverments fight hybird warfair", "how do governments fight hybrid warfare"),
        ("What did the measurment show?", "What did the measurement show?"),
        ("Straetgy of whom?", "strategy of whom?"),
        ("How do governments fight hybrid warfare?", "How do governments fight hybrid warfare?"),
        ("Who was cooperating, and were chemists there?", "Who was cooperating, and were chemists there?"),
        ("Did they meet in Warsav?", "Did they meet in Warsav?"),
        ("Is the sourdough ready?", "Is the sourdough ready?"),
    ],
)
def test_a_slip_is_put_right_and_words_and_names_are_left_alone(question: str, expected: str, model: MiniLM) -> None:
    document = Document("a.txt", TEXT, text_blocks(TEXT))
    passages = [Passage(chunk, 1.0) for chunk in chunk_document(document, 200)]
    assert corrected(question, passages, model) == expected


def test_the_answer_shows_the_question_that_was_searched_for(settings: Settings) -> None:
    (settings.documents / "a.txt").write_text(TEXT)
    chat = Chat(settings)
    chat.ingest()
    answer = chat.ask("Who fights hybird warfair?")
    assert (answer.question, answer.search_question) == ("Who fights hybird warfair?", "Who fights hybrid warfare?")
    assert answer.statements[0].citations[0].quote.startswith("Governments of neighbouring countries")
