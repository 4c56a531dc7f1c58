"""From a draft to a statement: its citations resolved, its words checked against theirs, idle citations set aside."""

import dataclasses
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rag.answer.citations import resolve
from rag.answer.parser import Draft
from rag.documents.passages import SEPARATOR, flat, heading_line, sentence_texts
from rag.models.minilm import MiniLM
from rag.types import Citation, Notice, Passage, Statement
from rag.verify import Verifier, idle
from rag.verify.difference import words_in
from rag.verify.prompt_injection import addressed_to_answerer, orders_in

SHOWN = ("supported", "partial")
ORDERED = "the cited sentence is addressed to whoever answers"
EXAMPLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked statement, the markers of its draft that name nothing, and how many citations did nothing for it."""

    statement: Statement
    dangling: tuple[str, ...]
    idle_citations: int


def check(draft: Draft, passages: Sequence[Passage], model: MiniLM, verifier: Verifier) -> Checked:
    """The statement that a draft becomes. All cited words together must support it (ALCE's citation recall)."""
    citations, dangling = resolve(draft, passages, model)
    item = draft.text.removeprefix("- ")
    claim = _without_heading(item, citations, passages)
    quotes = [flat(citation.quote) for citation in citations]
    verdict = verifier.check(claim, quotes)
    unneeded = idle(claim, quotes, verifier) if verdict.verdict in SHOWN else set()
    kept = tuple(citation for i, citation in enumerate(citations) if i not in unneeded)
    if verdict.verdict == "supported" and any(_is_order(citation, passages) for citation in kept):
        verdict = dataclasses.replace(verdict, verdict="partial", reason=ORDERED)
    text = f"{draft.label}: {draft.text}" if _is_known(draft.label, kept) else draft.text
    before = len(text) - len(claim)
    words = tuple((start + before, end + before) for start, end in verdict.unsupported_words)
    score = round(verdict.score, 4)
    statement = Statement(text, verdict.verdict, score, verdict.reason, verdict.disagreements, kept, words)
    return Checked(statement, dangling, len(unneeded))


def is_shown(statement: Statement, show: str) -> bool:
    """Whether a checked statement is shown, where `show` says what becomes of those that fail."""
    return statement.verdict in SHOWN or show == "mark"


def order_notices(passages: Sequence[Passage], cited: Collection[str], read_by: str | None) -> Iterator[Notice]:
    """What the reader should know of documents among the passages that give orders to whoever answers.

    One notice for each such document that is `cited`; for each of them when a model has read the orders, `read_by`,
    whatever it cites. The offline backend leaves them out, so that a document nobody cites has no part in its answer.
    """
    orders: dict[str, list[str]] = {}
    for chunk in (passage.chunk for passage in passages):
        if read_by or chunk.document in cited:
            orders.setdefault(chunk.document, []).extend(t for t in sentence_texts(chunk) if addressed_to_answerer(t))
    for document, found in orders.items():
        if found:
            example = textwrap.shorten(max(found, key=len), EXAMPLE_CHARACTERS, placeholder=" …")
            gives = f"gives orders to whoever answers (“{example}”)"
            if read_by:
                why = f"{document} {gives}, and {read_by} has read them. The offline backend leaves them out: compare."
            else:
                why = f"{document}, which is cited, also {gives}. Check its words against another source."
            yield Notice("order_in_source", why)


def _is_known(label: str, citations: Sequence[Citation]) -> bool:
    """Whether the words of a label stand in the cited sentences or their headings, so that it adds nothing to them."""
    said = {word for word, _, _ in words_in(label)}
    known = {word for c in citations for text in (c.quote, *c.heading) for word, _, _ in words_in(text)}
    return bool(said) and said <= known


def _is_order(citation: Citation, passages: Sequence[Passage]) -> bool:
    """Whether the cited sentence gives orders to whoever answers."""
    for passage in passages:
        chunk = passage.chunk
        if citation.document == chunk.document and chunk.start <= citation.start < chunk.end:
            return any(chunk.sentences[i].start == citation.start for i in orders_in(sentence_texts(chunk)))
    return False


def _without_heading(claim: str, citations: Sequence[Citation], passages: Sequence[Passage]) -> str:
    """The claim of "Heading: claim" where a cited passage stands under that heading: a label, not a claim."""
    for passage in passages:
        chunk = passage.chunk
        label = f"{heading_line(chunk).rsplit(SEPARATOR, 1)[-1]}: "
        cited = any(c.document == chunk.document and chunk.start <= c.start < chunk.end for c in citations)
        if cited and claim.startswith(label):
            return claim.removeprefix(label)
    return claim


def joined(statements: Sequence[Statement]) -> str:
    """The statements as running text, list items on lines of their own."""
    text = ""
    for before, statement in zip([None, *statements], statements, strict=False):
        item = statement.text.startswith("- ") or (before is not None and before.text.startswith("- "))
        text += ("" if before is None else "\n" if item else " ") + statement.text
    return text
