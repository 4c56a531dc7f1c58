"""Rows to train on: labelled rows of every source, edits of their sentences, and frames; without what checks use."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eval.training import edits, frames
from eval.training.evidence import flat
from eval.training.rows import CONTRADICTED, NOT_STATED, SUPPORTED, Row, Span
from eval.training.sources import SOURCES, Article, Folder, Source

EXCLUDE = Path(__file__).parent / "exclude.npz"
# Words of text whose hashes are compared with those of the outside checks.
GRAM = 8


class Excluded:
    """Hashes of titles, questions, claims, groups and word 8-grams that outside checks use: none may be trained on."""

    def __init__(self, path: Path = EXCLUDE) -> None:
        stored = np.load(path)
        self._hashes = {name: frozenset(stored[name].tolist()) for name in stored.files}
        self._held: dict[str, bool] = {}

    def names(self, kind: str, text: str) -> bool:
        digest = hashlib.sha256(text.encode()).digest()[:8]
        return int.from_bytes(digest, "little") in self._hashes[kind]

    def holds(self, text: str) -> bool:
        """Whether the text shares eight words in a row with one that checks use."""
        if text not in self._held:
            self._held[text] = self._shares_words(text)
        return self._held[text]

    def _shares_words(self, text: str) -> bool:
        words = re.findall(r"[a-z0-9]+", text.lower())
        grams = {" ".join(words[i : i + GRAM]) for i in range(max(1, len(words) - GRAM + 1))}
        return any(self.names("text", gram) for gram in grams)

    def row(self, row: Row) -> bool:
        if any(self.holds(one) for one in (row.first, *row.sentences) if len(one.split()) >= GRAM):
            return True
        asked = flat(row.first.lower())
        if self.names("questions" if row.task == "answers" else "claims", asked):
            return True
        return self.names("groups", row.group.split("/", 1)[1].strip().lower()) or (
            bool(row.heading) and self.names("titles", row.heading.lower())
        )

    def article(self, article: Article) -> bool:
        """Whether checks use the article, by its title or by the words of any paragraph."""
        if article.title and self.names("titles", article.title.lower()):
            return True
        return any(self.holds(one) for paragraph in article.paragraphs for one in paragraph if len(one.split()) >= GRAM)


UNSEEN_PERCENT = 6
# First words of the sources of rows that are made by rule.
MADE = ("edits", "frames")
# Sources that are development data: half of their groups is kept to measure on.
HALVED = ("squad2", "clapnq", "mtrag", "AttributionBench", "WiCE", "mtRAG")


def _digest(group: str) -> int:
    return sum(map(ord, group)) * 7919 + len(group) * 104729


def is_unseen(group: str) -> bool:
    """Whether the group is one of the 6 % that no version of the reader was trained on."""
    return _digest(group) % 100 < UNSEEN_PERCENT


def is_held_out(source: str, group: str) -> bool:
    """By the group, so that rows of one article, conversation or document stay together."""
    return is_unseen(group) or (source.startswith(HALVED) and _digest(group) % 2 == 1)


def held_out(row: Row) -> bool:
    return is_held_out(row.source, row.group)


@dataclass(frozen=True, slots=True)
class Built:
    train: list[Row]
    held: list[Row]
    counts: dict[str, int]


def build(
    folder: Folder, seed: int = 20261128, edited: int = 16_000, framed: int = 6_000, sources: Sequence[Source] = SOURCES
) -> Built:
    rng, excluded = random.Random(seed), Excluded()
    rows: list[Row] = []
    articles: list[Article] = []
    for source in sources:
        material = source.read(folder, rng)
        out = [article for article in material.articles if excluded.article(article)]
        titles = {article.title for article in out}
        rows += [row for row in material.rows if not (excluded.row(row) or (row.heading and row.heading in titles))]
        articles += [article for article in material.articles if article not in out]
    kept = [row for row in rows if not held_out(row)]
    held = [row for row in rows if held_out(row)]
    # A text that a held-out question is asked on is not edited either.
    asked_on = {row.heading for row in held if row.heading}
    made = [
        *from_articles([a for a in articles if a.title not in asked_on], edited, rng),
        *from_frames(framed, rng, _neighbours(articles)),
    ]
    kept += [row for row in made if not held_out(row)]
    held += [row for row in made if held_out(row)]
    rng.shuffle(kept)
    return Built(kept, held, dict(Counter(row.source for row in kept)))


def _neighbours(articles: Sequence[Article]) -> list[str]:
    return [one for article in articles for paragraph in article.paragraphs for one in paragraph if is_plain(one)]


def is_plain(sentence: str) -> bool:
    """Whether a sentence reads as one: letters, a capital, an end, a sensible length."""
    letters = sum(character.isalpha() for character in sentence)
    if "http" in sentence or "[" in sentence:
        return False
    return (
        6 <= len(sentence.split()) <= 40
        and sentence[0].isupper()
        and sentence[-1] == "."
        and letters > 0.7 * len(sentence)
    )


def from_frames(wanted: int, rng: random.Random, neighbours: Sequence[str]) -> Iterator[Row]:
    """Frames among sentences of other frames or of real texts."""
    for number in range(wanted):
        count = rng.choice([0, 0, 1, 2, 3])
        around = [
            frames.sentence(rng) if rng.random() < 0.5 or not neighbours else rng.choice(neighbours)
            for _ in range(count)
        ]
        at = rng.randrange(count + 1)
        for example in frames.examples(rng):
            evidence = (*around[:at], example.evidence, *around[at:])
            yield Row(
                "supports",
                example.statement,
                evidence,
                example.label,
                f"frames {example.label}",
                f"frames/{number}",
                unsupported=example.spans,
            )


def from_articles(articles: Sequence[Article], wanted: int, rng: random.Random) -> Iterator[Row]:
    """Each chosen sentence gives copies, rewordings and reversals, edited in the statement or in the evidence."""
    vocabulary = _vocabulary(articles)
    places = [(a, p, i) for a in articles for p in a.paragraphs for i, one in enumerate(p) if is_plain(one)]
    # Sentences with a rare kind of phrase are worth more than one with just a name or a number.
    places = rng.sample(places, min(len(places), 3 * wanted))
    done = 0
    for article, paragraph, at in places:
        if done >= wanted:
            return
        pool = [name for one in paragraph for _, name in edits.names(one)]
        made = list(_edited(article, paragraph, at, pool, vocabulary, rng))
        done += bool(made)
        yield from made


def _edited(  # noqa: PLR0917
    article: Article,
    paragraph: Sequence[str],
    at: int,
    pool: Sequence[str],
    vocabulary: Sequence[str],
    rng: random.Random,
) -> Iterator[Row]:
    text, group = paragraph[at], f"edits/{article.title or paragraph[0][:40]}"
    left, right = at - rng.choice([0, 0, 1, 1, 2]), at + 1 + rng.choice([0, 0, 1, 1, 2])
    before, after = tuple(paragraph[max(0, left) : at]), tuple(paragraph[at + 1 : right])
    edit = edits.reverse(text, rng, pool, vocabulary)
    if edit is None:
        return

    def row(statement: str, evidence: str, label: int, kind: str, spans: tuple[Span, ...] | None) -> Row:
        return Row(
            "supports",
            flat(statement),
            (*before, flat(evidence), *after),
            label,
            f"edits {kind}",
            group,
            unsupported=spans,
        )

    yield row(edit.text, text, edit.label, edit.kind, edit.spans)
    backwards = CONTRADICTED if edit.label == CONTRADICTED else edit.label
    choice = rng.random()
    if choice < 0.3:
        yield row(text, edit.text, backwards, "backwards", None)
    elif choice < 0.55:
        # The reversed sentence as evidence carries itself: strange words alone are no reason to object.
        yield row(edits.reword(edit.text, rng, rng.choice([0, 0, 1])), edit.text, SUPPORTED, "own copy", ())
    if rng.random() < 0.35:
        yield row(text, text, SUPPORTED, "copy", ())
    reworded = edits.reword(text, rng, rng.choice([1, 1, 2, 3]))
    yield row(reworded, text, SUPPORTED, "reworded", ())
    again = edits.reverse(reworded, rng, pool, vocabulary)
    if again and rng.random() < 0.5:
        yield row(again.text, text, again.label, f"reworded {again.kind}", again.spans)
    if after and is_plain(after[0]) and rng.random() < 0.15:
        both = f"{text[:-1]}, and {after[0][0].lower() + after[0][1:] if not edits.names(after[0][:20]) else after[0]}"
        yield row(both, text, SUPPORTED, "merged", ())
        start = len(text) - 1
        yield replace(row(both, text, NOT_STATED, "half of two", ((start, len(both)),)), sentences=(*before, text))


def _vocabulary(articles: Iterable[Article]) -> tuple[str, ...]:
    counts = Counter(
        word for a in articles for p in a.paragraphs for one in p for word in re.findall(r"\b[a-z]{4,}\b", one)
    )
    return tuple(sorted(word for word, number in counts.items() if number >= 4))
