"""What `compare` and `gate` are given: a run's folder, one backend of it, or a baseline that was committed."""

import json
from collections.abc import Sequence
from pathlib import Path

from eval.compare import Side
from eval.metrics import is_gated
from eval.rows import write_whole
from eval.runs import find_run, load_run
from eval.summary import by_backend, shown
from rag.errors import UsageError
from rag.types import JSON

SCHEMA = "pincite.baseline/1"
KEPT = ("case", "kind", "split", "cluster", "digest", "backend", "repeat")


def read_sides(text: str, data: Path) -> list[Side]:
    """The sides that `RUN`, `RUN@BACKEND` or `BASELINE.json` names, one a backend; a run by its folder, or by its name
    in the data folder. Raises UsageError.
    """
    whole = find_run(Path(text), data)
    name, _, backend = (text, "", "") if whole.exists() else text.rpartition("@")
    if not name:
        raise UsageError(f"There is no run or baseline {text!r}. Name a folder that pincite eval run has written.")
    path = find_run(Path(name), data)
    manifest, rows, _ = read_scores(path)
    controls = "".join(f" +{name}" for name in manifest.get("controls", ()))
    sides = [
        Side(f"{path}: {shown(name)}{controls}", some, manifest)
        for name, some in by_backend(rows).items()
        if backend in ("", name, shown(name))
    ]
    if not sides:
        raise UsageError(
            f"{path} has no answers by {backend!r}. It has: {', '.join(map(shown, by_backend(rows))) or 'none'}."
        )
    return sides


def read_scores(path: Path) -> tuple[JSON, Sequence[JSON], JSON]:
    """The manifest, rows and floors of a run's folder or of a baseline file. Raises UsageError."""
    if path.is_dir():
        run = load_run(path)
        return run.manifest, run.rows, {}
    try:
        baseline = json.loads(path.read_text("utf-8"))
        return baseline["manifest"], baseline["rows"], baseline["floors"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{str(path)!r} is no baseline. Make one with: pincite eval gate BASELINE RUN --accept"
        ) from None


def read_floors(text: str, data: Path) -> JSON:
    """The floors of a baseline; none for a run. Raises UsageError."""
    path = find_run(Path(text), data)
    return {} if path.is_dir() or not path.exists() else read_scores(path)[2]


def write_baseline(path: Path, run: Path, floors: JSON) -> None:
    """Keep a run's scores as a baseline: no answers, no times, a line a row, so that a change is easy to read."""
    manifest, rows, _ = read_scores(run)
    kept = [
        {name: row[name] for name in KEPT}
        | {"scores": {n: round(v, 4) for n, v in row["scores"].items() if v is not None and is_gated(n)}}
        for row in rows
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in kept)
    told = {name: value for name, value in manifest.items() if name != "cases"}
    head = json.dumps({"schema": SCHEMA, "floors": floors, "manifest": told}, ensure_ascii=False, indent=1)
    write_whole(path, f'{head[:-2]},\n "rows": [\n{lines}\n]}}\n'.encode())
