"""What a reader is chosen by: refusal, answer sentences, claims against human labels, and one word reversed."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.calibrate import auc
from eval.training.build import MADE, is_held_out, is_unseen
from eval.training.evidence import flat, select, sentences
from eval.training.rows import SUPPORTED, Row, read
from rag.models.reader import Pair, Reader

REVERSED = Path(__file__).parents[1] / "calibration" / "reversed.jsonl"
# Faithful paraphrases that have to be shown, where the threshold is set.
PARAPHRASES_SHOWN = 0.85

Figures = dict[str, Any]


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _figure(labels: Sequence[int], scores: Sequence[float]) -> Figures:
    found = auc(np.array(labels, float), np.array(scores, float))
    return {"auc": None if found is None else round(found, 4), "n": len(labels)}


def reversed_statements(reader: Reader, rows: Sequence[Any]) -> Figures:
    """Near-verbatim statements: how many are taken for supported at .5, and at the threshold that shows 85 % of the
    faithful paraphrases; how many are ordered below their paraphrase."""

    def supported(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        pairs = [Pair(row[name], (row["evidence"],)) for row in rows]
        return np.array([support.supported for support in reader.supports(pairs)])

    false, copies, true = supported("reversed"), supported("evidence"), supported("paraphrase")
    threshold = float(np.quantile(true, 1 - PARAPHRASES_SHOWN, method="lower"))
    kinds: dict[str, list[bool]] = defaultdict(list)
    for row, score in zip(rows, false, strict=True):
        kinds[row["kind"]].append(bool(score >= 0.5))

    def shown(at: float) -> Figures:
        return {
            "reversed_shown": round(float((false >= at).mean()), 3),
            "copies_shown": round(float((copies >= at).mean()), 3),
            "paraphrases_shown": round(float((true >= at).mean()), 3),
        }

    return {
        "n": len(rows),
        "auc_against_paraphrases": _figure([0] * len(false) + [1] * len(true), [*false, *true])["auc"],
        "ordered": round(float((false < true).mean()), 3),
        "at_half": shown(0.5),
        "at_85_percent_of_paraphrases": {"threshold": round(threshold, 4), **shown(threshold)},
        "reversed_shown_by_kind": {kind: round(float(np.mean(hits)), 2) for kind, hits in sorted(kinds.items())},
    }


@dataclass(frozen=True, slots=True)
class Half:
    """The development data of the groups that were kept out of training; `whole` takes all of them."""

    folder: Path
    whole: bool = False

    def rows(self, name: str, source: str, group: Callable[[Any], object]) -> list[Any]:
        path = self.folder / name
        if not path.exists():
            return []
        return [row for row in _lines(path) if self.whole or is_held_out(source, f"{source}/{group(row)}")]


def squad2(reader: Reader, half: Half) -> Figures:
    """Whether the paragraph that a question was asked on answers it."""
    corpus = {passage["id"]: passage for passage in _lines(half.folder / "unanswerable_squad2" / "corpus.jsonl")}
    rows = half.rows(
        "unanswerable_squad2/questions.jsonl", "squad2 dev half", lambda row: row["title"].replace("_", " ")
    )
    pairs = []
    for row in rows:
        passage = corpus[(row["gold_ids"] or row["related_ids"])[0]]
        pairs.append(Pair(flat(row["question"]), tuple(sentences(passage["text"])), passage["title"].replace("_", " ")))
    scores = [relevance.probability for relevance in reader.answers(pairs)]
    return _figure([int(row["answerable"]) for row in rows], scores)


def clapnq(reader: Reader, half: Half) -> Figures:
    """Whether the passage answers, and whether a gold sentence is scored first, or among the first three."""
    corpus = {passage["id"]: passage for passage in _lines(half.folder / "answer_clapnq" / "corpus.jsonl")}
    rows = half.rows("answer_clapnq/questions.jsonl", "clapnq dev", lambda row: corpus[row["related_ids"][0]]["title"])
    passages = [corpus[row["related_ids"][0]] for row in rows]
    pairs = [
        Pair(flat(row["question"]), tuple(map(flat, passage["sentences"])), passage["title"])
        for row, passage in zip(rows, passages, strict=True)
    ]
    found = reader.answers(pairs)
    ranks = [
        min(
            int(np.argsort(-np.array(one.sentences), kind="stable").tolist().index(gold))
            for gold in row["gold_sentences"]
        )
        for row, one in zip(rows, found, strict=True)
        if row["gold_sentences"]
    ]
    return {
        **_figure([int(row["answerable"]) for row in rows], [one.probability for one in found]),
        "gold_sentence_first": round(float(np.mean([rank == 0 for rank in ranks])), 3) if ranks else None,
        "gold_sentence_in_first_3": round(float(np.mean([rank < 3 for rank in ranks])), 3) if ranks else None,
        "gold_n": len(ranks),
    }


def _scored(reader: Reader, rows: Sequence[Any]) -> list[float]:
    pairs = [Pair(flat(row["claim"]), tuple(select(row["claim"], row["passages"]))) for row in rows]
    return [support.supported for support in reader.supports(pairs)]


def claims(reader: Reader, rows: Sequence[Any]) -> Figures:
    return _figure([int(row["supported"]) for row in rows], _scored(reader, rows))


def matched_pairs(reader: Reader, rows: Sequence[Any]) -> Figures:
    """Pairs of a supported and an unsupported claim with the same word overlap: how many are ordered rightly."""
    by_pair: dict[str, dict[int, float]] = defaultdict(dict)
    for row, score in zip(rows, _scored(reader, rows), strict=True):
        by_pair[row["pair_id"]][int(row["supported"])] = score
    whole = [scores for scores in by_pair.values() if len(scores) == 2]
    return {"ordered": round(float(np.mean([s[1] > s[0] for s in whole])), 4) if whole else None, "n": len(whole)}


CLAIMS = {
    "attributionbench": ("claim_support_attributionbench.jsonl", "AttributionBench dev"),
    "wice": ("claim_support_wice.jsonl", "WiCE dev"),
    "mtrag": ("claim_support_mtrag_faithfulness.jsonl", "mtRAG faithfulness dev"),
}


def unseen(reader: Reader, rows: Sequence[Row], per_source: int) -> Iterator[tuple[str, Figures]]:
    """By source, the rows of groups that no version was trained on; other passages count with their questions."""
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        words = row.source.split()
        # An edit or a frame counts as one source; so do a set's questions on right and on wrong passages.
        name = words[0] if row.task == "answers" or words[0] in MADE else row.source
        if is_unseen(row.group) and row.label is not None and len(by_source[f"{row.task} {name}"]) < per_source:
            by_source[f"{row.task} {name}"].append(row)
    for name, found in sorted(by_source.items()):
        pairs = [Pair(row.first, row.sentences, row.heading) for row in found]
        if found[0].task == "answers":
            scores = [relevance.probability for relevance in reader.answers(pairs)]
            labels = [int(row.label == 1) for row in found]
        else:
            scores = [support.supported for support in reader.supports(pairs)]
            labels = [int(row.label == SUPPORTED) for row in found]
        yield name, _figure(labels, scores)


def evaluate(
    reader: Reader, *, development: Path | None, held: Path | None, per_source: int, whole: bool
) -> Iterator[tuple[str, Figures]]:
    """Figures one by one, quick ones first; without `held` and `development`, only of our own statements."""
    yield "reversed", reversed_statements(reader, _lines(REVERSED))
    if held is not None:
        yield from unseen(reader, read(held), per_source)
    if development is None:
        return
    half = Half(development, whole)
    yield "squad2", squad2(reader, half)
    yield "clapnq", clapnq(reader, half)
    for name, (file, source) in CLAIMS.items():
        yield name, claims(reader, half.rows(file, source, lambda row: row["group"]))
    pairs = half.rows("claim_support_overlap_matched.jsonl", "AttributionBench dev", lambda row: row["pair_id"])
    yield "overlap_matched", matched_pairs(reader, pairs)
