"""Finding the blocks of a plain text: headings, paragraphs, lists with their lead-in, link lines and notices.

Works on characters alone, so that a block is a fact about the text: `text[block.start:block.end]`. A heading is
never quoted, so a line is taken for one only when everything about it says so. Time grows with the text's length.
"""

import itertools
import re
from collections.abc import Callable

from rag.types import Block, BlockKind

# What ends a line. Unicode's own line and paragraph separators stand within sentences, where text was pasted.
LINE = re.compile(r"[^\r\n\f\v]*(?:\r\n|[\r\n\f\v])|[^\r\n\f\v]+")
ITEM = re.compile(r"(?:[-*+•▪◦‣·–—]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]|[A-Z]\))(?:[ \t\xa0]+|$)")
LINK = re.compile(
    r"(?:see also\b[^!?]*|(?:read more|read also|also read|related (?:posts?|articles?|reading|topics?)|"
    r"similar (?:posts?|articles?)|further reading|share this|you (?:may|might) also like)\b[^.!?]*)$",
    re.IGNORECASE,
)
NOTICE = re.compile(
    r"\b(?:AI was used|generated (?:by|with) (?:AI|artificial intelligence)|all rights reserved|cookie policy|"
    r"(?:this|the) (?:content|article|page) (?:was|is) (?:generated|for informational)|copyright (?:\(c\)|\d{4})|"
    r"disclaimer:)|©",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3})*)[.)]?[ \t\xa0]+\S")
# "Opening hours: 9 to 5" states a fact; "Chapter 2: Tides" and "Tides: An Overview" are titles.
FACT = re.compile(r"[^:\d]{1,40}:[ \t].*\d")

HEADING_CHARACTERS = 120
HEADING_WORDS = 16
# Lines that look like headings and follow each other without text between are a poem, an address or a table.
HEADING_RUN = 4
LINK_CHARACTERS = 200
# A notice stands before the article begins or after it ends; a long paragraph that mentions one is prose.
NOTICE_CHARACTERS = 300
# A paragraph is wrapped when its lines mostly end in the middle of a sentence; shorter lines say nothing about it.
WRAPPED_CHARACTERS = 60


class Lines:
    """The lines of a text, `lines[i]` without the white space at either end; a line past the last one is empty."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[tuple[int, int]] = []
        self.indents: list[int] = []
        position = 0
        for line in LINE.findall(text):
            mark = position == 0 and line.startswith("\ufeff")  # a byte order mark stands in the text, but in no block
            start, end = stripped(text, position + mark, position + len(line))
            self.spans.append((start, end))
            self.indents.append(start - position)
            position += len(line)

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self.spans):
            return ""
        start, end = self.spans[index]
        return self.text[start:end]

    def empty(self, index: int) -> bool:
        """Whether line `index` is blank, or there is no such line."""
        return not 0 <= index < len(self.spans) or self.spans[index][0] == self.spans[index][1]

    def next_filled(self, index: int) -> int:
        """The first line from `index` on that is not blank, or the number of lines."""
        while index < len(self) and self.empty(index):
            index += 1
        return index


def stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without the white space at either end; empty at `start` when there is nothing else."""
    piece = text[start:end]
    body = piece.strip()
    if not body:
        return start, start
    left = len(piece) - len(piece.lstrip())
    return start + left, start + left + len(body)


def text_blocks(text: str) -> tuple[Block, ...]:
    """Blocks of plain text, where a heading is a short line of its own that does not end like a sentence."""
    lines = Lines(text)
    wrapped = _is_wrapped(lines)
    blocks: list[Block] = []
    index = 0
    while index < len(lines):
        start, end = lines.spans[index]
        line = lines[index]
        if not has_words(line) and not (line and ITEM.fullmatch(line)):
            index += 1  # an empty line or a rule; a marker alone is kept, for its item stands on a later line
            continue
        if level := underline_level(lines, index):
            blocks.append(Block(start, end, "heading", level))
            index += 1
        elif ITEM.match(line) and not _is_numbered_heading(lines, index, wrapped, blocks):
            index, block = item_block(lines, index, wrapped)
            blocks.extend(block)
            continue
        elif is_link(line):
            blocks.append(Block(start, end, "link"))
        elif _is_heading(lines, index, wrapped):
            blocks.append(Block(start, end, "heading", _level(line) if blocks else 1))
        else:
            while wrapped and not lines.empty(index + 1) and not ITEM.match(lines[index + 1]):
                index += 1
            end = lines.spans[index][1]
            blocks.append(Block(start, end, prose_kind(text[start:end])))
        index += 1
    return with_lead_ins(text, without_stray_headings(blocks))


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for character in text)


def is_link(line: str) -> bool:
    """Whether a line only points elsewhere: "See also …", "Similar Posts"."""
    return len(line) <= LINK_CHARACTERS and bool(LINK.match(line))


def prose_kind(paragraph: str) -> BlockKind:
    """Prose, unless the paragraph is a short notice about the page itself."""
    return "notice" if len(paragraph) <= NOTICE_CHARACTERS and NOTICE.search(paragraph) else "prose"


def underline_level(lines: Lines, index: int) -> int:
    """1 or 2 when the next line underlines this one as a heading, else 0."""
    below = lines[index + 1]
    if len(below) < 2 or (below.strip("=") and below.strip("-")):
        return 0
    if len(lines[index]) > HEADING_CHARACTERS or not has_words(lines[index]):
        return 0
    return 1 if below[0] == "=" else 2


def item_block(
    lines: Lines, index: int, lazy: bool, stops: Callable[[int], bool] = lambda index: False
) -> tuple[int, list[Block]]:
    """The index of the line after the list item on line `index`, and its block (none when the item is empty).

    A marker alone on its line takes the next line as its item. Indented lines below an item belong to it, and with
    `lazy` so do lines that are not indented; lines for which `stops` holds never do.
    """
    marker = ITEM.match(lines[index])
    start, end = lines.spans[index]
    start += marker.end() if marker else 0
    index += 1
    if start >= end:
        index = lines.next_filled(index)
        if index == len(lines) or ITEM.match(lines[index]) or stops(index):
            return index, []
        start, end = lines.spans[index]
        index += 1
    while not lines.empty(index) and not ITEM.match(lines[index]) and not stops(index):
        if not lazy and lines.indents[index] < 2:
            break
        end = lines.spans[index][1]
        index += 1
    return index, [Block(start, end, "item")]


def with_lead_ins(text: str, blocks: list[Block]) -> tuple[Block, ...]:
    """The blocks, where prose directly before a list that ends with a colon has become its lead-in."""
    return tuple(
        Block(b.start, b.end, "lead_in")
        if b.kind == "prose" and after and after.kind == "item" and text[b.end - 1] in ":："
        else b
        for b, after in itertools.zip_longest(blocks, blocks[1:])
    )


def _is_wrapped(lines: Lines) -> bool:
    """Whether paragraphs are broken over several lines, rather than each line being a paragraph of its own."""
    filled = [end for start, end in lines.spans if end - start > WRAPPED_CHARACTERS]
    ended = sum(lines.text[end - 1] in '.!?:;"”’)' for end in filled)
    return bool(filled) and ended / len(filled) < 0.5


def _is_heading(lines: Lines, index: int, wrapped: bool) -> bool:
    """Whether a line of plain text is a heading, judged by itself and by the lines around it."""
    line = lines[index]
    if not reads_like_heading(line) or (wrapped and not lines.empty(index + 1)):
        return False
    if _is_label(line) and (_is_label(lines[index - 1]) or _is_label(lines[index + 1])):
        return False
    if line[-1] == "?":  # a question is a heading when a paragraph answers it
        below = lines[lines.next_filled(index + 1)]
        return len(below) > 2 * len(line) and below[-1] in ".:"
    return lines[index - 1][-1:] not in (",", ";")


def reads_like_heading(line: str) -> bool:
    """Whether a line by itself could be a heading: short, capitalised, and it does not end or read like a sentence."""
    if not 0 < len(line) <= HEADING_CHARACTERS or len(line.split()) > HEADING_WORDS or line[-1] in '.,;:!…"”':
        return False
    if not (line[0].isupper() or line[0].isdigit()) or sum(c.isalpha() for c in line) < 3:
        return False
    return not (FACT.match(line) or "://" in line or "@" in line)


def _is_label(line: str) -> bool:
    """Whether a line reads like one of a form or a table of facts: "Chair: Jane Smith"."""
    return len(line) <= HEADING_CHARACTERS and ": " in line


def _is_numbered_heading(lines: Lines, index: int, wrapped: bool, blocks: list[Block]) -> bool:
    """Whether "1. Introduction" heads a section: it reads like a heading, no list is open, and prose follows."""
    below = lines.next_filled(index + 1)
    if not NUMBERED.match(lines[index]) or below == len(lines) or ITEM.match(lines[below]):
        return False
    in_list = bool(blocks) and (blocks[-1].kind == "item" or lines.text[blocks[-1].end - 1] in ":：")
    return not in_list and len(lines[below]) > len(lines[index]) and _is_heading(lines, index, wrapped)


def _level(line: str) -> int:
    """A heading's depth: 2, or deeper when it is numbered "2.1 Scope"."""
    number = NUMBERED.match(line)
    return 2 + number[1].count(".") if number else 2


def without_stray_headings(blocks: list[Block]) -> list[Block]:
    """The blocks, where headings that head nothing have become prose: long runs of them, and those at the very end."""
    found: list[Block] = []
    run: list[Block] = []
    for block in [*blocks, None]:
        if block and block.kind == "heading":
            run.append(block)
            continue
        if block is None or len(run) >= HEADING_RUN:
            run = [Block(heading.start, heading.end, "prose") for heading in run]
        found += run
        run = []
        if block:
            found.append(block)
    return found
