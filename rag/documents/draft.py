"""Putting a document together block by block, for formats whose text is not the file itself.

The canonical text is the blocks in order, an empty line between them and a line's end between items or rows.
"""

import collections
import re
from collections.abc import Sequence

from rag.documents.blocks import (
    has_words,
    is_link,
    prose_kind,
    reads_like_heading,
    with_lead_ins,
    without_stray_headings,
)
from rag.documents.grids import Grid, labelled
from rag.types import Block, BlockKind, Document

# Characters that are not text (control characters, halves of surrogate pairs) become spaces: offsets stay.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
CLOSE = ("item", "row")


class Draft:
    """A document being written."""

    def __init__(self, notes: tuple[str, ...] = ()) -> None:
        self._notes = notes
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[int] = []
        self._new_pages = 0
        self.author = self.modified = ""
        self._left_out: collections.Counter[str] = collections.Counter()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been added yet."""
        return not self._blocks

    @property
    def in_list(self) -> bool:
        """Whether an item added now continues a list or follows its lead-in."""
        return bool(self._blocks) and (self._blocks[-1].kind == "item" or self._leads_in("item"))

    def page(self) -> None:
        """A new page begins with the next block."""
        self._new_pages += 1

    def leave_out(self, what: str, count: int = 1) -> None:
        """Count something that the text does not hold, named in the plural: "pictures"."""
        self._left_out[what] += count

    def add(self, text: str, kind: BlockKind, level: int = 0) -> int | None:
        """Append a block; returns the offset at which it begins, or None when there is no word in it."""
        text = UNPRINTABLE.sub(" ", text).strip()
        if not has_words(text):
            return None
        if kind == "prose":
            kind = "link" if is_link(text) else prose_kind(text)
        if self._blocks:
            close = kind in CLOSE and self._blocks[-1].kind in (*CLOSE, "lead_in")
            self._append("\n" if close or self._leads_in(kind) else "\n\n")
        start = self._length
        self._pages += [start] * self._new_pages
        self._new_pages = 0
        self._append(text)
        self._blocks.append(Block(start, self._length, kind, level))
        return start

    def table(self, rows: Grid, head: int | None = None) -> None:
        """Append a table: each row a line that names its columns, "Vessel: yacht; Fee: 27 euros".

        `head` is how many rows are its head, as the markup says; None where it does not.
        """
        for row in labelled(rows, head):
            self.add(row, "row")

    def document(self, name: str) -> Document:
        """The finished document."""
        text = "".join(self._parts)
        pages = [*self._pages, *[len(text)] * self._new_pages]
        blocks = with_lead_ins(text, self._blocks)
        if sum(block.kind == "heading" for block in blocks) <= 1:
            blocks = _with_guessed_headings(text, blocks)
        return Document(
            name,
            text,
            blocks,
            tuple(pages),
            left_out=tuple(sorted((+self._left_out).items())),
            author=" ".join(self.author.split()),
            modified=self.modified,
            notes=self._notes,
        )

    def _leads_in(self, kind: BlockKind) -> bool:
        return kind == "item" and self._blocks[-1].kind == "prose" and self._parts[-1].endswith(":")

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _with_guessed_headings(text: str, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks of a document that marks no headings, where lines that read like headings have become so."""
    guessed = [
        Block(b.start, b.end, "heading", 2)
        if b.kind == "prose" and text[b.end - 1] != "?" and reads_like_heading(text[b.start : b.end])
        else b
        for b in blocks
    ]
    return tuple(without_stray_headings(guessed))
