"""How well Pincite tells questions that the documents answer from those that they do not, without a language model."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from eval.bench.data import BenchError, copy_documents, rows_of
from eval.calibrate import auc
from eval.cases import load_cases
from rag.answer.selection import Fitted, Reading
from rag.chat import open_chat
from rag.settings import load_settings
from rag.types import Turn

# Points of the curve that is printed: this share of the questions is answered.
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
FIFTHS = 5


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with what was found for it. Questions of one `group` are not independent of each other."""

    reading: Reading
    answerable: bool
    group: str


def labelled_questions(where: Path, documents: Path, split: str | None = None) -> list[Labelled]:
    """Every question of a folder with corpus.jsonl and questions.jsonl, or of a file of cases about `documents`.

    Questions are asked of an index made for them in a temporary folder. Raises BenchError or CasesError.
    """
    with tempfile.TemporaryDirectory(prefix="pincite-bench-") as folder:
        source = where / "corpus.jsonl" if where.is_dir() else documents
        copy_documents(source, Path(folder, "documents"))
        chat = open_chat(load_settings({"documents": Path(folder, "documents"), "data": Path(folder, "data")}))
        asked = _questions_of(where) if where.is_dir() else _cases_of(where, documents, split)
        found = [
            Labelled(chat.read(question, history), answerable, group) for question, history, answerable, group in asked
        ]
        chat.store.close()
    if len({one.answerable for one in found}) < 2:
        raise BenchError(f"{where} does not hold both answerable and unanswerable questions.")
    return found


def measure_abstaining(where: Path, documents: Path) -> dict[str, Any]:
    """AUC, what happens at the default point, and the risk-coverage curve (El-Yaniv and Wiener, 2010)."""
    found = labelled_questions(where, documents)
    return {
        "dataset": where.stem,
        **scores(found, np.array([one.reading.probability for one in found]), Fitted.load().abstain_below),
    }


def scores(found: Sequence[Labelled], probabilities: npt.NDArray[np.float64], point: float) -> dict[str, Any]:
    """The figures of one set. Risk is the share of unanswerable questions among those that are answered."""
    answerable = np.array([one.answerable for one in found])
    refused = probabilities < point
    order = np.argsort(-probabilities, kind="stable")
    wrong = np.cumsum(~answerable[order])
    curve = []
    for coverage in COVERAGES:
        most = max(1, round(coverage * len(found)))
        lowest = float(probabilities[order[most - 1]])
        curve.append(
            {
                "coverage": coverage,
                "risk": float(wrong[most - 1] / most),
                "abstain_below": lowest,
                "over_refusal": float((probabilities[answerable] < lowest).mean()),
            }
        )
    return {
        "n": len(found),
        "calibration": reliability(answerable, probabilities),
        "auc": auc(answerable.astype(float), probabilities),
        "abstain_below": point,
        "over_refusal": float(refused[answerable].mean()),
        "abstain_recall": float(refused[~answerable].mean()),
        "curve": curve,
    }


def reliability(labels: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.float64]) -> list[dict[str, float]]:
    """Fifths of the range from 0 to 1: how many questions, the mean probability, and the share that is answered."""
    bins = np.minimum((probabilities * FIFTHS).astype(int), FIFTHS - 1)
    return [
        {"n": int(at.sum()), "predicted": float(probabilities[at].mean()), "answerable": float(labels[at].mean())}
        for at in (bins == number for number in range(FIFTHS))
        if at.any()
    ]


def table(result: dict[str, Any]) -> Table:
    """The curve, a line a point."""
    shown = Table(
        title=f"{result['dataset']}: {result['n']} questions, AUC {result['auc']:.3f}",
        caption=f"At the default PINCITE_ABSTAIN_BELOW={result['abstain_below']:g}: {result['over_refusal']:.1%} of "
        f"the answerable and {result['abstain_recall']:.1%} of the unanswerable questions are refused.",
    )
    for name in ("answered", "unanswerable among them", "answerable but refused", "abstain below"):
        shown.add_column(name, justify="right")
    for at in result["curve"]:
        shown.add_row(
            f"{at['coverage']:.0%}", f"{at['risk']:.1%}", f"{at['over_refusal']:.1%}", f"{at['abstain_below']:.3f}"
        )
    return shown


Asked = tuple[str, Sequence[Turn], bool, str]
"""A question, the turns before it, whether the documents answer it, and its group."""


def _questions_of(folder: Path) -> list[Asked]:
    asked: list[Asked] = []
    for number, row in rows_of(folder / "questions.jsonl"):
        question = row.get("question") or row.get("rewrite")
        if not question or not isinstance(row.get("answerable"), bool):
            raise BenchError(f"Line {number} of {folder / 'questions.jsonl'} has no question, or no answerable.")
        related = row.get("related_ids") or row.get("gold_ids") or [number]
        asked.append((question, (), row["answerable"], str(row.get("title") or related[0])))
    return asked


def _cases_of(path: Path, documents: Path, split: str | None) -> list[Asked]:
    return [
        (case.question, case.history, case.answerable, case.cluster or case.id)
        for case in load_cases(path, documents)
        if not case.documents and split in (None, case.split)
    ]
