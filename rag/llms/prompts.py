"""Prompts: what a model is asked, as files with two parts, and the passages with numbered sentences."""

import functools
import importlib.resources
from collections.abc import Sequence

from langchain_core.prompts import ChatPromptTemplate

from rag.documents.passages import flat, heading_line, sentence_texts, shown
from rag.types import Passage, Turn

# The whole answer of a model that finds none. The prompts spell it out.
REFUSAL = "NOT IN THE DOCUMENTS"
# Turns of a conversation that a follow-up question may lean on, and how much of each is given.
HISTORY_TURNS, TURN_CHARACTERS = 6, 600


@functools.cache
def prompt(name: str) -> ChatPromptTemplate:
    """The prompt in `prompts/NAME.md`: what stands above its line of three dashes is the system's part."""
    text = (importlib.resources.files("rag") / "llms" / "templates" / f"{name}.md").read_text("utf-8")
    system, _, human = text.partition("\n---\n")
    return ChatPromptTemplate.from_messages([("system", system.strip()), ("human", human.strip())])


def numbered(passages: Sequence[Passage]) -> str:
    """The passages as a model reads them: `[1] Title › Section`, `[1.1] sentence`, `[1.2] - list item`, a line each."""
    blocks = []
    for number, passage in enumerate(passages, 1):
        chunk = passage.chunk
        lines = [f"[{number}] {shown(heading_line(chunk))}"]
        for position, (sentence, text) in enumerate(zip(chunk.sentences, sentence_texts(chunk), strict=True), 1):
            lines.append(f"[{number}.{position}] {'- ' if sentence.kind == 'item' else ''}{shown(text)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def conversation(history: Sequence[Turn]) -> str:
    """The last turns as lines, `user: …` and `assistant: …`."""
    return "\n".join(f"{turn.role}: {flat(turn.content)[:TURN_CHARACTERS]}" for turn in history[-HISTORY_TURNS:])
