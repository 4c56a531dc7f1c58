"""The offline backend: answers by quoting the sentences that the reader picks. No key, no server."""

from collections.abc import Iterator, Sequence

from rag.answer.answerer import Found, Part, Reply, Search
from rag.answer.followup import FollowUps
from rag.answer.markers import Marker
from rag.answer.parser import Draft, Refused
from rag.answer.selection import Fitted, Place, Selector
from rag.documents.passages import SEPARATOR, heading_line, sentence_texts
from rag.types import Passage, Turn

NAME = "offline"


class ExtractiveAnswerer:
    """Quotes. The same question and passages give the same words every time."""

    def __init__(self, selector: Selector, follow_ups: FollowUps) -> None:
        self._selector, self._follow_ups = selector, follow_ups
        self.abstain_below = Fitted.load().abstain_below

    def find(self, question: str, history: Sequence[Turn], search: Search) -> Found:
        """Of several readings of a follow-up the one that the documents answer best."""
        return self._follow_ups.find(question, history, search)

    def answer(self, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        """The sentences that most probably belong to the answer."""
        yield Reply(answered_by=NAME)
        places = self._selector.select(self._selector.read(question, passages))
        if not places:
            yield Refused()
        for place in places:
            yield _quoted(passages[place[0]], place)

    def outline(self, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
        """For each passage its heading and first sentence: expository prose opens with what it is about."""
        yield Reply(answered_by=NAME)
        for number, passage in enumerate(passages):
            name = heading_line(passage.chunk).rsplit(SEPARATOR, 1)[-1]
            text = sentence_texts(passage.chunk)[0]
            yield Draft(f"- {name}: {text}", (Marker(number + 1, 1),))


def _quoted(passage: Passage, place: Place) -> Draft:
    """A sentence as a statement; "listed" where the list's lead-in is quoted with it."""
    number, position = place
    sentences = passage.chunk.sentences
    item = sentences[position].kind == "item"
    listed = item and any(s.kind == "lead_in" and s.unit == sentences[position].unit for s in sentences)
    text = sentence_texts(passage.chunk)[position]
    return Draft(f"- {text}" if item else text, (Marker(number + 1, position + 1),), listed=listed)
