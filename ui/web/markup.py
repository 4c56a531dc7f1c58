"""Text and places as HTML. Everything that comes from documents or models passes through `escape`."""

import html
import re
from collections.abc import Sequence

EXCERPT_CHARACTERS = 180
HASH = re.compile(r"[0-9a-f]{12,}")
BETWEEN = " › "


def escape(text: str) -> str:
    """Text as HTML, in attributes too. Carriage returns survive the browser's parser only as references."""
    return html.escape(text).replace("\r", "&#13;")


def place(document: str, start: int = 0, end: int = 0, sha256: str = "", kind: str = "citation") -> str:
    """The attributes that make a button open the source panel at a place."""
    return (
        f'data-document="{escape(document)}" data-start="{start}" data-end="{end}" '
        f'data-sha256="{escape(sha256)}" data-kind="{kind}"'
    )


def file_name(document: str) -> str:
    """The document's id for people; empty when it holds a hash, which says nothing to them."""
    return "" if HASH.search(document) else document


def where(title: str, headings: Sequence[str]) -> str:
    """Where something stands: the document's title, then its headings from the outside in."""
    inner = headings[1:] if headings and headings[0] == title else headings
    return BETWEEN.join((title, *inner))


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def named(titles: Sequence[str]) -> str:
    """The first titles of several."""
    more = f" and {len(titles) - 2} more" if len(titles) > 2 else ""
    return ", ".join(f"“{title}”" for title in titles[:2]) + more


def excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_CHARACTERS else line[:EXCERPT_CHARACTERS].rsplit(" ", 1)[0] + " …"
