"""Makes questions that their documents do not answer from a SQuAD-style file: half the paragraphs are withheld.

    python -m eval.training.absent SQUAD.json OUT

OUT gets corpus.jsonl, the paragraphs that stay, and questions.jsonl, one question a paragraph. A question about a
withheld paragraph is unanswerable, unless its answer stands in another paragraph of the article; then it is dropped.
The set that the bundled weights rest on is "New Wikipedia" of SQuADShifts (CC-BY-4.0; modestyachts/squadshifts-website,
datasets/new_wiki_v1.0.json): neither the reader nor the embedding model was trained on it.
"""

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# So many paragraphs of an article are used.
MOST_PARAGRAPHS = 12

Row = Mapping[str, Any]


def main() -> None:
    """Read one file, write two."""
    parser = argparse.ArgumentParser(description="Withhold half the paragraphs of a SQuAD-style file.")
    parser.add_argument("squad", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    corpus, questions = withheld(json.loads(options.squad.read_text("utf-8"))["data"])
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in (("corpus", corpus), ("questions", questions)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (options.out / f"{name}.jsonl").write_text(lines, "utf-8")
    answerable = sum(row["answerable"] for row in questions)
    print(f"{len(corpus)} paragraphs, {len(questions)} questions, {answerable} answerable")


def withheld(articles: Sequence[Row], seed: int = 0) -> tuple[list[Row], list[Row]]:
    """The paragraphs that stay, and the questions."""
    rng = random.Random(seed)
    corpus: list[Row] = []
    questions: list[Row] = []
    for article in articles:
        title = article["title"].replace("_", " ")
        paragraphs = article["paragraphs"][:MOST_PARAGRAPHS]
        stays = [rng.random() < 0.5 for _ in paragraphs]
        texts = [p["context"] for p, stay in zip(paragraphs, stays, strict=True) if stay]
        for number, (paragraph, stay) in enumerate(zip(paragraphs, stays, strict=True)):
            name = f"{title} {number}"
            if stay:
                corpus.append({"id": name, "title": title, "text": paragraph["context"]})
            questions += _question(rng.choice(paragraph["qas"]), name, title, texts, stay=stay)
    return corpus, questions


def _question(qa: Row, paragraph: str, title: str, texts: Sequence[str], *, stay: bool) -> Iterator[Row]:
    answers = sorted({answer["text"] for answer in qa["answers"]})
    if stay or not any(answer.lower() in text.lower() for answer in answers for text in texts):
        gold = {"gold_ids": [paragraph], "answers": answers} if stay else {"gold_ids": [], "answers": []}
        yield {
            "id": qa["id"],
            "question": qa["question"],
            "answerable": stay,
            "related_ids": [paragraph],
            "title": title,
            **gold,
        }


if __name__ == "__main__":
    main()
