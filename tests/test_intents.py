"""What the commonest first inputs are taken for."""

import pytest

from rag.answer.intents import Intent, Intents
from rag.models.minilm import MiniLM

TITLES = {
    "003_dd7c05883146a81e.txt": "Understanding the Evolution of Military Diplomacy in Modern Conflicts",
    "004_7d795a59350bebdd.txt": "Enhancing Security through Defense Diplomacy and International Cooperation",
    "notes/tea.md": "Tea",
}


@pytest.fixture(scope="module")
def intents(model: MiniLM) -> Intents:
    return Intents(model)


def of(intents: Intents, text: str) -> Intent:
    return intents.of(text, TITLES)


@pytest.mark.parametrize("text", ["hi", "Hello!", "good morning", "Thanks.", "thank you", "How are you?"])
def test_greetings(text: str, intents: Intents) -> None:
    assert of(intents, text).kind == "greeting"


@pytest.mark.parametrize(
    "text", ["help", "What can you do?", "what can you do for me", "Who are you?", "How do I use this?"]
)
def test_asking_for_help(text: str, intents: Intents) -> None:
    assert of(intents, text).kind == "help"


@pytest.mark.parametrize(
    "text",
    [
        "What is in these documents?", "what's in the documents", "List the documents", "Which documents do you have?",
        "summarise all documents", "Give me an overview of these files, please", "what topics do you cover?",
    ],
)  # fmt: skip
def test_asking_what_is_there(text: str, intents: Intents) -> None:
    assert of(intents, text).kind == "contents"


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("Summarise 003_dd7c05883146a81e.txt", "003_dd7c05883146a81e.txt"),
        ("Give me an outline of tea.md", "notes/tea.md"),
        ("what is notes/tea.md about?", "notes/tea.md"),
        (
            "Summary of “Understanding the Evolution of Military Diplomacy in Modern Conflicts”",
            "003_dd7c05883146a81e.txt",
        ),
    ],
)
def test_asking_for_a_summary_names_one_document(text: str, document: str, intents: Intents) -> None:
    intent = of(intents, text)
    assert (intent.kind, intent.document) == ("summary", document)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, what is military diplomacy?", "What is military diplomacy about?", "Summarise the challenges of NATO",
        "How can I help my allies?", "What do these documents say about drones?", "thanks to whom did trust grow?", "003?",
        "What is tea?", "How does it work?", "What can NATO do?", "What does tea.md say about milk?",
    ],
)  # fmt: skip
def test_everything_else_is_a_question(text: str, intents: Intents) -> None:
    assert of(intents, text).kind == "question"
