"""A run as it lies in its folder: `manifest.json`, what it was of; `rows.jsonl`, one row an answer;
`passages.jsonl`, the words of every passage that was found.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.asking import EXAMS
from eval.cases import Case
from eval.manifest import SCHEMA, differences
from eval.rows import read_rows, write_rows, write_whole
from eval.scoring import Key, key_of
from rag.errors import UsageError
from rag.types import JSON

# The parts of a manifest that answers do not depend on, as long as the questions are the same.
SCORING = frozenset({"cases", "judges", "scoring"})
MANIFEST, ROWS, PASSAGES = "manifest.json", "rows.jsonl", "passages.jsonl"


Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Run:
    """A run. `asked` questions were asked now; `missing` ones were not, for lack of money."""

    folder: Path
    manifest: JSON
    rows: Sequence[JSON]
    asked: int = 0
    missing: int = 0


def find_run(name: Path, data: Path) -> Path:
    """The folder or file that is called so, from here or else from the exams in the data folder."""
    in_data = data / EXAMS / name
    return name if name.exists() or not in_data.exists() else in_data


def load_run(folder: Path) -> Run:
    """A run from its folder. Raises UsageError when there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise UsageError(f"{str(folder)!r} holds no run. Name a folder that pincite eval run has written.")
    return Run(folder, manifest, read_rows(folder / ROWS))


def save_passages(folder: Path, rows: Sequence[JSON], cases: Sequence[Case]) -> None:
    """Write down the words of the passages, each once, in the order of their places."""
    texts = {case.id: case.texts for case in cases}
    found = {}
    for row in rows:
        for passage in row["answer"]["passages"]:
            if text := texts[row["case"]].of(passage["document"]):
                found[place_of(passage)] = text[passage["start"] : passage["end"]]
    write_rows(
        folder / PASSAGES,
        [{"document": d, "start": start, "end": end, "text": text} for (d, start, end), text in sorted(found.items())],
    )


def load_passages(folder: Path) -> dict[Place, str]:
    """The words of the passages, by place."""
    return {place_of(row): row["text"] for row in read_rows(folder / PASSAGES)}


def place_of(place: JSON) -> Place:
    """Where a passage or citation of a record stands."""
    return place["document"], place["start"], place["end"]


def save_manifest(folder: Path, manifest: JSON) -> None:
    """Write down what the run is of."""
    text = json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False)
    write_whole(folder / MANIFEST, text.encode("utf-8") + b"\n")


def kept_rows(folder: Path, manifest: JSON, retry_failed: bool, rescore: bool) -> tuple[dict[Key, JSON], bool]:
    """The rows that the folder holds of this run, and whether they must be scored anew.

    Raises UsageError when they are of another run; with `rescore` one may differ in what was not asked by it.
    """
    anew = False
    if (folder / MANIFEST).exists():
        before = load_run(folder).manifest
        if anew := before.get("identity") != manifest["identity"]:
            what = differences(before, manifest)
            more = ", with --rescore to keep its answers" if SCORING.issuperset(what) else ""
            if not (rescore and more):
                raise UsageError(
                    f"{folder} holds a run that differs in: {', '.join(what[:5])}. "
                    f"Name another folder with --out, or type the same with --fresh to ask anew{more}."
                )
    rows = read_rows(folder / ROWS)
    kept = {key_of(row): row for row in rows if not (retry_failed and row["answer"]["status"] == "failed")}
    return kept, anew
