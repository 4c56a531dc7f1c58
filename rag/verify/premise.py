"""What a question takes for granted, against a sentence of the documents: "Why did it fail?" when it succeeded."""

import re
from collections.abc import Sequence

from rag.verify.alignment import align
from rag.verify.directions import CLAUSE, alike, turns
from rag.verify.disagree import findings
from rag.verify.negation import negators
from rag.verify.rest import words_of
from rag.verify.rivals import Difference
from rag.verify.wording import Outline, Reader, outline

# A question that has a clause of its own: why, how, when did it … One that can be answered by yes assumes nothing.
ASSUMES = re.compile(
    r"\b(?:why|how come|how|when|where|who|whom|whose|which|what)\b(?!\s+(?:if|about)\b)", re.IGNORECASE
)
ASKS_WHETHER = re.compile(
    r"\s*(?:is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|should|shall|will|would)\b", re.IGNORECASE
)
# What is, who was …: names may differ, for nothing is said of them.
DEFINES = re.compile(r"\s*(?:what|who) (?:is|are|was|were)\b", re.IGNORECASE)
_COMPARED = frozenset({"number", "date", "unit", "name", "negation"})
# Who did it is not known to the question, so that another may have done the opposite.
ASKS_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE)
# Of what else a question says, so much must stand in the sentence.
COVERED = 0.6
# So many words may stand between two that are quoted, and follow a "not" before what it is about.
FURTHER = 4


def assumes(question: str) -> bool:
    """Whether a question takes something for granted, as one that can be answered by yes or no does not."""
    return bool(ASSUMES.search(question)) and not ASKS_WHETHER.match(question)


def contradicted(question: str, sentence: str, reader: Reader) -> Difference | None:
    """The words of a question that a sentence contradicts, and the sentence's; None when it does not."""
    asked, said = outline(question), outline(sentence)
    turned = None if ASKS_WHO.search(question) else _turned(asked, said)
    words = words_of(asked)
    if turned or len(words & words_of(said)) < max(2, COVERED * len(words)):
        return turned
    return _otherwise(question, sentence, reader)


def _otherwise(question: str, sentence: str, reader: Reader) -> Difference | None:
    """Another number, date or name for the same thing, or a "not" that only one of them has."""
    asked, said = reader.read([question, sentence])
    skipped = {"name"} if DEFINES.match(question) else set()
    if turns(asked):
        skipped.add("negation")  # what is forbidden is not allowed either
    for found in findings(align(asked, [said]), [said]):
        words = found.disagreement
        if found.certain and found.kind in _COMPARED - skipped and words.source:
            denies = found.kind == "negation"
            return Difference(_quoted(words.claim, asked, denies), _quoted(words.source, said, denies), found.kind)
    return None


def _quoted(words: str, said: Outline, denies: bool) -> str:
    """Some words as they stand in a text; around a "not", from where they begin to where they mean something.

    "was not in" goes on to "was not in the alliance", and of "the alliance in" the last word is left away.
    """
    place = _place(words.split(), said)
    if place is None:
        return words
    first, last = place
    nots = [k for k in negators(said.words) if first <= k <= last]
    if denies and (nots or not said.stop[first : last + 1].all()):
        while said.stop[last] and last not in nots:
            last -= 1
        if last in nots:
            following = range(last + 1, min(last + 1 + FURTHER, len(said)))
            end = next((k for k in following if not said.stop[k]), last)
            last = last if CLAUSE.search(said.text[said.spans[last][1] : said.spans[end][0]]) else end
    return " ".join(said.text[said.spans[first][0] : said.spans[last][1]].split())


def _place(wanted: Sequence[str], said: Outline) -> tuple[int, int] | None:
    """Where these words stand in a text in this order, with few others between them: the first and the last."""
    for first in range(len(said)):
        last = first - 1
        for word in wanted:
            last = next((k for k in range(last + 1, len(said)) if said.words[k] == word), len(said))
        if last < min(len(said), first + len(wanted) + FURTHER) and said.words[first] == wanted[0]:
            return first, last
    return None


def _turned(question: Outline, sentence: Outline) -> Difference | None:
    """A word of the question and one of the sentence that turn the same thing in opposite directions."""
    asked = turns(question)
    if len({(turn.axis, turn.sign) for turn in asked}) > len({turn.axis for turn in asked}):
        return None  # help and hurt: it asks for both
    pairs = [(a, s) for a in asked for s in turns(sentence) if a.axis == s.axis and alike(a.stem, s.stem)]
    if not pairs or any(a.sign == s.sign for a, s in pairs):
        return None
    asks, says = pairs[0]
    return Difference(asks.words, says.words, "opposite")
