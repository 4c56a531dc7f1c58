"""Fits what the answering half goes by, and writes `rag/data/answering.json`.

    python -m eval.training.answering FOLDER... [--conversations FOLDER...] [--cases FILE] [--documents FOLDER]

FOLDER holds corpus.jsonl and questions.jsonl (`eval.bench.data`): rows say whether they are `answerable`, and by
`gold_sentences` or `answers` which sentences answer. Name only sets that the reader was not trained on: on the others
it is too sure. A CONVERSATIONS folder holds the same with turns before a question.
Of the cases only the split `tuning` is fitted on. Three logistic regressions come of it: that a sentence belongs to
the answer, that the passages answer, and that a reading of a follow-up is the one meant. Each is scored on groups
it was not fitted on. Needs scikit-learn, which only development installs.
"""

import argparse
import datetime
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from eval.bench.data import copy_documents, load_corpus, rows_of
from eval.cases import Case, load_cases
from rag.answer.selection import Place, Reading, quotable
from rag.chat import Chat, open_chat
from rag.documents.passages import flat, sentence_texts
from rag.models.logistic import Logistic
from rag.settings import load_settings
from rag.types import Chunk, Passage, Turn

TARGET = Path("rag/data/answering.json")
FOLDS, STRENGTH = 5, 0.1
MOST_QUESTIONS = 250
# Of the answerable tuning cases so many are refused: the point below which the offline backend declines.
OVER_REFUSAL = 0.05
SEARCHED = 8

Features = Mapping[str, float]
Floats = npt.NDArray[np.float64]
IsGold = Callable[[Chunk, int], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A question as it was read. `gold` holds the places of the sentences that answer, None where nobody said."""

    group: str
    answerable: bool
    whole: Features | None
    sentences: Mapping[Place, Features]
    units: Mapping[Place, int]
    gold: frozenset[Place] | None


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one follow-up, and for each the reciprocal rank of the right passage in what it finds."""

    group: str
    features: Sequence[Features]
    found: Sequence[float]


def main() -> None:
    """Read, fit, write."""
    parser = argparse.ArgumentParser(description="Fit sentence selection, refusal and follow-ups.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--conversations", nargs="*", type=Path, default=[])
    parser.add_argument("--cases", type=Path, default=Path("eval/cases/seeds.jsonl"))
    parser.add_argument("--documents", type=Path, default=Path("seeds"))
    parser.add_argument("--most", type=int, default=MOST_QUESTIONS, help="questions of each set")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    sets = {folder.name: list(rows_of_folder(folder, options.most)) for folder in options.folders}
    tuning, follow_ups = rows_of_cases(options.cases, options.documents, "tuning", options.most)
    for folder in options.conversations:
        follow_ups += readings_of_folder(folder, options.most)
    sets[f"{options.cases.name}, tuning"] = tuning
    record = train(sets, tuning, follow_ups)
    options.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(json.dumps(record["scores"], indent=1))


def train(sets: Mapping[str, Sequence[Row]], tuning: Sequence[Row], follow_ups: Sequence[Readings]) -> dict[str, Any]:
    """The record: three regressions, the point of refusal, and how good they are on groups they did not see."""
    chosen = [row for rows in sets.values() for row in rows if row.gold]
    sentence, unseen = _fitted(
        [features for row in chosen for features in row.sentences.values()],
        [place in (row.gold or ()) for row in chosen for place in row.sentences],
        [row.group for row in chosen for _ in row.sentences],
        [1 / len(row.sentences) for row in chosen for _ in row.sentences],
    )
    ranked = iter(unseen)
    picked = [{place: next(ranked) for place in row.sentences} for row in chosen]
    told = [row for rows in sets.values() for row in rows if row.whole]
    answerable, probabilities = _fitted(
        [row.whole or {} for row in told],
        [row.answerable for row in told],
        [row.group for row in told],
        [_weight(rows, row) for rows in sets.values() for row in rows if row.whole],
    )
    follow_up, preferred = _fitted(
        [features for one in follow_ups for features in one.features],
        [found == max(one.found) for one in follow_ups for found in one.found],
        [one.group for one in follow_ups for _ in one.features],
        [max(one.found) - min(one.found) + 0.01 for one in follow_ups for _ in one.features],
    )
    wanted = [Logistic.of(answerable)(row.whole) for row in tuning if row.answerable and row.whole]
    return {
        "about": "Written by eval/training/answering.py. `terms`: [mean, deviation, coefficient] of each feature.",
        "date": datetime.date.today().isoformat(),
        "data": list(sets),
        "abstain_below": round(float(np.quantile(wanted, OVER_REFUSAL)), 3),
        "sentence": sentence,
        "answerable": answerable,
        "follow_up": follow_up,
        "scores": {
            "sentence": selection_scores(chosen, picked),
            "answerable": _by_set(sets, probabilities),
            "follow_up": follow_up_scores(follow_ups, preferred),
        },
    }


def selection_scores(rows: Sequence[Row], probabilities: Sequence[Mapping[Place, float]]) -> dict[str, float]:
    """How often a right sentence comes first or among three, and precision and recall of what is quoted."""
    first, three, precision, recall = [], [], [], []
    for row, of in zip(rows, probabilities, strict=True):
        gold = row.gold or frozenset()
        ranked = sorted(of, key=lambda place: -of[place])
        quoted = set(quotable(of, row.units.__getitem__))
        first.append(ranked[0] in gold)
        three.append(bool(gold & set(ranked[:3])))
        precision.append(len(quoted & gold) / len(quoted))
        recall.append(len(quoted & gold) / len(gold))
    figures = {"n": len(rows), "first": first, "in_three": three, "precision": precision, "recall": recall}
    return {name: round(float(np.mean(values)), 4) for name, values in figures.items()}


def follow_up_scores(rows: Sequence[Readings], preferred: Floats) -> dict[str, float]:
    """How high the right passage stands by the reading chosen, by the question alone, and by the best there is."""
    left, chosen = 0, []
    for one in rows:
        scores = preferred[left : left + len(one.features)]
        left += len(one.features)
        chosen.append(one.found[int(np.argmax(scores))])
    figures = {"chosen": chosen, "alone": [one.found[0] for one in rows], "best": [max(one.found) for one in rows]}
    return {"n": len(rows)} | {name: round(float(np.mean(values)), 4) for name, values in figures.items() if values}


def rows_of_folder(folder: Path, most: int) -> Iterator[Row]:
    """The questions of a folder, asked of its own corpus."""
    corpus = {str(row["id"]): row for _, row in rows_of(folder / "corpus.jsonl")}
    asked = [row for _, row in rows_of(folder / "questions.jsonl")]
    random.Random(0).shuffle(asked)
    with _ChatOver(folder / "corpus.jsonl") as chat:
        for row in asked[:most]:
            group = str(row.get("title") or (row.get("related_ids") or row["gold_ids"])[0])
            right = bool(row.get("answerable", True))
            yield _row(chat.read(row["question"]), group, right, _is_gold(row, corpus) if right else None)


def rows_of_cases(path: Path, documents: Path, split: str, most: int) -> tuple[list[Row], list[Readings]]:
    """The cases of one split, and the readings of those that follow up."""
    rows, follow_ups = [], []
    with _ChatOver(documents) as chat:
        cases = [case for case in load_cases(path, documents) if not case.documents and case.split == split]
        random.Random(0).shuffle(cases)
        for case in cases[:most]:
            is_gold = _overlaps(case) if case.gold else None
            group = case.cluster or case.id
            rows.append(_row(chat.read(case.question, case.history), group, case.answerable, is_gold))
            if case.history and is_gold:
                follow_ups.append(_readings(chat, case.question, case.history, group, _any(is_gold)))
    return rows, follow_ups


def readings_of_folder(folder: Path, most: int) -> list[Readings]:
    """The follow-ups of a folder of conversations."""
    data = load_corpus(folder, with_history=True)
    with _ChatOver(data.source) as chat:
        return [
            _readings(
                chat,
                query.question,
                query.history,
                query.history[0].content,
                lambda chunk, query=query: chunk.document.partition("#")[2] in query.gold,  # type: ignore[misc]
            )
            for query in [query for query in data.queries if any(t.role == "user" for t in query.history)][:most]
        ]


def _readings(
    chat: Chat, question: str, history: Sequence[Turn], group: str, right: Callable[[Chunk], bool]
) -> Readings:
    read = chat.follow_ups.readings(question, history, lambda words: chat.retrieval.search(words, SEARCHED))
    return Readings(group, [one.features for one in read], [_reciprocal_rank(one.passages, right) for one in read])


def _reciprocal_rank(passages: Sequence[Passage], right: Callable[[Chunk], bool]) -> float:
    return next((1 / rank for rank, passage in enumerate(passages, 1) if right(passage.chunk)), 0.0)


def _row(reading: Reading, group: str, answerable: bool, is_gold: IsGold | None) -> Row:
    gold = is_gold and frozenset(p for p in reading.sentences if is_gold(reading.passages[p[0]].chunk, p[1]))
    units = {place: reading.sentence(place).unit for place in reading.sentences}
    return Row(group, answerable, reading.whole, reading.sentences, units, gold)


def _is_gold(row: Mapping[str, Any], corpus: Mapping[str, Mapping[str, Any]]) -> IsGold:
    """Whether a sentence of a right document is one that was marked, or holds an answer."""
    documents = set(map(str, row["gold_ids"]))
    marked = [flat(corpus[str(row["gold_ids"][0])]["sentences"][i]) for i in row.get("gold_sentences") or ()]

    def is_gold(chunk: Chunk, position: int) -> bool:
        text = sentence_texts(chunk)[position]
        if chunk.document.partition("#")[2] not in documents:
            return False
        if marked:
            return any(text in one or one in text for one in marked)
        return any(flat(answer) in text for answer in row.get("answers") or ())

    return is_gold


def _overlaps(case: Case) -> IsGold:
    """Whether a sentence overlaps words that are right to cite."""
    right = [(gold.document, gold.start, gold.end) for gold in (*case.gold, *case.also)]

    def is_gold(chunk: Chunk, position: int) -> bool:
        sentence = chunk.sentences[position]
        return any(d == chunk.document and s < sentence.end and sentence.start < e for d, s, e in right)

    return is_gold


def _any(is_gold: IsGold) -> Callable[[Chunk], bool]:
    return lambda chunk: any(is_gold(chunk, position) for position in range(len(chunk.sentences)))


def _fitted(
    features: Sequence[Features], labels: Sequence[bool], groups: Sequence[str], weights: Sequence[float]
) -> tuple[dict[str, Any], Floats]:
    """A logistic regression as `Logistic.of` reads it, and for each row what one says that did not see its group."""
    names = list(features[0])
    table = np.array([[one[name] for name in names] for one in features])
    right, weight = np.array(labels), np.array(weights) / np.mean(weights)
    unseen = np.zeros(len(right))
    for seen, other in GroupKFold(FOLDS).split(table, right, groups):
        model = Logistic.of(_regression(names, table[seen], right[seen], weight[seen]))
        unseen[other] = [model(features[i]) for i in other]
    return _regression(names, table, right, weight), unseen


def _regression(names: Sequence[str], table: Floats, labels: npt.NDArray[Any], weights: Floats) -> dict[str, Any]:
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    fitted = LogisticRegression(C=STRENGTH, max_iter=2_000).fit((table - mean) / deviation, labels, weights)
    terms = zip(names, mean, deviation, fitted.coef_[0], strict=True)
    return {
        "intercept": round(float(fitted.intercept_[0]), 5),
        "terms": {name: [round(float(value), 5) for value in values] for name, *values in terms},
    }


def _weight(rows: Sequence[Row], row: Row) -> float:
    """A set counts by the square root of its size."""
    return 1 / np.sqrt(len(rows))


def _by_set(sets: Mapping[str, Sequence[Row]], probabilities: Floats) -> dict[str, Any]:
    left, scores = 0, {}
    for name, rows in sets.items():
        told = [row.answerable for row in rows if row.whole]
        some = probabilities[left : left + len(told)]
        left += len(told)
        if len(set(told)) == 2:
            scores[name] = {"n": len(told), "auc": round(float(roc_auc_score(told, some)), 4)}
    return scores


class _ChatOver:
    """A chat over some documents, indexed in a temporary folder."""

    def __init__(self, source: Path) -> None:
        self._source, self._folder = source, tempfile.TemporaryDirectory(prefix="pincite-training-")

    def __enter__(self) -> Chat:
        folder = Path(self._folder.name)
        copy_documents(self._source, folder / "documents")
        self._chat = open_chat(load_settings({"documents": folder / "documents", "data": folder / "data"}))
        return self._chat

    def __exit__(self, *_: object) -> None:
        self._chat.store.close()
        self._folder.cleanup()


if __name__ == "__main__":
    main()
