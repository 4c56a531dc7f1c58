"""What the retrieval benchmark is asked: questions, the documents to search, and what counts as found."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import PinciteError
from rag.types import Turn


class BenchError(PinciteError):
    """The data of a benchmark is not laid out as it should be."""


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a document that a system has found."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `found` names what a place counts as; a place of the name of one of `gold` is right."""

    question: str
    gold: frozenset[str]
    found: Callable[[Span], str]
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchData:
    """A benchmark set: `copy_to` lays the documents into a folder that Pincite can ingest."""

    name: str
    queries: tuple[Query, ...]
    source: Path
    with_history: bool = False

    def copy_to(self, folder: Path) -> None:
        """The documents, copied into `folder`."""
        copy_documents(self.source, folder)


def copy_documents(source: Path, folder: Path) -> None:
    """A file, or the files of a folder, copied into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [source] if source.is_file() else sorted(source.iterdir()):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)


def load_corpus(folder: Path, with_history: bool) -> BenchData:
    """A folder with `corpus.jsonl` and `questions.jsonl`; a document's name is its row's id. Raises BenchError."""
    corpus = folder / "corpus.jsonl"
    if not corpus.is_file():
        raise BenchError(f"{folder} holds no corpus.jsonl. Name a folder with corpus.jsonl and questions.jsonl.")
    queries = []
    for number, row in rows_of(folder / "questions.jsonl"):
        if not row.get("gold_ids"):
            continue
        history: tuple[Turn, ...] = ()
        if with_history:
            question, history = _conversation(row)
        else:
            question = row.get("question") or row.get("rewrite") or ""
        if not question:
            raise BenchError(f"Line {number} of {folder / 'questions.jsonl'} has no question to search for.")
        queries.append(Query(question, frozenset(map(str, row["gold_ids"])), _row_id, history))
    return BenchData(folder.resolve().name, _some(queries, folder), corpus, with_history)


def load_cases(path: Path, documents: Path | None) -> BenchData:
    """A file of cases with a target `paragraph` each; a place is right when it overlaps that paragraph."""
    folder = documents or Path("seeds")
    queries = []
    for number, row in rows_of(path):
        target = row.get("paragraph")
        if target is None:
            continue
        text = (folder / target["document"]).read_bytes().decode("utf-8")
        if text.count(target["quote"]) != 1:
            raise BenchError(
                f"Line {number} of {path}: its paragraph does not stand just once in {target['document']}."
            )
        start = text.index(target["quote"])
        end = text.find("\n", start)
        goal = Span(target["document"], start, len(text) if end < 0 else end)
        queries.append(Query(row["question"], frozenset({"target"}), _overlap(goal)))
    return BenchData(path.stem, _some(queries, path), folder)


def _conversation(row: dict[str, Any]) -> tuple[str, tuple[Turn, ...]]:
    """The last turn and the turns before it: with the answers where the row has them."""
    turns = [Turn(turn["role"], turn["content"]) for turn in row.get("full_history") or row.get("history") or ()]
    if not turns:
        turns = [Turn("user", words) for words in row.get("user_turns") or ()]
    if turns and turns[-1].role == "user":
        turns.pop()
    return row.get("last_turn") or row.get("question") or "", tuple(turns)


def _row_id(span: Span) -> str:
    return span.document.partition("#")[2] or span.document


def _overlap(goal: Span) -> Callable[[Span], str]:
    def found(span: Span) -> str:
        hit = span.document == goal.document and span.start < goal.end and goal.start < span.end
        return "target" if hit else f"{span.document}:{span.start}"

    return found


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with their line numbers. Raises BenchError."""
    if not path.is_file():
        raise BenchError(f"{path} does not exist. Name a folder with it and corpus.jsonl, or a file of cases.")
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError:
                raise BenchError(f"Line {number} of {path} is not JSON.") from None
            yield number, row


def _some(queries: list[Query], where: Path) -> tuple[Query, ...]:
    if not queries:
        raise BenchError(f"{where} holds no question that says where its answer stands.")
    return tuple(queries)
