"""Statements as HTML: their words, verdict and reason, and the numbered marks that open their sources."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rag.types import Citation, Statement
from ui.verdicts import verdict_words
from ui.web.markup import count, escape, excerpt, place, where

Titles = Mapping[str, str]
Numbers = dict[tuple[str, int, int], int]


def statements(items: Iterable[Statement], titles: Titles, numbers: Numbers) -> str:
    """Statements in order; consecutive ones that begin with "- " become one list."""
    pieces: list[str] = []
    for listed, run in itertools.groupby(items, lambda s: s.text.startswith("- ")):
        if listed:
            inner = "".join(_statement(s, titles, numbers, "li") for s in run)
            pieces.append(f'<ul class="items">{inner}</ul>')
        else:
            pieces += [_statement(s, titles, numbers, "div") for s in run]
    return "".join(pieces)


def _statement(item: Statement, titles: Titles, numbers: Numbers, tag: str) -> str:
    words = item.text.removeprefix("- ")
    marks = "".join(_mark(c, titles, numbers) for c in item.citations)
    if marks:
        marks = f'<span class="marks">{marks}</span>'
    return (
        f'<{tag} class="statement {item.verdict}"><p class="words">{_underlined(words, item)}{marks}</p>'
        f'<span class="verdict" title="Score of the check: {item.score:.2f}">'
        f'<span class="icon" aria-hidden="true"></span>{verdict_words(item)}</span>{_why(item)}</{tag}>'
    )


def _underlined(words: str, item: Statement) -> str:
    """The words of a statement, those that disagreed underlined where they stand in it exactly once."""
    spans = sorted((words.find(d.claim), d.claim) for d in item.disagreements if d.claim and words.count(d.claim) == 1)
    pieces, at = [], 0
    for start, claim in spans:
        if start >= at:
            pieces.append(f'{escape(words[at:start])}<u class="disagrees">{escape(claim)}</u>')
            at = start + len(claim)
    return "".join(pieces) + escape(words[at:])


def _mark(citation: Citation, titles: Titles, numbers: Numbers) -> str:
    """The small numbered button behind a statement. The same words have the same number throughout an answer."""
    number = numbers.setdefault((citation.document, citation.start, citation.end), len(numbers) + 1)
    stands = where(titles.get(citation.document, citation.document), citation.heading)
    origin = "" if citation.origin == "cited" else f" ({citation.origin} by Pincite)"
    return (
        f'<button type="button" class="mark" {place(citation.document, citation.start, citation.end, citation.sha256)} '
        f'aria-label="Citation {number}: {escape(stands)}{origin}. Open the source." '
        f'title="{escape(excerpt(citation.quote))}{origin}">{number}</button>'
    )


def _why(item: Statement) -> str:
    """Why a statement is not plainly supported, in one line; empty when it is."""
    if item.verdict == "supported":
        return ""
    parts = [
        f"“{escape(d.claim)}” is not in the cited words"
        if d.source is None
        else f"“{escape(d.claim)}” here, “{escape(d.source)}” in the source"
        for d in item.disagreements
    ]
    if item.reason and item.reason != verdict_words(item):
        parts.insert(0, escape(item.reason))
    return f'<p class="why">{"; ".join(parts)}</p>' if parts else ""


def withheld(items: Sequence[Statement], titles: Titles, numbers: Numbers) -> str:
    """What was withheld: one line with the count, which unfolds to each statement with its reason."""
    if not items:
        return ""
    kinds = Counter(s.verdict for s in items)
    if len(kinds) == 1:
        line = f"{count(len(items), f'{next(iter(kinds))} statement')} withheld"
    else:
        line = f"{count(len(items), 'statement')} withheld: " + ", ".join(
            f"{n} {verdict}" for verdict, n in kinds.items()
        )
    inner = "".join(_statement(s, titles, numbers, "li") for s in items)
    return f'<details class="withheld"><summary>{line}</summary><ul>{inner}</ul></details>'
