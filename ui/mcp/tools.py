"""The tools that agents are offered: what each takes, gives and does. Knows no protocol."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from rag.index.ingest import stale_files
from rag.types import JSON
from ui.api.requests import Ask, Nothing, Read, Search, Wanted
from ui.api.schema import AnswerRecord, Documents, Passages, Text, Verification
from ui.door import Door
from ui.numbered import page_named, where
from ui.opening import stale_line

# How much of a document is read at once, so that an agent's context is not filled by one call.
READ_CHARACTERS = 20_000

Did = tuple[str, JSON]


class Saved(Wanted):
    """An answer that was saved."""

    answer: dict[str, Any] = Field(description="The answer record that ask gave, or a receipt, unchanged.")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `does` gives text to read and the same as JSON; `ask` has none, since it comes bit by bit."""

    name: str
    title: str
    description: str
    takes: type[Wanted]
    gives: type[BaseModel]
    does: Callable[[Door, Any], Did] | None = None


def search(door: Door, wanted: Search) -> Did:
    found = door.search(wanted)
    lines = [f"[{number}] {_place(p)}\n{p['text'].strip()}" for number, p in enumerate(found["passages"], 1)]
    return "\n\n".join([*lines, *changed(door)]) or "Nothing was found.", found


def _place(p: JSON) -> str:
    return where(p["document"], p["heading"], page_named(p["page"], p["page_label"]), p["start"], p["end"])


def read(door: Door, wanted: Read) -> Did:
    part = door.read(wanted, READ_CHARACTERS)
    head = f"{part['document']}, characters {part['start']}-{part['end']} of {part['characters']}:"
    more = [] if part["end"] == part["characters"] else [f"(Go on with start={part['end']}.)"]
    return "\n\n".join([head, part["text"], *more]), part


def documents(door: Door, wanted: Nothing) -> Did:
    listed = door.documents()
    lines = [f"{d['document']}: {d['title']} ({d['characters']:,} characters)" for d in listed["documents"]]
    return "\n".join([*lines, *changed(door)]), listed


def verify(door: Door, wanted: Saved) -> Did:
    record, text = door.verify(json.dumps(wanted.answer).encode())
    return text, record


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "ask",
            "Ask the documents",
            "Answers a question from the folder of documents, and from nothing else. Every sentence of the answer has "
            "been checked against the exact words it cites, which come with it; what the documents do not say is "
            'declined (status "abstained"), which is a result and not an error. Keep the numbered citations when you '
            'pass an answer on. A statement whose verdict is "partial" should be read beside its quote; what is in '
            '"withheld" failed its check and must not be repeated as fact. Ask one thing at a time; give earlier turns '
            "in history when the question refers to them.",
            Ask,
            AnswerRecord,
        ),
        Tool(
            "search",
            "Find passages",
            "Finds the passages of the documents that best answer a question, best first, with their words and their "
            "offsets; writes no answer. Use it to look around, or to read more than an answer quotes. Scores compare "
            "within one search only, and the best passage may still not answer the question.",
            Search,
            Passages,
            search,
        ),
        Tool(
            "read",
            "Read a document",
            f"The exact text of one document between two offsets, as citations and passages count them; "
            f"{READ_CHARACTERS:,} characters from start when no end is given.",
            Read,
            Text,
            read,
        ),
        Tool(
            "documents",
            "List the documents",
            "Lists the documents that can be asked about: id, title and length.",
            Nothing,
            Documents,
            documents,
        ),
        Tool(
            "verify",
            "Verify a saved answer",
            "Says of an answer that ask gave earlier which of its citations still hold in today's documents: holds, "
            "moved (same words, other offsets), ambiguous, stale or gone.",
            Saved,
            Verification,
            verify,
        ),
    )
}


def changed(door: Door) -> list[str]:
    """That the folder is not as it was indexed."""
    stale = stale_files(door.settings, door.chat.store)
    return [f"Note: {stale_line(stale, door.settings)}"] if stale else []
