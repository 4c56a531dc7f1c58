"""Passages that contradict one another on the question: the answer says so and cites both.

The sentences that a shown statement cites are compared with the sentences of the other passages. One that says the
same but for a number, a date, a name or a "not" is quoted after the statement, unless the model cites it itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.answer.checking import SHOWN
from rag.answer.markers import Marker
from rag.answer.parser import Draft
from rag.documents.passages import sentence_texts
from rag.types import Notice, Passage, Statement
from rag.verify.quantities import equal, quantities
from rag.verify.rest import words_of
from rag.verify.rivals import Difference, difference, shared
from rag.verify.wording import Reader, outline
from rag.verify.words import stems

CODE = "sources_disagree"
# So many sentences, those that share most words, are read closely for each cited one: about 30 ms on one core.
READ_CLOSELY = 3
# A sentence of fewer content words than this names what it is about in the sentence before it, or nowhere.
FEW_WORDS = 4
# So does one that begins like this.
LEANS = re.compile(r"(?:this|these|those|such|they|it|its|their|he|she|his|her|both|here|there)\b", re.IGNORECASE)
# Who, where, which: a question that a name answers. One that asks for several is not contradicted by another name.
ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where|which|what|name)\b", re.IGNORECASE)
ASKS_NAMES = re.compile(r"\b(?:which|what|name|list)\s+(?:\w+\s+)?\w+s\b(?<!ss)|\b(?:who|what) are\b", re.IGNORECASE)
ASKS_WHO = re.compile(r"\bwho(?:se|m)?\b", re.IGNORECASE)
# Words that ask for an amount, which a sentence need not say to give it.
_ASKING = stems(
    frozenset("cost price pay long far old tall high wide deep share amount number size age year date day time".split())
)

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rival:
    """A sentence that contradicts one that is cited, or the question. `opening` says so in front of it.

    Places are (passage, sentence), counted from 0.
    """

    place: Place
    text: str
    opening: str
    notice: Notice

    @property
    def draft(self) -> Draft:
        """The sentence as a statement, to be checked like any other."""
        return Draft(self.text, (Marker(self.place[0] + 1, self.place[1] + 1),))

    def introduced(self, statement: Statement, item: bool) -> Statement:
        """The sentence's statement, saying that it is another view and where it stands; as a list item in a list."""
        return replace(statement, text=f"{'- ' if item else ''}{self.opening} {self.text}")


class Disagreements:
    """What the passages found for one question say against one another. Each pair of sentences is told once."""

    def __init__(self, question: str, passages: Sequence[Passage], reader: Reader) -> None:
        self._question, self._passages, self._reader = question, passages, reader
        self._asked = words_of(outline(question)) - _ASKING
        self._texts = [sentence_texts(passage.chunk) for passage in passages]
        self._told: set[frozenset[str]] = set()

    def against(self, statement: Statement) -> Iterator[Rival]:
        """The sentences that contradict one that a shown statement cites, where that is what the statement says."""
        if statement.verdict not in SHOWN:
            return
        for place in cited_places(statement, self._passages):
            text = self._text(place)
            for rival in self._nearest(place):
                pair = frozenset({text, self._text(rival)})
                if pair in self._told or not self._about(place, rival):
                    continue
                one, other = self._reader.read([text, self._text(rival)])
                found = difference(one, other)
                if found and _says(statement, found) and self._asks_for(found):
                    self._told.add(pair)
                    yield self._rival(place, rival, found)

    def _text(self, place: Place) -> str:
        return self._texts[place[0]][place[1]]

    def _nearest(self, place: Place) -> list[Place]:
        """The sentences of other passages that share most words with one, if they share enough to contradict it."""
        mine = outline(self._text(place))
        share = {
            (number, position): close
            for number, texts in enumerate(self._texts)
            if number != place[0]
            for position, text in enumerate(texts)
            if (close := shared(mine, outline(text)))
        }
        return sorted(share, key=lambda other: (-share[other], other))[:READ_CLOSELY]

    def _about(self, place: Place, rival: Place) -> bool:
        """Whether the rival is about what the question asks, as far as the cited sentence is.

        A sentence that does not say what it is about is taken to be about what its passage is about, and the rival
        must then name that in its heading, in itself or in the sentence before.
        """
        mine, theirs = outline(self._text(place)), outline(self._text(rival))
        leans = len(words_of(mine) & words_of(theirs)) < FEW_WORDS or any(LEANS.match(o.text) for o in (mine, theirs))
        known = words_of(mine) | self._headings(place)
        needed = self._asked & (known | self._words(place[0]) if leans else known)
        there = words_of(theirs) | self._headings(rival)
        there |= words_of(outline(self._texts[rival[0]][rival[1] - 1])) if rival[1] else frozenset()
        return needed <= (there if leans else there | self._words(rival[0]))

    def _headings(self, place: Place) -> frozenset[str]:
        return words_of(outline(" ".join(self._passages[place[0]].chunk.headings)))

    def _words(self, passage: int) -> frozenset[str]:
        return frozenset().union(*(words_of(outline(text)) for text in self._texts[passage]))

    def _asks_for(self, found: Difference) -> bool:
        """Whether a name is what the question asks for, and one name only; it names neither itself."""
        if found.kind not in ("name", "subject"):
            return True
        asks = (ASKS_NAME if found.kind == "name" else ASKS_WHO).search(self._question)
        one = asks and not ASKS_NAMES.search(self._question)
        return bool(one) and not self._asked & words_of(outline(f"{found.one} {found.other}"))

    def _rival(self, place: Place, rival: Place, found: Difference) -> Rival:
        documents = [self._passages[number].chunk.document for number, _ in (place, rival)]
        if documents[0] == documents[1]:
            message = f"{documents[0]} does not agree with itself: it says “{found.one}” and “{found.other}”."
        else:
            message = f"The documents do not agree: “{found.one}” in {documents[0]}, “{found.other}” in {documents[1]}."
        return Rival(rival, self._text(rival), f"But {documents[1]} says:", Notice(CODE, message))


def cited_places(statement: Statement, passages: Sequence[Passage]) -> list[Place]:
    """Where the sentences that a statement cites stand among the passages."""
    cited = {(c.document, c.start) for c in statement.citations}
    return [
        (number, position)
        for number, passage in enumerate(passages)
        for position, sentence in enumerate(passage.chunk.sentences)
        if (passage.chunk.document, sentence.start) in cited
    ]


def _says(statement: Statement, found: Difference) -> bool:
    """Whether a statement says the words that differ. A "not", or an opposite, turns all of it."""
    if found.kind in ("negation", "opposite"):
        return True
    said, words = outline(statement.text), outline(found.one)
    return bool(set(words.stems) & set(said.stems)) or any(
        equal(one, other) for one in quantities(found.one) for other in quantities(statement.text)
    )
