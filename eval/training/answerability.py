"""Fits the decision whether passages answer a question, and writes `rag/data/answerability.json`.

    python -m eval.training.answerability FOLDER... [--cases eval/cases/seeds.jsonl] [--documents seeds]

FOLDER holds corpus.jsonl and questions.jsonl whose rows say whether they are `answerable`. Of the cases only the
split `tuning` is fitted on; `reporting` is scored last and chooses nothing. A set counts by the square root of its
size, and in it both labels alike. Scores are out of fold: questions of one group are never on both sides. Needs
scikit-learn, which only development installs.
"""

import argparse
import dataclasses
import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from eval.bench.abstention import Labelled, labelled_questions, scores
from rag.models.logistic import Logistic

TARGET = Path("rag/data/answerability.json")
FOLDS, STRENGTH = 5, 0.03
# A set of 400 questions weighs as many.
SET_WEIGHT = 20
# Of the answerable tuning cases so many are refused at most: the operating point. Few, because what asks for a name or
# a number is told apart there nearly without a mistake, and up to .08 no more of the unanswerable ones are refused.
OVER_REFUSAL = 0.01
ABOUT = "Written by eval/train_answerability.py. `terms`: [mean, deviation, coefficient] a feature."

Floats = npt.NDArray[np.float64]


def main() -> None:
    """Read, search, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the decision whether passages answer a question.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cases", type=Path, default=Path("eval/cases/seeds.jsonl"))
    parser.add_argument("--documents", type=Path, default=Path("seeds"))
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    cases = {split: labelled_questions(options.cases, options.documents, split) for split in ("tuning", "reporting")}
    sets = {folder.name: labelled_questions(folder, folder) for folder in options.folders}
    sets[f"{options.cases.name}, tuning"] = cases["tuning"]
    record = train(sets, cases["tuning"], {f"{options.cases.name}, reporting": cases["reporting"]})
    options.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record["scores"], indent=1))


def train(sets: dict[str, list[Labelled]], tuning: list[Labelled], others: dict[str, list[Labelled]]) -> dict[str, Any]:
    """The record: coefficients, operating point, and out-of-fold scores; `others` are only scored."""
    fitted = _fit(list(sets.values()))
    model = Logistic.of(fitted)
    answerable = [model(dataclasses.asdict(one.evidence)) for one in tuning if one.answerable]
    point = round(float(np.quantile(answerable, OVER_REFUSAL)), 3)
    found = {name: scores(rows, _out_of_fold(name, sets), point) for name, rows in sets.items()}
    found |= {name: scores(rows, _probabilities(model, rows), point) for name, rows in others.items()}
    return {
        "about": ABOUT,
        "date": datetime.date.today().isoformat(),
        "data": list(sets),
        "abstain_below": point,
        **fitted,
        "scores": {name: {k: round(v, 4) for k, v in one.items() if k != "curve"} for name, one in found.items()},
    }


def _out_of_fold(name: str, sets: dict[str, list[Labelled]]) -> Floats:
    """Probabilities for one set by models that saw the other sets and the other groups of this one."""
    rows = sets[name]
    others = [some for other, some in sets.items() if other != name]
    labels, groups = [one.answerable for one in rows], [one.group for one in rows]
    found = np.zeros(len(rows))
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for seen, unseen in splitter.split(np.zeros(len(rows)), labels, groups):
        model = Logistic.of(_fit([*others, [rows[i] for i in seen]]))
        found[unseen] = _probabilities(model, [rows[i] for i in unseen])
    return found


def _probabilities(model: Logistic, rows: Sequence[Labelled]) -> Floats:
    return np.array([model(dataclasses.asdict(one.evidence)) for one in rows])


def _fit(sets: Sequence[Sequence[Labelled]]) -> dict[str, Any]:
    """Logistic regression on standardised features, weighted as the module says."""
    rows = [one for some in sets for one in some]
    names = list(dataclasses.asdict(rows[0].evidence))
    table = np.array([[dataclasses.asdict(one.evidence)[name] for name in names] for one in rows])
    labels = np.array([one.answerable for one in rows])
    weights = np.concatenate([_balanced([one.answerable for one in some]) for some in sets])
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    fitted = LogisticRegression(C=STRENGTH, max_iter=2_000).fit((table - mean) / deviation, labels, weights)
    terms = zip(names, mean, deviation, fitted.coef_[0], strict=True)
    return {
        "intercept": round(float(fitted.intercept_[0]), 5),
        "terms": {name: [round(float(value), 5) for value in values] for name, *values in terms},
    }


def _balanced(labels: Sequence[bool]) -> Floats:
    right = np.array(labels)
    share = np.where(right, right.mean(), 1 - right.mean())
    weights: Floats = SET_WEIGHT / np.sqrt(len(right)) / (2 * share)
    return weights


if __name__ == "__main__":
    main()
