"""Making the most of a few passages: repeats step back, neighbours join."""

import dataclasses
import re
from collections.abc import Sequence

from rag.types import Chunk, Passage

# Passages that share this much of their vocabulary say the same in the same words.
SAME = 0.8
# So many witnesses of the same words keep their place.
WITNESSES = 2
WORD = re.compile(r"\w+")
# A third of WORD's time, where a text has no other characters.
ASCII_BLANKS = {code: " " for code in range(128) if not WORD.match(chr(code))}


def spread(passages: Sequence[Passage]) -> tuple[list[Passage], list[Passage]]:
    """The passages, best first, in two: those that keep their place, and the third and later of one wording."""
    ahead: list[Passage] = []
    behind: list[Passage] = []
    seen: list[frozenset[str]] = []
    for passage in passages:
        words = _words(passage.chunk.text.casefold())
        alike = sum(_alike(words, other) for other in seen)
        (behind if alike >= WITNESSES else ahead).append(passage)
        seen.append(words)
    return ahead, behind


def joined(passages: Sequence[Passage], count: int) -> list[Passage]:
    """The first `count` passages, where two that follow each other in one section are one, with the better score.

    A section is cut only where it is too long; when both sides of a cut are among the best, the answer lies across.
    """
    chosen: list[Passage] = []
    alone: list[bool] = []  # a passage is joined once
    for passage in passages:
        if len(chosen) == count:
            break
        beside = next(
            (i for i, other in enumerate(chosen) if alone[i] and _neighbours(other.chunk, passage.chunk)), None
        )
        if beside is None:
            chosen.append(passage)
            alone.append(True)
        else:
            chosen[beside] = Passage(_together(chosen[beside].chunk, passage.chunk), chosen[beside].score)
            alone[beside] = False
    return chosen


def _words(text: str) -> frozenset[str]:
    return frozenset(text.translate(ASCII_BLANKS).split() if text.isascii() else WORD.findall(text))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the share of words that both have is at least SAME (Jaccard)."""
    shared = len(one & other)
    return shared >= SAME * (len(one) + len(other) - shared)


def _neighbours(one: Chunk, other: Chunk) -> bool:
    same_section = (one.document, one.sha256, one.headings) == (other.document, other.sha256, other.headings)
    return same_section and bool(one.headings) and (one.end == other.start or other.end == one.start)


def _together(one: Chunk, other: Chunk) -> Chunk:
    """Two chunks that follow each other as one: its text is the document's between their ends."""
    first, second = (one, other) if one.start < other.start else (other, one)
    sentences = (*first.sentences, *second.sentences)
    return dataclasses.replace(first, end=second.end, text=first.text + second.text, sentences=sentences)
