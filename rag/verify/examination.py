"""One statement and its cited words, looked at once: the figures both heads judge by, and what disagrees."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.verify.agreement import agreement_features
from rag.verify.alignment import align
from rag.verify.disagree import findings
from rag.verify.evidence import MARKER, closest, outlines, sentences_in
from rag.verify.finding import Finding
from rag.verify.stated import stated_features
from rag.verify.wording import Reader, Wording

QUOTE_MARKS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})
BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
# What two sentences are joined by, if by anything.
JOINS = re.compile(r"(?<=[.!?])\s+|;\s+|,\s+and\s+")
# A long answer is judged by its first sentences only; a statement has one.
MOST_SENTENCES = 40


@dataclass(frozen=True, slots=True)
class Examination:
    """`stated` and `agreement`: features by name. `found`: the disagreements of every sentence of the statement."""

    stated: dict[str, float]
    agreement: dict[str, float]
    found: tuple[Finding, ...]


def examine(statement: str, quotes: Sequence[str], reader: Reader) -> Examination | None:
    """What there is to judge by, or None when the statement or the cited words have no words."""
    text = BULLET.sub("", MARKER.sub("", statement))
    source = outlines(quotes)
    claims = [claim for claim in reader.read(sentences_in(text)[:MOST_SENTENCES]) if len(claim)]
    if not claims or not source:
        return None
    chosen = [closest(claim, source) for claim in claims]
    wanted = sorted({i for indices in chosen for i in indices})
    read = dict(zip(wanted, reader.read(source[i].text for i in wanted), strict=True))
    near = [[read[i] for i in indices] for indices in chosen]
    stated = stated_features(claims, source, near)
    each = [_agreement(claim, sentences) for claim, sentences in zip(claims, near, strict=True)]
    agreement = _mean_of([features for features, _ in each], claims)
    return Examination(stated, agreement, tuple(finding for _, found in each for finding in found))


def _agreement(claim: Wording, sentences: list[Wording]) -> tuple[dict[str, float], list[Finding]]:
    alignment = align(claim, sentences)
    found = findings(alignment, sentences)
    return agreement_features(alignment, found), found


def _mean_of(each: list[dict[str, float]], claims: list[Wording]) -> dict[str, float]:
    """The mean of each feature over the statement's sentences, by length."""
    total = sum(len(claim) for claim in claims)
    return {
        name: sum(features[name] * len(claim) for features, claim in zip(each, claims, strict=True)) / total
        for name in each[0]
    }


def verbatim(statement: str, quotes: Sequence[str]) -> bool:
    """Whether a statement is quoted: it stands in one of the quotes, but for white space, case, marks and a bullet.

    It must begin and end with whole words there, and be no shorter than three words unless it is all of the quote. A
    statement of several sentences is quoted when each of them is a whole sentence of the quotes.
    """
    said = _plain(statement)
    sources = [_plain(quote) for quote in quotes]
    if said and any(said == source or _within(said, source) for source in sources):
        return True
    parts = [_plain(part) for part in JOINS.split(BULLET.sub("", MARKER.sub("", statement)))]
    whole = {_plain(sentence) for quote in quotes for sentence in sentences_in(quote)}
    return len(parts) > 1 and all(part and part in whole for part in parts)


def whole(statement: str, quotes: Sequence[str]) -> bool:
    """Whether a statement is all of one of the quotes, but for white space, case, marks and a bullet."""
    return _plain(statement) in {_plain(quote) for quote in quotes}


def _within(said: str, source: str) -> bool:
    return said.count(" ") >= 2 and re.search(rf"(?<!\w){re.escape(said)}(?!\w)", source) is not None


def _plain(text: str) -> str:
    """A text without what does not matter to quoting it."""
    plain = BULLET.sub("", MARKER.sub("", text)).translate(QUOTE_MARKS).casefold()
    return " ".join(plain.replace('"', "").split()).strip(" .,;:!?…'")
