"""What is quoted together: a sentence, or a list with its lead-in; before it the words that it leans on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.documents.passages import SEPARATOR
from rag.models.minilm import Vectors

# A sentence that begins like this is about something named in the sentence before it: "These …", "However, they …".
ANAPHOR = re.compile(
    r"(?:(?:however|moreover|furthermore|additionally|in addition|thus|therefore|hence|then|overall|ultimately|finally|"
    r"lastly|nevertheless|nonetheless|besides|still|yet|instead|similarly|likewise|for example|for instance),? )?"
    r"(?:this|these|those|such|they|it|its|their|he|she|his|her|both|the former|the latter|in (?:this|these|such)|"
    r"by doing so|as a result|consequently|through (?:this|these))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quotable:
    """A numbered sentence of the prompt."""

    number: str
    text: str
    item: bool = False


Passages = Sequence[tuple[str, list[Quotable]]]
"""The passages of a prompt: each one's heading and sentences."""


@dataclass(slots=True)
class Unit:
    """What is quoted together. `place` is (passage, position of its first sentence), counted from 0."""

    place: tuple[int, int]
    heading: str
    sentences: list[Quotable]
    passage_matches: Vectors  # the passage's best match of each question token
    score: float
    tokens: Vectors = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def passage_score(self) -> float:
        """MaxSim of its passage."""
        return float(self.passage_matches.mean())

    @property
    def items(self) -> int:
        """How many list items it has."""
        return sum(sentence.item for sentence in self.sentences)

    @property
    def leans(self) -> bool:
        """Whether it begins with a word that stands for something named before."""
        return bool(ANAPHOR.match(self.sentences[0].text))

    @property
    def embedded(self) -> str:
        """What its token vectors stand for: its words below their heading."""
        return f"{self.heading}\n{self.text}"

    @property
    def text(self) -> str:
        """The unit's words in one line."""
        return " ".join(sentence.text for sentence in self.sentences)


def groups(sentences: Sequence[Quotable]) -> list[list[int]]:
    """Positions that are quoted together: list items in a row, with the sentence before them if it ends in a colon."""
    found: list[list[int]] = []
    for position, sentence in enumerate(sentences):
        before = sentences[position - 1] if position else None
        if before and sentence.item and (before.item or before.text.endswith(":")):
            found[-1].append(position)
        else:
            found.append([position])
    return found


def following(unit: Unit, passages: Passages) -> Unit | None:
    """The unit that stands right after another one in its passage, not scored yet; None at the passage's end."""
    number, position = unit.place
    heading, sentences = passages[number]
    after = position + len(unit.sentences)
    group = next((group for group in groups(sentences) if group[0] == after), None)
    if group is None:
        return None
    return Unit((number, after), heading, [sentences[i] for i in group], unit.passage_matches, 0.0)


def with_subject(unit: Unit, passages: Passages) -> list[Quotable]:
    """The unit's sentences, after what stands before them where they lean on it: a sentence, or a whole list."""
    number, position = unit.place
    if not position or not unit.leans:
        return unit.sentences
    sentences = passages[number][1]
    before = next(group for group in groups(sentences) if group[-1] == position - 1)
    return [*(sentences[i] for i in before), *unit.sentences]


def quoted(unit: Unit, passages: Passages) -> str:
    """The words that quoting the unit would show."""
    return " ".join(sentence.text for sentence in with_subject(unit, passages))


def outline(passages: Passages) -> list[Quotable]:
    """For each passage its heading and first sentence, as a list item. Expository prose opens with what it is about."""
    return [
        Quotable(first.number, f"{heading.rsplit(SEPARATOR, 1)[-1]}: {first.text}", item=True)
        for heading, sentences in passages
        for first in sentences[:1]
    ]
