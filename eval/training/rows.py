"""Training rows, and their compact file: every text once, rows name texts by number."""

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Span = tuple[int, int]
Task = Literal["answers", "supports"]
SUPPORTED, CONTRADICTED, NOT_STATED, NOT_SUPPORTED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Row:
    """One pair to read.

    `label`: *answers*: 1 or 0. *supports*: SUPPORTED, CONTRADICTED, NOT_STATED, or NOT_SUPPORTED where it is unknown
    which of the two. None: unlabelled, learnt from the teacher alone. `answering`: *answers*, 0 or 1 for each sentence.
    `unsupported`: *supports*, the characters of `first` that the evidence does not carry.
    """

    task: Task
    first: str
    sentences: tuple[str, ...]
    label: int | None
    source: str
    group: str
    heading: str = ""
    answering: tuple[int, ...] | None = None
    unsupported: tuple[Span, ...] | None = None
    weight: float = 1.0

    @property
    def characters(self) -> int:
        return len(self.first) + sum(map(len, self.sentences))


def write(rows: Iterable[Row], path: Path) -> None:
    number: dict[str, int] = {}

    def of(text: str) -> int:
        return number.setdefault(text, len(number))

    small = [
        [
            row.task == "supports", of(row.first), of(row.heading), [of(s) for s in row.sentences], row.label,
            row.answering, row.unsupported, row.source, row.group, row.weight,
        ]
        for row in rows
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", compresslevel=6, encoding="utf-8") as file:
        json.dump([list(number), small], file, ensure_ascii=False, separators=(",", ":"))


def read(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts, small = json.load(file)
    return [_row(texts, item) for item in small]


def _row(texts: list[str], item: list[Any]) -> Row:
    supports, first, heading, sentences, label, answering, unsupported, source, group, weight = item
    return Row(
        "supports" if supports else "answers",
        texts[first],
        tuple(texts[n] for n in sentences),
        label,
        source,
        group,
        texts[heading],
        None if answering is None else tuple(answering),
        None if unsupported is None else tuple((start, end) for start, end in unsupported),
        weight,
    )
