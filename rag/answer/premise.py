"""A question that takes for granted what the documents deny: the answer says so, and what they say instead."""

from collections.abc import Iterable, Iterator, Sequence

from rag.answer.disagreement import LEANS, Place, Rival
from rag.documents.passages import sentence_texts
from rag.types import Notice, Passage
from rag.verify.premise import assumes, contradicted
from rag.verify.rest import words_of
from rag.verify.wording import Reader, outline

CODE = "premise_differs"
# A sentence that nobody cites must have this share of the question's words to be held against it, and at least two.
NEAR, FEWEST_WORDS = 0.5, 2


class Premise:
    """What a question takes for granted, beside the passages found for it. At most one contradiction is told.

    `question` is the standalone one; only words that the reader wrote in `asked` are held against the reader.
    """

    def __init__(self, question: str, asked: str, passages: Sequence[Passage], reader: Reader) -> None:
        self._question, self._asked, self._passages, self._reader = question, asked.casefold(), passages, reader
        self._texts = [sentence_texts(passage.chunk) for passage in passages]
        self._open = assumes(question)

    def nearest(self) -> Iterator[Rival]:
        """The first sentence that is about what the question asks and contradicts it."""
        words = words_of(outline(self._question))
        enough = max(FEWEST_WORDS, NEAR * len(words))
        return self.among(
            (number, position)
            for number, texts in enumerate(self._texts)
            for position in range(len(texts))
            if self._open and len(words & _about(texts, position)) >= enough
        )

    def among(self, places: Iterable[Place]) -> Iterator[Rival]:
        """The first of some sentences that contradicts the question, unless one has been told already."""
        for place in places:
            if not self._open:
                return
            text = self._texts[place[0]][place[1]]
            found = contradicted(self._question, text, self._reader)
            if found and found.one.casefold() in self._asked:
                self._open = False
                document = self._passages[place[0]].chunk.document
                message = f"The question says “{found.one}”; {document} says “{found.other}”."
                yield Rival(place, text, f"{document} says:", Notice(CODE, message))


def _about(texts: Sequence[str], position: int) -> frozenset[str]:
    """The words of a sentence, and of the one before where it says "these" or "they" of what stands there."""
    words = words_of(outline(texts[position]))
    return words | words_of(outline(texts[position - 1])) if position and LEANS.match(texts[position]) else words
