"""Chunks that tile a document exactly: every character in one chunk, none in two.

A section is one chunk, or several of about equal size. Cuts fall between paragraphs where they can, else between
sentences; a short list stays with its lead-in, and a heading with the text after it.
"""

import bisect
import enum
import itertools
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag.documents.blocks import has_words
from rag.documents.sentences import sentences_of
from rag.documents.tokens import count_tokens
from rag.types import Block, Chunk, Document, Sentence

# A section shorter than this is kept together with its first subsection.
SMALLEST_TOKENS = 24
# A list with its lead-in, or a single sentence, stays whole up to this many times the size of a chunk.
STRETCH = 1.5
# A longer sentence is cut at white space into pieces of at most this many characters.
PIECE_CHARACTERS = 200
# The most characters of markup before a block that stay with it.
MARKUP_CHARACTERS = 16


class _Cut(enum.Enum):
    """What a cut would part, and what that costs: as much as being this far, relative to it, from an even size."""

    PARAGRAPHS = 0.0
    ITEMS = 0.2
    SENTENCES = 0.3
    LEAD_IN = 1.0
    WORDS = 1.5


@dataclass(frozen=True, slots=True)
class _Piece:
    """The smallest part of a chunk.

    `cut` is what a cut before it would part, `level` that of the heading it begins with (0: none), `mark` a number
    that depends on its text alone.
    """

    start: int
    tokens: int
    cut: _Cut
    level: int
    mark: int


def chunk_document(document: Document, chunk_tokens: int) -> list[Chunk]:
    """Chunks of at most about `chunk_tokens` tokens that follow the document's sections, paragraphs and lists.

    `"".join(c.text for c in chunks) == document.text`, for any text. A sentence that had to be cut is quotable in
    each of its chunks as far as it stands there.
    """
    text = document.text
    if not text:
        return []
    sentences = sentences_of(text, document.blocks)
    pieces = _with_whole_lists(_pieces(document, sentences, chunk_tokens), chunk_tokens)
    starts = [start for section in _sections(pieces) for start in _cuts(section, chunk_tokens)]
    sentence_starts = [sentence.start for sentence in sentences]
    heading_starts, paths = _heading_paths(document)
    sha256, title = document.sha256, document.title
    chunks = []
    for start, end in itertools.pairwise([*starts, len(text)]):
        page = bisect.bisect_right(document.pages, start)
        first = max(0, bisect.bisect_right(sentence_starts, start) - 1)
        inside = sentences[first : bisect.bisect_left(sentence_starts, end)]
        chunks.append(
            Chunk(
                document=document.id,
                sha256=sha256,
                title=title,
                start=start,
                end=end,
                text=text[start:end],
                headings=paths[bisect.bisect_left(heading_starts, end) - 1],
                sentences=tuple(_clipped(text, inside, start, end)),
                page=max(1, page) if document.pages else None,
                page_starts=document.pages[max(1, page) : bisect.bisect_left(document.pages, end)],
                page_labels=document.page_labels[max(0, page - 1) : bisect.bisect_left(document.pages, end)],
            )
        )
    return chunks


def _clipped(text: str, sentences: tuple[Sentence, ...], start: int, end: int) -> Iterator[Sentence]:
    """The sentences as far as they stand between `start` and `end`, without white space at either end."""
    for sentence in sentences:
        left, right = max(sentence.start, start), min(sentence.end, end)
        if (left, right) == (sentence.start, sentence.end):
            yield sentence
        elif has_words(piece := text[left:right]):
            left += len(piece) - len(piece.lstrip())
            yield replace(sentence, start=left, end=left + len(piece.strip()))


def _heading_paths(document: Document) -> tuple[list[int], list[tuple[str, ...]]]:
    """Where each heading begins, and the headings that hold from there on, outermost first; none from offset -1 on."""
    starts: list[int] = [-1]
    paths: list[tuple[str, ...]] = [()]
    path: list[tuple[int, str]] = []
    for block in document.blocks:
        if block.kind == "heading":
            path = [(level, name) for level, name in path if level < block.level]
            path.append((block.level, document.text[block.start : block.end]))
            starts.append(block.start)
            paths.append(tuple(name for _, name in path))
    return starts, paths


def _pieces(document: Document, sentences: tuple[Sentence, ...], chunk_tokens: int) -> Iterator[_Piece]:
    """The document as sentences, each with the headings, links and white space next to it."""
    text = document.text
    boundaries = _boundaries(document, sentences)
    for (start, cut, level), (end, *_) in itertools.pairwise([*boundaries, (len(text), _Cut.WORDS, 0)]):
        piece = _piece(text[start:end], start, cut, level)
        if piece.tokens <= chunk_tokens * STRETCH:
            yield piece
        else:
            yield from _split(text, piece, end, chunk_tokens)


def _piece(text: str, start: int, cut: _Cut, level: int) -> _Piece:
    return _Piece(start, count_tokens(text), cut, level, zlib.crc32(text.encode("utf-8", "surrogatepass")))


def _boundaries(document: Document, sentences: tuple[Sentence, ...]) -> list[tuple[int, _Cut, int]]:
    """Where a cut may fall, what it would part and the level of the heading there (0: none), from offset 0 on.

    No cut falls between a heading and what comes after it.
    """
    cuts: dict[int, _Cut] = {}
    unit, kind = 0, ""
    for sentence in sentences:
        cuts[sentence.start] = _Cut.ITEMS if sentence.unit == unit else _Cut.SENTENCES
        if kind == "lead_in" and sentence.kind == "item":
            cuts[sentence.start] = _Cut.LEAD_IN
        unit, kind = sentence.unit, sentence.kind
    levels: dict[int, int] = {}
    lines: dict[int, int] = {}
    before = Block(0, 0, "prose")
    for block in document.blocks:
        lines[block.start] = _line_start(document.text, block.start, before.end)
        if before.kind == "heading":
            cuts.pop(block.start, None)
        elif cuts.get(block.start, _Cut.SENTENCES) == _Cut.SENTENCES:
            cuts[block.start] = _Cut.PARAGRAPHS
            levels[block.start] = block.level
        before = block
    found = [(lines.get(start, start), cuts[start], levels.get(start, 0)) for start in sorted(cuts)]
    return [(0, *found[0][1:]), *found[1:]] if found else [(0, _Cut.PARAGRAPHS, 0)]


def _line_start(text: str, start: int, floor: int) -> int:
    """Where the line begins on which a block starts after its markup ("## ", "- "), but not before `floor`."""
    return text.rfind("\n", max(floor, start - MARKUP_CHARACTERS), start) + 1 or start


def _split(text: str, piece: _Piece, end: int, chunk_tokens: int) -> Iterator[_Piece]:
    """An over-long piece in parts that end after white space, or anywhere where there is none."""
    left, cut, level = piece.start, piece.cut, piece.level
    width = PIECE_CHARACTERS
    while left < end:
        right = _break(text, left, min(end, left + width), end)
        part = _piece(text[left:right], left, cut, level)
        if part.tokens > chunk_tokens // 2 and right - left > 1:
            width = max(1, (right - left) // 2)
            continue
        yield part
        left, cut, level, width = right, _Cut.WORDS, 0, PIECE_CHARACTERS


def _break(text: str, left: int, right: int, end: int) -> int:
    """The last offset up to `right` that follows white space, or else one that parts no character from its marks."""
    if right == end:
        return right
    space = next((i for i in range(right, left, -1) if text[i - 1].isspace() and text[i - 1 : i + 1] != "\r\n"), None)
    if space is not None:
        return space
    joined = right
    while joined > left + 1 and (
        unicodedata.category(text[joined])[0] == "M" or "\u200d" in text[joined - 1 : joined + 1]
    ):
        joined -= 1
    return joined if joined > left + 1 else right


def _with_whole_lists(pieces: Iterator[_Piece], chunk_tokens: int) -> list[_Piece]:
    """The pieces, where a list that is short enough has become one piece with its lead-in."""
    found: list[_Piece] = []
    run: list[_Piece] = []
    for piece in itertools.chain(pieces, [None]):
        if piece and run and piece.cut in (_Cut.ITEMS, _Cut.LEAD_IN):
            run.append(piece)
            continue
        tokens = sum(part.tokens for part in run)
        found += [replace(run[0], tokens=tokens)] if len(run) > 1 and tokens <= chunk_tokens * STRETCH else run
        run = [piece] if piece else []
    return found


def _sections(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """The pieces of each section; a tiny one comes together with its first subsection."""
    section: list[_Piece] = []
    for piece in pieces:
        if piece.level and section:
            tiny = sum(part.tokens for part in section) < SMALLEST_TOKENS
            if not (tiny and piece.level > section[0].level):
                yield section
                section = []
        section.append(piece)
    yield section


def _cuts(section: list[_Piece], chunk_tokens: int) -> Iterator[int]:
    """Where each chunk of a section begins; the last two are of about even size, and none is much under half of one.

    In a longer section the cuts depend on the text around them alone (the smallest mark in reach, as in
    content-defined chunking), so that editing one paragraph moves no cut far from it.
    """
    left = sum(piece.tokens for piece in section)
    first = 0
    while left > chunk_tokens and first + 1 < len(section):
        yield section[first].start
        aim = left / 2 if left <= 2 * chunk_tokens else None
        size = taken = section[first].tokens
        best, cheapest = first + 1, (float("inf"), 0)
        for number in range(first + 1, len(section)):
            if size > chunk_tokens:
                break
            piece = section[number]
            if aim is not None:
                cost = (abs(size - aim) / aim + piece.cut.value, 0)
            else:
                cost = (piece.cut.value + max(0.0, 1 - 2 * size / chunk_tokens), piece.mark)
            if cost < cheapest:
                best, cheapest, taken = number, cost, size
            size += piece.tokens
        first, left = best, left - taken
    yield section[first].start
