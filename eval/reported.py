"""What a reader reports as a wrong citation becomes a case, so that the next exam knows of it."""

import json
from collections.abc import Sequence
from pathlib import Path

from eval.rows import read_rows, write_rows
from rag.errors import UsageError
from rag.types import JSON, Document, Turn, sha256_of

FILE = "reported.jsonl"
# How far a quote is lengthened until it stands only once in its document.
STEP_CHARACTERS = 20


def report_wrong(
    folder: Path, document: Document, place: tuple[int, int], *, question: str, statement: str, history: Sequence[Turn]
) -> Path:
    """Add a case in which these words must not be cited for this question; the same report again changes nothing.

    Gives the file of cases. Raises UsageError when the place does not lie in the document.
    """
    start, end = place
    if not 0 <= start < end <= len(document.text):
        raise UsageError(f"{start}:{end} lies outside {document.id}. Open the document again.")
    case: JSON = {
        "kind": "reported",
        "split": "reporting",
        "question": question,
        "answerable": True,
        "wrong": [{"document": document.id, "quote": _once(document.text, start, end), "group": 1}],
        "note": f"Reported as not supporting: {statement}",
    }
    if history:
        case["history"] = [{"role": turn.role, "content": turn.content} for turn in history]
    name = f"reported-{sha256_of(json.dumps(case, sort_keys=True))[:10]}"
    path = folder / FILE
    known = read_rows(path)
    if name not in {row["id"] for row in known}:
        write_rows(path, [*known, {"id": name, **case}])
    return path


def _once(text: str, start: int, end: int) -> str:
    """The words, with as much around them as it takes for them to stand only once."""
    while text.count(text[start:end]) > 1:
        start, end = max(0, start - STEP_CHARACTERS), min(len(text), end + STEP_CHARACTERS)
    return text[start:end]
