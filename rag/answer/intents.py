"""The commonest inputs that are not questions about facts, by likeness to examples: greetings, help, overviews."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from rag.models.minilm import MiniLM, Vectors

Kind = Literal["greeting", "help", "contents", "summary", "question"]

# An input is of the kind of the example that it is likest to, from this cosine on.
LIKE = 0.8
EXAMPLES: Mapping[Kind, tuple[str, ...]] = {
    "greeting": (
        "Hi",
        "Hi there",
        "Hello",
        "Hello there",
        "Hey",
        "Good morning",
        "Thanks",
        "Thank you",
        "How are you?",
        "Bye",
    ),
    "help": (
        "Help",
        "What can you do?",
        "What can you do for me?",
        "Who are you?",
        "How do I use this?",
        "How does this chat work?",
        "What can I ask you?",
    ),
    "contents": (
        "What are these documents about?",
        "What is in these documents?",
        "Which documents do you have?",
        "List the documents",
        "Summarise all documents",
        "Summarise everything",
        "Give me an overview of these files",
        "What topics do you cover?",
    ),
    "summary": (
        "Summarise this document",
        "Summarise this document in three sentences",
        "Give me an outline of this document",
        "What is this document about?",
        "What are the main points of this document?",
    ),
}


@dataclass(frozen=True, slots=True)
class Intent:
    """What an input asks for. `document` is the one to outline, only with kind "summary"."""

    kind: Kind
    document: str | None = None


QUESTION = Intent("question")


class Intents:
    """Tells what an input asks for."""

    def __init__(self, model: MiniLM) -> None:
        self._model = model

    def of(self, question: str, titles: Mapping[str, str]) -> Intent:
        """What `question` asks for, given the documents' titles by id. "Hi, what is …" is a question."""
        if named := _named(question, titles):
            document, words = named
            asked = question.replace(words, "this document")
            return Intent("summary", document) if self._kind(asked) in ("summary", "contents") else QUESTION
        kind = self._kind(question)
        return QUESTION if kind == "summary" else Intent(kind)

    def _kind(self, text: str) -> Kind:
        likeness = self._examples @ self._model.question(text).vector
        best = int(np.argmax(likeness))
        return self._kinds[best] if likeness[best] >= LIKE else "question"

    @cached_property
    def _kinds(self) -> list[Kind]:
        return [kind for kind, texts in EXAMPLES.items() for _ in texts]

    @cached_property
    def _examples(self) -> Vectors:
        texts = [text for some in EXAMPLES.values() for text in some]
        return np.stack([encoding.vector for encoding in self._model.encode(texts)])


def _named(question: str, titles: Mapping[str, str]) -> tuple[str, str] | None:
    """The one document that a question names by its id, its file's name with or without its ending, or its title, and
    the words that name it.
    """
    found = {}
    for document, title in titles.items():
        file = document.rsplit("/", 1)[-1]
        for name in (document, file, file.rsplit(".", 1)[0], title):
            several = len(re.findall(r"[^\W_]+", name)) > 1  # one word alone is more often a topic than a name
            words = re.search(rf"(?<!\w)[\"“]?{re.escape(name)}[\"”]?(?!\w)", question, re.IGNORECASE)
            if several and words:
                found[document] = words[0]
                break
    named = found or _numbered(question, titles)
    return next(iter(named.items())) if len(named) == 1 else None


def _numbered(question: str, titles: Mapping[str, str]) -> dict[str, str]:
    """The documents of whose names a part with a digit in it, which no other's has, is a word of the question."""
    parts = {document: set(re.findall(r"[^\W_]+", document.rsplit("/", 1)[-1])) for document in titles}
    numbers = {word for word in re.findall(r"[^\W_]+", question) if any(c.isdigit() for c in word)}
    holders = {word: [document for document in titles if word in parts[document]] for word in numbers}
    return {found[0]: word for word, found in holders.items() if len(found) == 1}
