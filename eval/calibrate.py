"""How well a judge agrees with human labels, beside the floor that counting shared words reaches.

A row is `claim, passages[], supported` (0 or 1), optional `source`, `pair_id` (a supported and an unsupported row that
belong together) and `group` (rows that are not independent; they are drawn together for the intervals).
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import snowballstemmer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from scipy.stats import mannwhitneyu

from rag.errors import UsageError
from rag.types import JSON
from rag.verify import Verifier
from rag.verify.difference import words_in

# A score from here on says "supported" where accuracy is counted. Verdicts have stricter thresholds of their own.
HALF = 0.5
# Words with fewer letters say little by themselves.
CONTENT_LETTERS = 4
RESAMPLES, SEED = 1_000, 20_261_121

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Figure = Callable[[Floats, Floats], float | None]


def run(path: Path, judge: Verifier, progress: Callable[[int, int], None] | None = None) -> JSON:
    """The calibration record of `judge` over the rows of a JSONL file. Raises UsageError for an unusable file."""
    return calibrate(load_rows(path), judge, progress)


def load_rows(path: Path) -> list[JSON]:
    """The labelled rows of a file. Raises UsageError naming the line that is not one."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error.strerror}). Name a JSONL file of claims.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{str(path)!r} is not UTF-8 text. Save it as UTF-8.") from None
    rows = [_row(line, f"{path} line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise UsageError(f"{path} has no rows. Each line is an object with claim, passages and supported.")
    return rows


def calibrate(rows: Sequence[JSON], judge: Verifier, progress: Callable[[int, int], None] | None = None) -> JSON:
    """Scores every row and compares with its label; a figure that the rows do not allow is None.

    `intervals` are 95 % bootstrap intervals over groups. `better_than_floor` is whether the whole interval of
    `auc - floor_auc` lies above zero.
    """
    scores = np.empty(len(rows))
    for i, row in enumerate(rows):
        scores[i] = judge.check(row["claim"], row["passages"]).score
        if progress:
            progress(i + 1, len(rows))
    labels = np.array([float(row["supported"]) for row in rows])
    floor = np.array([word_overlap(row["claim"], row["passages"]) for row in rows])
    groups = _groups(rows)
    figures: dict[str, Figure] = {"auc": auc, "macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}
    above = interval(lambda i: _difference(labels[i], scores[i], floor[i]), groups)
    intervals = {
        name: interval(lambda i, figure=figure: figure(labels[i], scores[i]), groups)  # type: ignore[misc]
        for name, figure in figures.items()
    }
    return {
        "judge": judge.name,
        "n": len(rows),
        **{name: rounded(figure(labels, scores)) for name, figure in figures.items()},
        "floor_auc": rounded(auc(labels, floor)),
        "pair_accuracy": rounded(pair_accuracy(rows, scores)),
        "by_source": _by_source(rows, labels, scores),
        "intervals": {**intervals, "auc_above_floor": above},
        "better_than_floor": None if above is None else above[0] > 0,
    }


def word_overlap(claim: str, passages: Sequence[str]) -> float:
    """Which share of the claim's longer words the passages have, by stem: the floor for any judge."""
    stemmer = snowballstemmer.stemmer("english")
    said, known = (
        stemmer.stemWords([word for word, _, _ in words_in(text) if len(word) >= CONTENT_LETTERS or word.isdigit()])
        for text in (claim, "\n".join(passages))
    )
    known = set(known)
    return sum(word in known for word in said) / len(said) if said else 0.0


def auc(labels: Floats, scores: Floats) -> float | None:
    """The chance that a supported row scores above an unsupported one, ties half (Mann and Whitney's U)."""
    true, false = scores[labels == 1], scores[labels == 0]
    if not len(true) or not len(false):
        return None
    return float(mannwhitneyu(true, false).statistic / (len(true) * len(false)))


def macro_f1(labels: Floats, scores: Floats) -> float | None:
    """The mean of both classes' F1 at a score of one half."""
    if len(set(labels.tolist())) < 2:
        return None
    said = scores >= HALF
    each = []
    for value in (True, False):
        hits = float(((labels == value) & (said == value)).sum())
        each.append(2 * hits / (float((labels == value).sum()) + float((said == value).sum())))
    return float(np.mean(each))


def balanced_accuracy(labels: Floats, scores: Floats) -> float | None:
    """The mean of both classes' share judged right at a score of one half."""
    if len(set(labels.tolist())) < 2:
        return None
    said = scores >= HALF
    return float(np.mean([(said[labels == value] == bool(value)).mean() for value in (0, 1)]))


def pair_accuracy(rows: Sequence[JSON], scores: Floats) -> float | None:
    """Mean over the pairs of how often the supported row scores above the unsupported one, ties half."""
    pairs: dict[Any, tuple[list[float], list[float]]] = {}
    for row, score in zip(rows, scores, strict=True):
        if row.get("pair_id") is not None:
            pairs.setdefault(row["pair_id"], ([], []))[0 if row["supported"] else 1].append(float(score))
    each = [auc(np.repeat([1.0, 0.0], [len(t), len(f)]), np.array([*t, *f])) for t, f in pairs.values() if t and f]
    return float(np.mean([value for value in each if value is not None])) if each else None


def interval(
    figure: Callable[[npt.NDArray[np.int64]], float | None], groups: list[npt.NDArray[np.int64]]
) -> list[float] | None:
    """The 95 % percentile bootstrap interval of a figure of row numbers, whole groups drawn; None for under two."""
    if len(groups) < 2:
        return None

    drawn = np.random.default_rng(SEED).integers(len(groups), size=(RESAMPLES, len(groups)))
    found = [figure(np.concatenate([groups[g] for g in one])) for one in drawn]
    known = [value for value in found if value is not None]
    return [round(float(value), 3) for value in np.quantile(known, [0.025, 0.975])] if known else None


def as_json(record: JSON) -> str:
    """The record as one JSON object."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def as_table(record: JSON, quality: str) -> RenderableType:
    """The record for reading: a table, and whether the judge is worth more than counting words."""
    table = Table(title=f"{record['judge']}, {record['n']} claims", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    for name in ("auc", "macro_f1", "balanced_accuracy", "floor_auc", "pair_accuracy"):
        table.add_row(name, _shown(record[name]), _shown_interval(record["intervals"].get(name)))
    table.add_row("auc_above_floor", "", _shown_interval(record["intervals"]["auc_above_floor"]))
    for source, value in record["by_source"].items():
        table.add_row(f"auc, {source}", _shown(value), "")
    return Group(table, Text(label(record)), Text(quality))


def label(record: JSON) -> str:
    """One line: whether the judge is better than counting shared words, by these labels."""
    if record["better_than_floor"] is None:
        return "These labels cannot say whether the judge is better than counting shared words."
    if record["better_than_floor"]:
        return f"Better than counting shared words (AUC {_shown(record['auc'])} against {_shown(record['floor_auc'])})."
    return (
        f"Not better than counting shared words (AUC {_shown(record['auc'])} against {_shown(record['floor_auc'])}; "
        "the interval of the difference includes zero)."
    )


def rounded(value: float | None) -> float | None:
    """Four digits are more than the labels can tell."""
    return None if value is None else round(value, 4)


def _row(line: str, place: str) -> JSON:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise UsageError(f"{place} is not a JSON object. Each line is one, with claim, passages and supported.")
    claim, passages, supported = row.get("claim"), row.get("passages"), row.get("supported")
    if not isinstance(claim, str):
        raise UsageError(f"{place} has no text under claim.")
    if not isinstance(passages, list) or not all(isinstance(passage, str) for passage in passages):
        raise UsageError(f"{place} has no list of texts under passages.")
    if supported not in (0, 1):
        raise UsageError(f"{place} needs 0 or 1 under supported.")
    return row


def _groups(rows: Sequence[JSON]) -> list[Numbers]:
    """The row numbers of each group; a row without one goes with its pair, or else is alone."""
    members: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        key = next((f"{name}:{row[name]}" for name in ("group", "pair_id") if row.get(name) is not None), f"row:{i}")
        members.setdefault(key, []).append(i)
    return [np.array(numbers, np.int64) for numbers in members.values()]


def _difference(labels: Floats, scores: Floats, floor: Floats) -> float | None:
    judged, counted = auc(labels, scores), auc(labels, floor)
    return None if judged is None or counted is None else judged - counted


def _by_source(rows: Sequence[JSON], labels: Floats, scores: Floats) -> dict[str, float | None]:
    sources = sorted({str(row["source"]) for row in rows if row.get("source") is not None})
    where = {source: np.array([str(row.get("source")) == source for row in rows]) for source in sources}
    return {source: rounded(auc(labels[mask], scores[mask])) for source, mask in where.items()}


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _shown_interval(bounds: list[float] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"
