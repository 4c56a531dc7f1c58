"""Which way a text turns the things it speaks of: raised or lowered, before or after, alike or not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rag.verify.negation import negators
from rag.verify.rest import base
from rag.verify.wording import Outline
from rag.verify.words import LIGHT, stems

# Words of one direction each; a question and a sentence that turn the same thing in opposite ones disagree.
_AXES = (
    (
        "increase raise rise grow gain strengthen strong stronger strength enhance improve boost bolster expand "
        "support promote foster encourage help facilitate enable allow permit accept adopt approve join include build "
        "protect preserve maintain continue succeed success successful win prioritize deepen advance more better "
        "welcome embrace establish restore happy willing eager open",
        "decrease reduce lower fall decline shrink drop lose weaken weak weaker undermine degrade damage harm hurt "
        "hinder hamper impede prevent block ban prohibit forbid refuse reject oppose abandon leave withdraw exclude "
        "destroy dismantle erode end stop cease fail failure unsuccessful less worse worsen discourage deter dissolve "
        "disrupt wary reluctant unwilling hesitate deny cancel suspend diminish avoid halt lack close scrap remove",
    ),
    ("identical uniform", "vary disparate diverse"),
    ("before", "after"),
)
# What stands behind these is an evil, and to do more against it is to have less of it.
_AGAINST = stems(
    frozenset(
        "against mitigate minimize curb alleviate counter combat fight tackle defeat limit restrict address".split()
    )
)
_SIGNS = {
    one: (axis, sign)
    for axis, sides in enumerate(_AXES)
    for sign, side in zip((1, -1), sides, strict=True)
    for one in stems(frozenset(side.split()))
}
# Verbs that a second word turns: pull out, shut down.
_PHRASES = {"out": "pull rule back drop opt phase", "away": "walk turn back do", "down": "shut turn close break",
         "off": "break call", "up": "give"}  # fmt: skip
_AWAY = {second: stems(frozenset(firsts.split())) for second, firsts in _PHRASES.items()}
_LIGHT = stems(LIGHT | {"offer"})
# A "not" turns what stands so many words behind it.
NOT_BEFORE = 3
# How many words, and content words among them, may stand between such a word and what it is about.
REACH, PASSED = 8, 4
CLAUSE = re.compile(r"[,;:.()–—]")
_DETERMINERS = frozenset("the a an its his her their our my your this that these those each both".split())
_AUXILIARY = frozenset("is are was were be been being has have had get got become became".split())


@dataclass(frozen=True, slots=True)
class Turn:
    """A thing that a text turns in a direction: its stem, which axis and which way, and the words that turn it."""

    stem: str
    axis: int
    sign: int
    words: str


def turns(said: Outline) -> list[Turn]:
    """Everything that a text turns, in order."""
    turning = _turning(said)
    found = []
    for i in range(len(said)):
        if said.stop[i] or i in turning:
            continue
        k = _turner(said, i, turning)
        if k is not None:
            axis, sign, first, last = turning[k]
            found.append(Turn(base(said, i), axis, sign, said.text[said.spans[first][0] : said.spans[last][1]]))
    return found


def _turning(said: Outline) -> dict[int, tuple[int, int, int, int]]:
    """The words that turn something: axis, direction after any "not", and the first and last word of their phrase."""
    nots = [*negators(said.words), *(i for i, word in enumerate(said.words) if word.lower() in ("less", "least"))]
    found: dict[int, tuple[int, int, int, int]] = {}
    for i in range(len(said)):
        following = said.words[i + 1].lower() if i + 1 < len(said) else ""
        if base(said, i) in _AWAY.get(following, ()):
            axis, sign, last = 0, -1, i + 1
        elif base(said, i) in _SIGNS and following not in _AWAY:
            axis, sign = _SIGNS[base(said, i)]
            last = i
        else:
            continue
        turned = [k for k in nots if 0 < i - k <= NOT_BEFORE]
        found[i] = axis, -sign if turned else sign, min(turned, default=i), last
    return found


def _turner(said: Outline, i: int, turning: Mapping[int, object]) -> int | None:
    """The word that turns word i: right behind it, as in "exports fell", else the nearest before it in its clause."""
    k = i + 1
    while k < len(said) and said.words[k].lower() in _AUXILIARY:
        k += 1
    if k in turning and (k + 1 == len(said) or (said.stop[k + 1] and said.words[k + 1].lower() not in _DETERMINERS)):
        return k
    passed = 0
    for k in range(i - 1, max(-1, i - 1 - REACH), -1):
        if CLAUSE.search(said.text[said.spans[k][1] : said.spans[k + 1][0]]):
            return None
        if k in turning or said.stems[k] in _AGAINST:
            return k if k in turning else None
        passed += not said.stop[k] and said.stems[k] not in _LIGHT
        if passed > PASSED:
            return None
    return None


def alike(one: str, other: str) -> bool:
    """Whether two stems are forms of one word: stabl and stabil."""
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one == other or (same >= 4 and same >= min(len(one), len(other)) - 2)
