"""Fits the offline verifier's two heads and its thresholds, and writes `rag/verify/data/offline.json`.

    python -m eval.training.verifier CLAIMS.jsonl... [--pairs eval/calibration/seeds.jsonl]

CLAIMS are human-labelled rows (`id, source, group, claim, passages, supported`); rows with an id seen before are left
out, so a file drawn from the others adds nothing. Every figure in the record is out of fold: the rows of a group
are never on both sides. The pairs of the `reporting` split are judged last and choose nothing.
Needs scikit-learn, which only development installs.
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
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from eval.calibrate import calibrate, load_rows
from rag.models.minilm import MiniLM
from rag.verify import Check
from rag.verify.examination import examine
from rag.verify.heads import Boosted, Heads, heads_from
from rag.verify.offline import agreement_input, judge, support
from rag.verify.wording import Reader

TARGET = Path("rag/verify/data/offline.json")
PAIRS = Path("eval/calibration/seeds.jsonl")
FOLDS, REPEATS = 5, 3
STRENGTH = 0.03
TREES: dict[str, Any] = {
    "max_iter": 150, "learning_rate": 0.04, "max_leaf_nodes": 6, "min_samples_leaf": 10, "l2_regularization": 3.0,
}  # fmt: skip
# Which way each feature of the second head may move it; -1 (more of it, more risk) for all others.
DIRECTIONS = {"stated": 1, "verbatim": 0}
# Of the true statements, so many are shown as supported, and at most so many are withheld.
SHOWN_AS_SUPPORTED, WITHHELD = 0.90, 0.05

Row = dict[str, Any]
Floats = npt.NDArray[np.float64]


class OutOfFold:
    """Judges a row by the scores of the folds that did not see its group."""

    name = "offline, out of fold"
    quality = "scores of folds that did not see the row's group"

    def __init__(self, rows: list[Row], scores: Floats) -> None:
        pairs = zip(rows, scores, strict=True)
        self._scores = {(row["claim"], tuple(row["passages"])): float(score) for row, score in pairs}

    def check(self, statement: str, quotes: Sequence[str]) -> Check:
        """The score that was written down; 0 where there was nothing to examine."""
        return Check("partial", self._scores.get((statement, tuple(quotes)), 0.0))


def main() -> None:
    """Read, examine, fit, write."""
    parser = argparse.ArgumentParser(description="Fit the offline verifier.")
    parser.add_argument("claims", nargs="+", type=Path)
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    files = {path.name: load_rows(path) for path in options.claims}
    pairs = load_rows(options.pairs)
    reader = Reader(MiniLM())
    for row in [*unique(files), *pairs]:
        row["seen"] = examine(row["claim"], row["passages"], reader)
    record = train(files, [row for row in pairs if row["seen"]])
    record["data"] = [*files, options.pairs.name]
    options.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record["scores"], indent=1))


def unique(files: dict[str, list[Row]]) -> list[Row]:
    """The rows of all files, each id as it stands in the first file that has it."""
    return list({row["id"]: row for rows in reversed(files.values()) for row in rows}.values())


def train(files: dict[str, list[Row]], pairs: list[Row]) -> dict[str, Any]:
    """The training record: both heads, thresholds and scores. Every unique row and every pair has been `seen`."""
    rows = [row for row in unique(files) if row["seen"]]
    stated, labels = _table([row["seen"].stated for row in rows]), np.array([row["supported"] for row in rows])
    names = list(rows[0]["seen"].stated)
    out_of_fold = np.zeros(len(rows))
    for repeat in range(REPEATS):
        for train_on, test_on in _folds(labels, [str(row["group"]).lower() for row in rows], repeat):
            head = heads_from(_record(_fit_stated(names, stated[train_on], labels[train_on]))).stated
            out_of_fold[test_on] += [head(rows[i]["seen"].stated) / REPEATS for i in test_on]
    record = _record(_fit_stated(names, stated, labels))
    tuning = [pair for pair in pairs if pair["split"] == "tuning"]
    record["agrees"], agreed = _fit_agrees(heads_from(record), tuning)
    record["thresholds"] = _thresholds(heads_from(record), rows, out_of_fold, tuning, agreed)
    heads = heads_from(record)
    seen = zip(rows, out_of_fold, strict=True)
    scores = [support(r["seen"], p, heads.agrees(agreement_input(r["seen"], heads, p))) for r, p in seen]
    judge_of_rows = OutOfFold(rows, np.array(scores))
    record["scores"] = {
        "all": calibrate(rows, judge_of_rows),
        "files": {name: calibrate(some, judge_of_rows) for name, some in files.items()},
        "pairs_tuning_cross_fitted": pair_scores(heads, tuning, agreed),
        "pairs_reporting": pair_scores(heads, [pair for pair in pairs if pair["split"] == "reporting"]),
        "reliability_of_stated": _reliability(labels, out_of_fold),
    }
    record["quality"] = _quality(record["scores"]["all"])
    return record


def _table(features: Sequence[dict[str, float]]) -> Floats:
    return np.array([list(one.values()) for one in features], np.float64)


def _folds(labels: npt.NDArray[Any], groups: list[str], seed: int) -> list[tuple[Any, Any]]:
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels, groups))


def _record(stated: dict[str, Any]) -> dict[str, Any]:
    """A training record as far as it goes."""
    return {
        "about": "Written by eval/train_verifier.py. `stated`: [mean, deviation, coefficient] a feature. `agrees`: "
        "boosted trees, each node [feature, threshold, if at most, if above].",
        "date": datetime.date.today().isoformat(),
        "data": [],
        "quality": "",
        "thresholds": {"supported_from": 0.5, "unsupported_below": 0.2},
        "scores": {},
        "stated": stated,
        "agrees": {"intercept": 0.0, "trees": []},
    }


def _fit_stated(names: list[str], table: Floats, labels: npt.NDArray[Any]) -> dict[str, Any]:
    """Logistic regression on standardised features."""
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    fitted = LogisticRegression(C=STRENGTH, max_iter=3000).fit((table - mean) / deviation, labels)
    terms = zip(names, mean, deviation, fitted.coef_[0], strict=True)
    return {
        "intercept": round(float(fitted.intercept_[0]), 5),
        "terms": {name: [round(float(value), 5) for value in values] for name, *values in terms},
    }


def _fit_agrees(heads: Heads, pairs: list[Row]) -> tuple[dict[str, Any], Floats]:
    """The second head on all pairs, and each pair's probability from folds that did not see its group."""
    inputs = [agreement_input(pair["seen"], heads) for pair in pairs]
    names, table = list(inputs[0]), _table(inputs)
    labels = np.array([pair["supported"] for pair in pairs])
    out_of_fold = np.zeros(len(pairs))
    for repeat in range(REPEATS):
        for train_on, test_on in _folds(labels, [pair["pair_id"] for pair in pairs], repeat):
            fold = {
                **_record({"intercept": 0.0, "terms": {}}),
                "agrees": _boost(names, table[train_on], labels[train_on]),
            }
            head = heads_from(fold).agrees
            out_of_fold[test_on] += [head(inputs[i]) / REPEATS for i in test_on]
    return _boost(names, table, labels), out_of_fold


def _boost(names: list[str], table: Floats, labels: npt.NDArray[Any]) -> dict[str, Any]:
    model = HistGradientBoostingClassifier(
        **TREES, monotonic_cst=[DIRECTIONS.get(name, -1) for name in names], random_state=0, early_stopping=False
    ).fit(table, labels)
    # scikit-learn has no public view of these trees; the record is checked against the model itself below.
    trees = [_tree(names, stage[0].nodes, 0) for stage in model._predictors]
    record = {"intercept": float(model._baseline_prediction.ravel()[0]), "trees": trees}
    head = _boosted(record)
    ours = np.array([head(dict(zip(names, row, strict=True))) for row in table])
    if not np.allclose(ours, model.predict_proba(table)[:, 1], atol=1e-3):
        raise ValueError("The exported trees do not compute what scikit-learn's do.")
    return record


def _boosted(agrees: dict[str, Any]) -> Boosted:
    return heads_from({**_record({"intercept": 0.0, "terms": {}}), "agrees": agrees}).agrees


def _tree(names: list[str], nodes: Any, at: int) -> Any:
    node = nodes[at]
    if node["is_leaf"]:
        return round(float(node["value"]), 6)
    threshold = float(node["num_threshold"])
    sides = [_tree(names, nodes, int(node[side])) for side in ("left", "right")]
    return [names[int(node["feature_idx"])], threshold, *sides]


def _thresholds(heads: Heads, rows: list[Row], stated: Floats, tuning: list[Row], agreed: Floats) -> dict[str, float]:
    """Where supported begins, from the tuning pairs; where unsupported begins, from all true statements."""
    lenient = dataclasses.replace(heads, supported_from=0.0)
    could = [
        chance if judge(pair["seen"], lenient, float(chance)).verdict == "supported" else 0.0
        for pair, chance in zip(tuning, agreed, strict=True)
        if pair["supported"]
    ]
    supported_from = float(np.quantile(could, 1 - SHOWN_AS_SUPPORTED))
    scores = [score for score, row in zip(stated, rows, strict=True) if row["supported"]]
    scores += [heads.stated(pair["seen"].stated) for pair in tuning if pair["supported"]]
    return {
        "supported_from": round(supported_from, 4),
        # Less than may be withheld: a true statement can be called contradicted as well, and other documents differ.
        "unsupported_below": round(float(np.quantile(scores, WITHHELD - 0.02)), 4),
    }


def pair_scores(heads: Heads, pairs: list[Row], agreed: Floats | None = None) -> dict[str, Any]:
    """How the labelled pairs are shown: by verdict, overall and by kind."""
    checks = [judge(pair["seen"], heads, None if agreed is None else float(agreed[i])) for i, pair in enumerate(pairs)]
    caught: dict[str, list[bool]] = {}
    kept: dict[str, list[bool]] = {}
    withheld = []
    for pair, check in zip(pairs, checks, strict=True):
        wording = "near_verbatim" if pair["near_verbatim"] else "reworded"
        if pair["supported"]:
            withheld.append(check.verdict in ("unsupported", "contradicted"))
        for name in ("all", wording) if pair["supported"] else ("all", wording, pair["kind"]):
            (kept if pair["supported"] else caught).setdefault(name, []).append(
                (check.verdict == "supported") == bool(pair["supported"])
            )
    return {
        "false_not_shown_as_supported": {name: round(float(np.mean(hits)), 3) for name, hits in caught.items()},
        "true_shown_as_supported": {name: round(float(np.mean(hits)), 3) for name, hits in kept.items()},
        "true_withheld": round(float(np.mean(withheld)), 3),
        "auc": round(float(roc_auc_score([p["supported"] for p in pairs], [c.score for c in checks])), 3),
    }


def _reliability(labels: npt.NDArray[Any], scores: Floats) -> list[dict[str, float]]:
    """Tenths of the scores: how high they are on average, and how many of them are true."""
    tenths = np.array_split(np.argsort(scores), 10)
    return [
        {"n": len(t), "predicted": round(float(scores[t].mean()), 3), "true": round(float(labels[t].mean()), 3)}
        for t in tenths
    ]


def _quality(scores: dict[str, Any]) -> str:
    return (
        f"offline verifier: AUC {scores['auc']:.2f} on {scores['n']:,} human labels it was not fitted on, "
        f"where word overlap has {scores['floor_auc']:.2f}"
    )


if __name__ == "__main__":
    main()
