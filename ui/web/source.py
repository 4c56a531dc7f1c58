"""The source panel as HTML: the list of documents, or one document with exactly the cited characters marked."""

import bisect
from collections.abc import Sequence

from rag.receipts.recheck import Finding
from rag.types import Block, sha256_of
from ui.web.conversation import Listed, Source
from ui.web.markup import escape, place
from ui.web.render import failure

# How much of a document is shown at once. More is a button away; a browser draws this much without a pause.
WINDOW_CHARACTERS = 120_000
LISTED = 500


def document_list(documents: Sequence[Listed]) -> str:
    """The panel when nothing is open."""
    rows = "".join(
        f'<li><button type="button" class="document" {place(d.id)}><span class="title">{escape(d.title)}</span>'
        f'<span class="file">{escape(d.id)}</span></button></li>'
        for d in documents[:LISTED]
    )
    more = f'<p class="aside">and {len(documents) - LISTED:,} more</p>' if len(documents) > LISTED else ""
    return (
        f'<header class="source-head">{_bar()}<h2 tabindex="-1">Documents</h2>'
        '<p class="file">Open one to read it, or choose a citation to see the words it rests on.</p></header>'
        f'<div class="text list"><ul class="documents">{rows}</ul>{more}</div>'
    )


def unavailable(message: str) -> str:
    """The panel when a document cannot be shown."""
    return f'<header class="source-head">{_bar(back=True)}</header><div class="text">{failure(message)}</div>'


def open_document(
    document: Source, start: int, end: int, sha256: str = "", kind: str = "citation", *, told: str = ""
) -> str:
    """The panel with a document open at `start:end`, which is marked unless it is empty.

    A citation of another version of the text is not marked: the words may have moved. `sha256` is the version that
    was cited, or empty when that does not matter. Raises ValueError when the place lies outside the document.
    """
    if not 0 <= start <= end <= len(document.text):
        raise ValueError(f"{start}:{end} lies outside {document.id}, which has {len(document.text)} characters")
    changed = bool(sha256) and sha256 != sha256_of(document.text)
    note = f'<p class="aside warning">{escape(told)}</p>' if told else ""
    if changed:
        note = (
            '<p class="aside warning">This document has changed since it was cited, so nothing is marked. '
            "Ask again for citations into the present text.</p>"
        )
    elif kind != "citation" and end > start:
        note = '<p class="aside">A passage near the question. Not an answer.</p>'
    first, last = _window(document.text, start, end)
    text = document.text
    if changed:
        marked = f'<span class="place"></span>{_region(document, start, end)}'
    elif start == end:
        marked = '<span class="place"></span>' if start else ""
    elif kind == "citation":
        data = f'data-document="{escape(document.id)}" data-start="{start}" data-end="{end}"'
        marked = f"<mark {data}>{_region(document, start, end)}</mark>"
    else:
        marked = f'<span class="nearest-passage">{_region(document, start, end)}</span>'
    return (
        _head(document, start, end, note)
        + f'<div class="text" tabindex="0" role="region" aria-label="Text of {escape(document.title)}">'
        + (_turn(document.id, first, "Show earlier text") if first else "")
        + f'<div class="exact">{_region(document, first, start)}{marked}{_region(document, end, last)}</div>'
        + (_turn(document.id, last, "Show later text") if last < len(text) else "")
        + "</div>"
    )


def open_moved(document: Source, now: tuple[int, int]) -> str:
    """The panel with a document that has changed since it was cited, open where the cited words stand now."""
    told = "This document has changed since it was cited. The cited words stand in it unchanged; they are marked."
    return open_document(document, *now, told=told)


def lost(found: Finding, title: str | None) -> str:
    """The panel when cited words cannot be found any more: the quote as it was kept, and what became of it."""
    cited = found.cited
    gone = "This document is not there any more." if title is None else "This document has changed since it was cited"
    told = gone if title is None else f"{gone}, and {found.reason}."
    to_it = "" if title is None else _turn(cited.document, 0, "Open the document as it is now")
    return (
        f'<header class="source-head">{_bar(back=True)}<h2 tabindex="-1">{escape(title or cited.document)}</h2>'
        f'<p class="file">{escape(cited.document)}</p><p class="aside warning">{escape(told)}</p></header>'
        f'<div class="text" tabindex="0" role="region" aria-label="The quote"><p class="aside">What was cited:</p>'
        f'<blockquote class="exact">{escape(cited.quote)}</blockquote>{to_it}</div>'
    )


def heading_path(document: Source, offset: int) -> tuple[str, ...]:
    """The headings that `offset` stands below, outermost first, without the document's title."""
    path: list[Block] = []
    for block in document.blocks:
        if block.start > offset:
            break
        if block.kind == "heading":
            path = [b for b in path if b.level < block.level] + [block]
    names = tuple(document.text[b.start : b.end] for b in path)
    return names[1:] if names and names[0] == document.title else names


def _head(document: Source, start: int, end: int, note: str) -> str:
    where = [document.id]
    if document.pages and end:
        where.append(f"page {max(1, bisect.bisect_right(document.pages, start))}")
    if end > start:
        where.append(f"characters {start:,}–{end:,}")
    path = "".join(f"<li>{escape(h)}</li>" for h in heading_path(document, start)) if end else ""
    if path:
        path = f'<ol class="path" aria-label="Heading path">{path}</ol>'
    return (
        f'<header class="source-head">{_bar(back=True)}<h2 tabindex="-1">{escape(document.title)}</h2>'
        f'<p class="file">{escape(" · ".join(where))}</p>'
        f"{path}{note}</header>"
    )


def _bar(back: bool = False) -> str:
    """The buttons above the title; the one that closes the panel is seen on narrow screens only."""
    listing = '<button type="button" class="quiet back" data-list>All documents</button>' if back else ""
    return f'<div class="bar">{listing}<button type="button" class="quiet close" data-close>Close</button></div>'


def _turn(document: str, offset: int, label: str) -> str:
    return f'<button type="button" class="quiet turn" {place(document, offset, offset)}>{label}</button>'


def _window(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a text that is shown around a place, cut at line ends; everything when it is small enough."""
    if len(text) <= WINDOW_CHARACTERS:
        return 0, len(text)
    first, last = max(0, start - WINDOW_CHARACTERS // 2), min(len(text), end + WINDOW_CHARACTERS // 2)
    if first:
        first = text.find("\n", first, start) + 1 or first
    if last < len(text):
        last = text.rfind("\n", end, last) + 1 or last
    return first, last


def _follows_directly(text: str, offset: int) -> bool:
    """Whether what begins at `offset` begins a line, and the line before it is not empty."""
    before = text[max(0, offset - 4) : offset].replace("\r", "")
    return before.endswith("\n") and not before.endswith("\n\n")


def _region(document: Source, start: int, end: int) -> str:
    """The exact characters between two offsets, with each block in a span that gives it its looks."""
    pieces, at = [], start
    first = bisect.bisect_right(document.blocks, start, key=lambda b: b.end)
    for block in document.blocks[first:]:
        if block.start >= end:
            break
        low, high = max(block.start, at), min(block.end, end)
        if low >= high:
            continue
        spaced = " spaced" if low == block.start and _follows_directly(document.text, low) else ""
        pieces.append(escape(document.text[at:low]))
        pieces.append(f'<span class="kind-{block.kind}{spaced}">{escape(document.text[low:high])}</span>')
        at = high
    return "".join(pieces) + escape(document.text[at:end])
