"""What one sentence has that another has not, when both say nearly the same."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rag.verify.alignment import Alignment
from rag.verify.negation import negators
from rag.verify.quantities import Placed, placed
from rag.verify.reach import may_be_same
from rag.verify.wording import Outline, Wording
from rag.verify.words import HEDGES, LIGHT, TIMES, UNIVERSAL, stems

# A sentence may have one further word for so many content words, or for a part of that, and two at most.
EXTRA_EACH, MOST_EXTRA = 4, 2
# Words that the model sees as alike: began and begun.
ALIKE = 0.75
# Verb forms that the stemmer leaves as they are.
_BASE = {"rose": "rise", "risen": "rise", "fell": "fall", "fallen": "fall", "grew": "grow", "grown": "grow",
         "shrank": "shrink", "lost": "lose", "won": "win", "began": "begin", "begun": "begin", "left": "leav",
         "held": "hold", "took": "take", "taken": "take", "made": "make", "gave": "give", "given": "give",
         "led": "lead", "found": "find", "brought": "bring", "kept": "keep", "went": "go", "came": "come",
         "forbidden": "forbid", "forbade": "forbid", "withdrew": "withdraw", "withdrawn": "withdraw"}  # fmt: skip
_LIGHT = stems(LIGHT | {"why"})
_FREE = _LIGHT | stems(HEDGES) | stems(UNIVERSAL)


@dataclass(frozen=True, slots=True)
class Rest:
    """What a sentence has and the other has not: its numbers, and as word indices times, names and other words.

    `shared`: the words that both have.
    """

    said: Wording
    numbers: tuple[Placed, ...]
    times: tuple[int, ...]
    names: tuple[int, ...]
    others: tuple[int, ...]
    shared: frozenset[int]

    @property
    def figures(self) -> set[int]:
        """The words of the numbers and times."""
        return set(self.times).union(*(range(number.first, number.last + 1) for number in self.numbers))

    @property
    def is_little(self) -> bool:
        """Whether the other words are few enough to add nothing that matters."""
        return len(self.others) <= min(MOST_EXTRA, math.ceil(int(self.said.content.sum()) / EXTRA_EACH))

    @property
    def is_narrowed(self) -> bool:
        """Whether a word of its own modifies one with content that both sentences have: for board members."""
        said = self.said
        return any(
            k + 1 in self.shared
            and not said.stop[k + 1]
            and (not k or bool(said.stop[k - 1]) or said.words[k - 1].replace("’", "'").endswith("'s"))
            for k in self.others
        )

    def in_a_row(self, places: Iterable[int]) -> bool:
        """Whether there are such words, with nothing but function words between them."""
        inside = set(places)
        return bool(inside) and all(k in inside or self.said.stop[k] for k in range(min(inside), max(inside)))

    def span(self, places: Iterable[int], kind: str) -> str:
        """The words from the first to the last of some places, and for a figure those of the same date beside them."""
        first, last = min(places), max(places)
        said = self.said

        def is_figure(i: int) -> bool:
            return bool(said.number[i]) or is_time(said.words[i])

        if kind == "number":
            while first and is_figure(first - 1):
                first -= 1
            while last + 1 < len(said) and is_figure(last + 1):
                last += 1
        return said.text[said.spans[first][0] : said.spans[last][1]]


def rest_of(alignment: Alignment, other: Wording) -> Rest:
    """What the aligned sentence has and `other` has not."""
    said = alignment.claim
    known = placed([other])
    numbers = tuple(
        number
        for number in placed([said])
        if number.words.lower() not in ("one", "once") and not any(may_be_same(number, k, said, other) for k in known)
    )
    figures = {i for number in placed([said]) for i in range(number.first, number.last + 1)}
    open_words = [i for i in range(len(said)) if alignment.match[i] < 0 and i not in figures]
    times = tuple(i for i in open_words if i and is_time(said.words[i]))
    names = tuple(i for i in open_words if i not in times and (said.name[i] or said.number[i]))
    nots = negators(said.words)
    alike = alignment.similarity.max(axis=1) >= ALIKE
    others = tuple(
        i
        for i in open_words
        if i not in times + names and i not in nots and not said.stop[i] and not alike[i] and base(said, i) not in _FREE
    )
    return Rest(said, numbers, times, names, others, frozenset(np.flatnonzero(alignment.match >= 0).tolist()))


def is_time(word: str) -> bool:
    """Whether a word is the name of a month or a weekday, written as one."""
    return word[0].isupper() and (word.lower() in TIMES or word.lower().removesuffix("s") in TIMES)


def base(said: Outline, i: int) -> str:
    """The stem of a word, of irregular verbs too."""
    return _BASE.get(said.stems[i], said.stems[i])


def words_of(said: Outline) -> frozenset[str]:
    """The stems of the words that say what a sentence is about, without function words and light words."""
    return frozenset(base(said, i) for i in range(len(said)) if not said.stop[i]) - _LIGHT
