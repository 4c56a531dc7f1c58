"""Markdown. The canonical text is the file itself; markup stays in it, and the blocks leave it out where they can.

A table's rows and the lines of a fenced code block are items, with the table's head as lead-in: they are quoted
line by line. Front matter gives the title. Rules, comments, images and lines of links alone are not quotable.
"""

import re
from collections.abc import Callable, Iterator

from rag.documents.blocks import ITEM, Lines, is_link, item_block, prose_kind, underline_level, with_lead_ins
from rag.documents.plain import decoded
from rag.types import Block, Document

HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
CLOSING = re.compile(r"[ \t]+#+$")
BOLD_LINE = re.compile(r"(\*\*|__)([^*_]{2,100}[^*_.:;,!])\1$")
FENCE = re.compile(r"(`{3,}|~{3,})")
QUOTE = re.compile(r"(?:>[ \t]?)+")
TASK = re.compile(r"\[[ xX]\][ \t]+")
TABLE_RULE = re.compile(r"\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?[ \t]*)?$")
ONLY_LINKS = re.compile(r"(?:!?\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])[ \t,·|]*)+$|\[[^\[\]^]+\]:[ \t]")
ONLY_TAGS = re.compile(r"(?:</?[A-Za-z][^<>]*>[ \t]*)+$")
FRONT_MATTER_LINES = 200
# A comment that does not end within so many characters is taken for one line, or it would swallow the document.
COMMENT_CHARACTERS = 10_000
# Longer lines are prose: the patterns above are for markup, which is short, and would be slow on a megabyte.
MARKUP_CHARACTERS = 1_000


def read_markdown(data: bytes, name: str) -> Iterator[Document]:
    """Markdown, with its markup left in the text."""
    text, notes = decoded(data, name)
    yield Document(name, text, markdown_blocks(text), notes=notes)


def markdown_blocks(text: str) -> tuple[Block, ...]:
    """Blocks of Markdown: headings with their depth, list items, table rows, code lines and paragraphs."""
    lines = Lines(text)
    index, blocks = _front_matter(lines)
    while index < len(lines):
        if lines.empty(index):
            index += 1
            continue
        for parse in PARSERS:
            after, found = parse(lines, index)
            if after > index:
                index = after
                blocks += found
                break
    return with_lead_ins(text, blocks)


def _front_matter(lines: Lines) -> tuple[int, list[Block]]:
    """The line after the YAML block that opens the file, and its title as a heading; its other lines are notices."""
    if lines[0] != "---":
        return 0, []
    last = next((i for i in range(1, min(len(lines), FRONT_MATTER_LINES)) if lines[i] in ("---", "...")), 0)
    blocks = []
    for index in range(1, last):
        start, end = lines.spans[index]
        title = re.match(r"title:[ \t]*", lines[index])
        if title and start + title.end() < end:
            quoted = end - start - title.end() > 2 and lines[index][-1] in "'\"" and lines[index][title.end()] in "'\""
            blocks.append(Block(start + title.end() + quoted, end - quoted, "heading", 1))
        elif start < end:
            blocks.append(Block(start, end, "notice"))
    return last + 1 if last else 0, blocks


Parsed = tuple[int, list[Block]]  # the line after what was parsed (the same line: nothing was), and its blocks


def _fence(lines: Lines, index: int) -> Parsed:
    """A fenced block, each line of it an item."""
    opening = FENCE.match(lines[index])
    if not opening:
        return index, []
    index += 1
    blocks: list[Block] = []
    while index < len(lines):
        line = lines[index]
        if line.startswith(opening[1]) and not line.strip(opening[1][0]):
            return index + 1, blocks
        if line:
            blocks.append(Block(*lines.spans[index], "item"))
        index += 1
    return index, blocks


def _comment(lines: Lines, index: int) -> Parsed:
    """An HTML comment that begins its line, up to the line on which it ends."""
    if not lines[index].startswith("<!--"):
        return index, []
    start = lines.spans[index][0]
    end = lines.text.find("-->", start, start + COMMENT_CHARACTERS)
    while lines.spans[index][1] < end:
        index += 1
    return index + 1, []


def _heading(lines: Lines, index: int) -> Parsed:
    """`# Title`, a title underlined with = or -, or a line in bold alone."""
    start, end = lines.spans[index]
    line = lines[index]
    if end - start > MARKUP_CHARACTERS:
        return index, []
    if marker := HEADING.match(line):
        body = CLOSING.sub("", line[marker.end() :])
        left = start + marker.end()
        return index + 1, [Block(left, left + len(body), "heading", len(marker[1]))] if body.strip("#") else []
    if not ITEM.match(line) and (level := underline_level(lines, index)):
        return index + 2, [Block(start, end, "heading", level)]
    if (bold := BOLD_LINE.match(line)) and lines.empty(index - 1) and lines.empty(index + 1):
        return index + 1, [Block(start + bold.start(2), start + bold.end(2), "heading", 6)]
    return index, []


def _table(lines: Lines, index: int) -> Parsed:
    """A table: its head is the lead-in, its rows are items, without the bars at either end."""
    if "|" not in lines[index] or len(lines[index + 1]) > MARKUP_CHARACTERS or not TABLE_RULE.match(lines[index + 1]):
        return index, []
    blocks = [Block(*_between_bars(lines, index), "lead_in")]
    index += 2
    while "|" in lines[index]:
        blocks.append(Block(*_between_bars(lines, index), "item"))
        index += 1
    return index, [block for block in blocks if block.start < block.end]


def _between_bars(lines: Lines, index: int) -> tuple[int, int]:
    start, end = lines.spans[index]
    line = lines[index]
    left = len(line) - len(line.lstrip("| \t"))
    return start + left, max(start + left, end - (len(line) - len(line.rstrip("| \t"))))


def _unquotable(lines: Lines, index: int) -> Parsed:
    """A rule, an HTML tag, an image, or links alone."""
    start, end = lines.spans[index]
    line = lines[index]
    if set(line) <= set("-*_= \t") or (end - start <= MARKUP_CHARACTERS and ONLY_TAGS.match(line)):
        return (index, []) if ITEM.fullmatch(line) else (index + 1, [])
    if is_link(line) or _only_links(line):
        return index + 1, [Block(start, end, "link")]
    return index, []


def _only_links(line: str) -> bool:
    return len(line) <= MARKUP_CHARACTERS and bool(ONLY_LINKS.match(line))


def _item(lines: Lines, index: int) -> Parsed:
    """A list item with the lines that continue it."""
    if not ITEM.match(lines[index]):
        return index, []
    after, blocks = item_block(lines, index, lazy=True, stops=lambda i: _starts_something(lines, i))
    if not blocks:
        return after, []
    start, end = blocks[0].start, blocks[0].end
    if task := TASK.match(lines.text, start, end):
        start = task.end()
    return after, [Block(start, end, "link" if _only_links(lines.text[start:end]) else "item")] if start < end else []


def _paragraph(lines: Lines, index: int) -> Parsed:
    """Prose up to the next line that is empty or something else; a quotation's first mark is left out."""
    start, end = lines.spans[index]
    if mark := QUOTE.match(lines.text, start, end):
        start = mark.end()
    while not lines.empty(index + 1) and not ITEM.match(lines[index + 1]) and not _starts_something(lines, index + 1):
        index += 1
        end = lines.spans[index][1]
    return index + 1, [Block(start, end, prose_kind(lines.text[start:end]))] if start < end else []


def _starts_something(lines: Lines, index: int) -> bool:
    """Whether line `index` ends a paragraph or an item by being markup of another kind."""
    return any(parse(lines, index)[0] > index for parse in (_fence_mark, _comment, _heading_mark, _table, _unquotable))


def _fence_mark(lines: Lines, index: int) -> Parsed:
    return (index + 1 if FENCE.match(lines[index]) else index), []


def _heading_mark(lines: Lines, index: int) -> Parsed:
    return (index + 1 if HEADING.match(lines[index]) else index), []


PARSERS: tuple[Callable[[Lines, int], Parsed], ...] = (
    _fence, _comment, _heading, _table, _unquotable, _item, _paragraph,
)  # fmt: skip
