"""Prompts: what a model is asked, as files with two parts, and the passages with numbered sentences."""

import functools
import importlib.resources
import re
from collections.abc import Sequence

from langchain_core.prompts import ChatPromptTemplate

from rag.documents.passages import flat, heading_line, sentence_texts, shown
from rag.types import Passage, Turn

# The whole answer of a model that finds none. The prompts spell it out.
REFUSAL = "NOT IN THE DOCUMENTS"
# Under this name the question for an answer and its passages travel with the message that spells them out.
CITABLE = "pincite_citable"
# So many words in a row that stand in the prompt too are copied from it.
ECHO_WORDS = 4
# Turns of a conversation that a follow-up question may lean on, and how much of each is given.
HISTORY_TURNS, TURN_CHARACTERS = 6, 600


@functools.cache
def prompt(name: str) -> ChatPromptTemplate:
    """The prompt in `templates/NAME.md`: what stands above its line of three dashes is the system's part."""
    text = (importlib.resources.files("rag") / "llms" / "templates" / f"{name}.md").read_text("utf-8")
    system, _, human = text.partition("\n---\n")
    return ChatPromptTemplate.from_messages([("system", system.strip()), ("human", human.strip())])


@functools.cache
def _prompt_words(name: str) -> str:
    """The words of a prompt without its values, in a row."""
    text = (importlib.resources.files("rag") / "llms" / "templates" / f"{name}.md").read_text("utf-8")
    return f" {' '.join(words(re.sub('{[a-z]+}', '', text)))} "


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return re.findall(r"\w+", text.lower())


def echoes(text: str, name: str) -> bool:
    """Whether a text repeats the prompt of that name instead of saying something: most of it stands there in a row."""
    said, told = words(text), _prompt_words(name)
    if f" {' '.join(said)} " in told:
        return len(said) > 1 or text.rstrip().endswith(":")
    run = ECHO_WORDS
    runs = [i for i in range(len(said) - run + 1) if f" {' '.join(said[i : i + run])} " in told]
    return len({i + j for i in runs for j in range(run)}) > len(said) / 2


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
