"""Fits the verifier's stack to a reader, and writes `rag/verify/data/stack.json`: run it whenever the weights change.

    python -m eval.training.verifier FOLDER [--unseen] [--reader SPEC] [--out FILE]

The pairs of `eval/calibration` fit it, those of the split `tuning`; the others report. FOLDER holds
`claim_support_*.jsonl`, human-labelled rows (`source, group, claim, passages, supported`), of which half by group
reports, and half fits with `--unseen`: say so only of a reader that was not trained on them, or the stack trusts it
where it remembers.
Needs scikit-learn, which only development installs.
"""

import argparse
import datetime
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from eval.calibrate import auc, load_rows, pair_accuracy, rounded, word_overlap
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.types import JSON
from rag.verify.reader import Examination, ReaderVerifier, Stack, judge

TARGET = Path("rag/verify/data/stack.json")
PAIRS = Path("eval/calibration")
NATURAL = ("attributionbench", "wice", "mtrag_faithfulness")
# Rows of the others once more, and rewordings so free that a small reader tells them no better than chance: fitted to
# those, the stack would pass what shares nothing with its source.
REPORTED = ("overlap_matched", "reworded")
STRENGTH, CONSTANT = 0.03, 1e-4
# Of the false statements of the pairs, so many at most are shown as supported; of the true ones of each source, so many
# are withheld; of all that is called contradicted, so many at most are true.
FALSE_SUPPORTED, FALSE_COPIED, TRUE_WITHHELD, TRUE_CONTRADICTED = 0.10, 0.015, 0.04, 0.005

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """A row with what there was to judge by; `exact` where it is quoted, which needs no judgement."""

    row: JSON
    seen: Examination | None
    exact: bool

    @property
    def fits(self) -> bool:
        """Whether the row is in the half that fits."""
        if "split" in self.row:
            return bool(self.row["split"] == "tuning")
        return hashlib.sha256(str(self.row["group"]).lower().encode()).digest()[0] < 128


def main() -> None:
    """Read, examine, fit, report, write."""
    parser = argparse.ArgumentParser(description="Fit the verifier's stack.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--reader", default="bundled")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    files = {name: options.folder / f"claim_support_{name}.jsonl" for name in (*NATURAL, REPORTED[0])}
    files = {name: path for name, path in files.items() if path.exists()}
    files |= {path.stem: path for path in sorted(PAIRS.glob("*.jsonl")) if "claim" in load_first(path)}
    verifier = ReaderVerifier(open_reader(options.reader, 1), MiniLM(1), _stack({}, {}, {}))
    data, known, began = dict[str, list[Seen]](), dict[str, Seen](), time.process_time()
    every = {name: load_rows(path) for name, path in files.items()}
    every["unrelated"] = unrelated([*every["seeds"], *every["changes"]])
    for name, rows in every.items():
        for row in rows:
            key = json.dumps([row["claim"], row["passages"]])
            known[key] = known.get(key) or examined(row, verifier)
            data.setdefault(name, []).append(Seen(row, known[key].seen, known[key].exact))
    cost = 1000 * (time.process_time() - began) / len(known)
    record = fitted(data, unseen=options.unseen) | {"reader": options.reader, "cpu_ms_per_statement": round(cost, 1)}
    options.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record["report"], indent=1))


def unrelated(rows: Sequence[JSON]) -> list[JSON]:
    """Every third row's statement beside words cited elsewhere, so that the stack learns what is not stated at all."""
    others = [rows[(i + len(rows) // 2) % len(rows)]["passages"] for i in range(len(rows))]
    both = list(zip(rows, others, strict=True))[::3]
    return [row | {"passages": other, "supported": 0, "kind": "unrelated", "pair_id": None} for row, other in both]


def load_first(path: Path) -> JSON:
    """The first row of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        row: JSON = json.loads(next(lines))
    return row


def examined(row: JSON, verifier: ReaderVerifier) -> Seen:
    """A row, read once."""
    exact = verifier.check_quoted(row["claim"], row["passages"])
    return Seen(row, None if exact else verifier.examine(row["claim"], row["passages"]), exact)


def fitted(data: dict[str, list[Seen]], *, unseen: bool) -> JSON:
    """The record: both heads, thresholds, and what they come to on the other half."""
    left = {*REPORTED} if unseen else {*REPORTED, *NATURAL}
    fit = {name: [one for one in rows if one.fits and one.seen] for name, rows in data.items() if name not in left}
    everything = [one for rows in fit.values() for one in rows]
    weights = [1 / len(rows) for rows in fit.values() for _ in rows]
    support = _regression([one.seen.support for one in everything if one.seen], everything, weights)
    copies = [one for one in everything if one.seen and one.seen.copy]
    copy = _regression([one.seen.copy for one in copies if one.seen and one.seen.copy], copies, [1.0] * len(copies))
    thresholds = _thresholds(fit, _stack(support, copy, {}))
    stack = _stack(support, copy, thresholds)
    report = {name: _report([one for one in rows if not one.fits], stack) for name, rows in data.items()}
    pairs = report["seeds"]
    return {
        "about": "Written by python -m eval.training.verifier; terms are [mean, deviation, coefficient].",
        "date": datetime.date.today().isoformat(),
        "quality": f"reader: AUC {pairs['auc']:.2f} on labelled statements over documents it was not fitted on, where "
        f"counting shared words has {pairs['floor_auc']:.2f}; of near copies with one word reversed it shows "
        f"{report['changes']['kinds']['one_word_reversed']['supported']:.0%} as supported",
        "thresholds": thresholds,
        "support": support,
        "copy": copy,
        "report": report,
    }


def _stack(support: JSON, copy: JSON, thresholds: dict[str, float]) -> Stack:
    empty = {"intercept": 0.0, "terms": {}}
    names = ("supported_from", "partial_from", "copied_from", "contradicted_from")
    return Stack.of(
        {
            "support": support or empty,
            "copy": copy or empty,
            "thresholds": thresholds or dict.fromkeys(names, 0.5),
            "quality": "",
        }
    )


def _regression(features: Sequence[dict[str, float]], rows: Sequence[Seen], weights: Sequence[float]) -> JSON:
    """Logistic regression on standardised features, both labels and all sources weighing the same."""
    labels = np.array([one.row["supported"] for one in rows])
    table = np.array([list(one.values()) for one in features], np.float64)
    each = np.array(weights) * len(weights) / sum(weights)
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    model = LogisticRegression(C=STRENGTH, max_iter=3000, class_weight="balanced")
    model.fit((table - mean) / deviation, labels, sample_weight=each)
    terms = zip(features[0], mean, deviation, model.coef_[0], strict=True)
    return {
        "intercept": round(float(model.intercept_[0]), 5),
        "terms": {name: [round(float(v), 5) for v in values] for name, *values in terms if values[1] > CONSTANT},
    }


def _thresholds(fit: dict[str, list[Seen]], stack: Stack) -> dict[str, float]:
    """Where supported begins, from the pairs, whose citations are as short as those of answers; where it ends, and
    where contradicted begins, from every source."""
    pairs = [one for name, rows in fit.items() if name not in (*NATURAL, "unrelated") for one in rows]
    reworded = [one.seen for one in pairs if one.seen and not one.seen.copy and not one.row["supported"]]
    copied = [one.seen.copy for one in pairs if one.seen and one.seen.copy and not one.row["supported"]]
    true = [[one.seen for one in rows if one.seen and one.row["supported"]] for rows in fit.values()]
    true = [some for some in true if some]
    lowest = [np.quantile([stack.support(one.support) for one in some], TRUE_WITHHELD) for some in true]
    against = [np.quantile([one.contradicted for one in some], 1 - TRUE_CONTRADICTED) for some in true]
    stated = [stack.support(one.support) for one in reworded]
    return {
        "supported_from": round(float(np.quantile(stated, 1 - FALSE_SUPPORTED)), 4),
        "partial_from": round(float(np.mean(lowest)), 4),
        "copied_from": round(float(np.quantile([stack.copy(one) for one in copied], 1 - FALSE_COPIED)), 4),
        "contradicted_from": round(float(max(against)), 4),
    }


def _report(rows: Sequence[Seen], stack: Stack) -> dict[str, Any]:
    """What the stack comes to on rows it was not fitted on."""
    checks = [_checked(one, stack) for one in rows]
    labels = np.array([float(one.row["supported"]) for one in rows])
    scores = np.array([score for _, score in checks])
    floor = np.array([word_overlap(one.row["claim"], one.row["passages"]) for one in rows])
    verdicts = np.array([verdict for verdict, _ in checks])
    kinds = [str(one.row.get("kind") or ("supported" if one.row["supported"] else "not supported")) for one in rows]
    passing = np.quantile(scores[labels == 1], 0.1) if labels.any() else 1.0
    return {
        "n": len(rows),
        "auc": rounded(auc(labels, scores)),
        "floor_auc": rounded(auc(labels, floor)),
        "pair_accuracy": rounded(pair_accuracy([one.row for one in rows], scores)),
        "stopped_at_90_passing": round(float((scores[labels == 0] < passing).mean()), 3),
        "kinds": {kind: _shares(verdicts[np.array(kinds) == kind]) for kind in dict.fromkeys(kinds)},
    }


def _shares(verdicts: npt.NDArray[np.str_]) -> dict[str, float]:
    """How many rows there are, and which share of them has each verdict."""
    names = ("supported", "partial", "unsupported", "contradicted")
    return {"n": len(verdicts), **{name: round(float((verdicts == name).mean()), 3) for name in names}}


def _checked(one: Seen, stack: Stack) -> tuple[str, float]:
    if one.exact:
        return "supported", 1.0
    check = judge(one.row["claim"], one.seen, stack) if one.seen else None
    return (check.verdict, check.score) if check else ("unsupported", 0.0)


if __name__ == "__main__":
    main()
