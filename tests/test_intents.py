"""What the commonest first inputs are taken for."""

import pytest

from rag.answer.intents import intent_of

TITLES = {
    "003_dd7c05883146a81e.txt": "Understanding the Evolution of Military Diplomacy in Modern Conflicts",
    "004_7d795a59350bebdd.txt": "Enhancing Security through Defense Diplomacy and International Cooperation",
    "notes/tea.md": "Tea",
}


@pytest.mark.parametrize("text", ["hi", "Hello!", "good morning", "Thanks.", "thank you", "How are you?"])
def test_greetings(text: str) -> None:
    assert intent_of(text, TITLES).kind == "greeting"


@pytest.mark.parametrize(
    "text", ["help", "What can you do?", "what can you do for me", "Who are you?", "How does this work?"]
)
def test_asking_for_help(text: str) -> None:
    assert intent_of(text, TITLES).kind == "help"


@pytest.mark.parametrize(
    "text",
    [
        "What is in these documents?", "what's in the documents", "List the documents", "Which documents do you have?",
        "summarise all documents", "Give me an overview of these files, please", "what topics do you cover?",
    ],
)  # fmt: skip
def test_asking_what_is_there(text: str) -> None:
    assert intent_of(text, TITLES).kind == "contents"


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("Summarise 003_dd7c05883146a81e.txt", "003_dd7c05883146a81e.txt"),
        ("please summarize document 004", "004_7d795a59350bebdd.txt"),
        ("Give me an outline of tea.md", "notes/tea.md"),
        ("What is the article on defense diplomacy and international cooperation about?", "004_7d795a59350bebdd.txt"),
        (
            "Summary of “Understanding the Evolution of Military Diplomacy in Modern Conflicts”",
            "003_dd7c05883146a81e.txt",
        ),
    ],
)
def test_asking_for_a_summary_names_one_document(text: str, document: str) -> None:
    intent = intent_of(text, TITLES)
    assert (intent.kind, intent.document) == ("summary", document)


@pytest.mark.parametrize(
    "text",
    [
        "Hi, what is military diplomacy?", "What is military diplomacy about?", "Summarise the challenges of NATO",
        "How can I help my allies?", "What do these documents say about drones?", "thanks to whom did trust grow?", "003?",
    ],
)  # fmt: skip
def test_everything_else_is_a_question(text: str) -> None:
    assert intent_of(text, TITLES).kind == "question"
