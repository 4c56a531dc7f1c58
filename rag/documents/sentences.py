"""Sentences with exact offsets inside the blocks of a document.

Segmentation is sentencex's (rules for abbreviations, code-point offsets, no model). On the seeds it agrees with
pysbd on every paragraph, at a two-hundredth of the time; list markers, which both take for sentences, never reach it.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Literal

import sentencex

from rag.types import Block, Sentence

QUOTABLE = ("prose", "lead_in", "item", "row")
# Abbreviations that sentencex takes for the end of a sentence, though a number or a small letter follows.
NEVER_LAST = re.compile(
    r"\b(?:approx|ca|cf|ch|chap|eqs?|figs?|max|min|paras?|resp|secs?|sect|vols?)\.\s+$", re.IGNORECASE
)
NO_BEGINNING = re.compile(r"[\da-z(\[§$€£~<>=+-]")
# The number of a clause, which is no sentence of its own.
CLAUSE = re.compile(r"(?:§\s*)?\(?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxlcIVXLC]{1,6})[.)]+\s*")
# An item longer than this is a paragraph with a marker before it: its sentences are quoted one by one.
ITEM_CHARACTERS = 400
# sentencex's time grows with the square of a paragraph's length when it is full of opening quotation marks.
WINDOW_CHARACTERS = 4_000
# A list longer than this in all is quoted item by item, not as a whole.
LIST_CHARACTERS = 2_400


def sentences_of(text: str, blocks: tuple[Block, ...]) -> tuple[Sentence, ...]:
    """The quotable sentences in order. Headings, links and notices have none.

    A lead-in's last sentence and the items after it share a `unit`, and so do the items of a list without lead-in;
    every other sentence is its own unit, and so is a row of a table that names its columns.
    """
    found: list[Sentence] = []
    unit = 0
    for paragraph, items in _groups(blocks):
        ranges = list(_ranges(text, paragraph)) if paragraph else []
        for start, end in ranges:
            unit += 1
            kind: Literal["prose", "lead_in", "item"] = "item" if paragraph and paragraph.kind == "row" else "prose"
            found.append(Sentence(start, end, "lead_in" if items and end == ranges[-1][1] else kind, unit))
        whole = _is_whole(text, items)
        unit += whole and not ranges
        for start, end in (r for block in items for r in _ranges(text, block)):
            unit += not whole
            found.append(Sentence(start, end, "item", unit))
    return tuple(found)


def _groups(blocks: tuple[Block, ...]) -> Iterator[tuple[Block | None, list[Block]]]:
    """Each paragraph alone, and each list with the lead-in before it, if there is one."""
    paragraph: Block | None = None
    items: list[Block] = []
    for block in blocks:
        if block.kind == "item" and (paragraph is None or paragraph.kind == "lead_in"):
            items.append(block)
            continue
        yield paragraph, items
        paragraph, items = (None, [block]) if block.kind == "item" else (block, [])
        if block.kind not in QUOTABLE:
            paragraph = None
    yield paragraph, items


def _is_whole(text: str, items: list[Block]) -> bool:
    """Whether a list is quoted as one: it is short, and no list of clauses, each of which says its own."""
    lengths = [item.end - item.start for item in items]
    clauses = all(CLAUSE.match(text, item.start, item.end) and text[item.end - 1] in ".!?" for item in items)
    return bool(items) and not clauses and max(lengths) <= ITEM_CHARACTERS and sum(lengths) <= LIST_CHARACTERS


def _ranges(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """Start and end of the sentences of a block, without white space around. An item or a row is one, unless long."""
    whole = block.kind in ("item", "row") and block.end - block.start <= ITEM_CHARACTERS
    for start, end in [(block.start, block.end)] if whole else _segments(text, block):
        piece = text[start:end]
        if any(character.isalnum() for character in piece):
            left = start + len(piece) - len(piece.lstrip())
            yield left, left + len(piece.strip())


def _segments(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """sentencex's sentences, where those that it cut after an abbreviation are one again.

    A long paragraph is read in windows, each from where the last whole sentence of the one before ends.
    """
    left = block.start
    while left < block.end:
        window = text[left : min(block.end, left + WINDOW_CHARACTERS)]
        is_last = left + len(window) == block.end
        ends = [b["end_index"] for b in sentencex.get_sentence_boundaries("en", window)]
        ends = [end for end in ends if end == len(window) or not _runs_on(window[max(0, end - 20) : end], window[end])]
        if left == block.start and len(ends) > 1 and CLAUSE.fullmatch(window[: ends[0]]):
            del ends[0]  # "2." before a clause is its number
        if not is_last:  # the last sentence may go on; a single one is longer than any sentence and cut at a space
            ends = ends[:-1] or [window.rfind(" ") + 1 or len(window)]
        for start, end in itertools.pairwise([0, *ends]):
            yield left + start, left + end
        left += ends[-1]


def _runs_on(before: str, after: str) -> bool:
    """Whether a sentence goes on: "Vol. 2", "approx. 5 kg"."""
    return bool(NEVER_LAST.search(before) and NO_BEGINNING.match(after))
