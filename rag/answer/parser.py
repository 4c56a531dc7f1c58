"""Reading a model's answer as it streams: statement by statement, with the markers that stand at each.

Where the stream was cut into pieces makes no difference to what comes out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sentencex

from rag.answer.markers import MARKERS, OPENING, PARTIAL, SPOKEN, Marker, markers_in, without_markers
from rag.documents.passages import original
from rag.llms.prompts import REFUSAL, echoes

# Words of the prompt that a model may write before what it says, and those that begin no answer at all.
_LABEL = re.compile(r"[\W_]*(?:sentences?|answer|statements?)[\W_]*?:[*_]*\s*", re.IGNORECASE)
_OTHERS_LABEL = re.compile(r"[\W_]*(?:task|passages?(?:\s+[\d.]+)?|question|user)[*_\s]*:", re.IGNORECASE)
# The first line: the numbers of the sentences that the answer rests on, and nothing else.
_HEADER = re.compile(
    rf"[\s*_#>`\"']*(?:(?:sentences?|sources?)[*_\s]*:(?:{MARKERS.pattern}|[\d.,;\s-]+?|\s*(?P<none>none))|{MARKERS.pattern})"
    r"[\s*_`\"'.,;]*(?:\n|\Z)",
    re.IGNORECASE,
)
# The beginning of a line that may yet become a header.
_LABELS = re.compile(
    r"[\W_]*(?:s|se|sen|sent|sente|senten|sentenc|sentences?|so|sou|sour|sourc|sources?)[*_\s]*(?::[\s\d.,;*_\[\]()-]*(?:n|no|non|none)?\s*)?\Z",
    re.IGNORECASE,
)
_WORDLESS = re.compile(r"[\W_]+")
_REFUSAL = _WORDLESS.sub("", REFUSAL).lower()
_END = re.compile(r"\n|[.!?…。！？]+[\"'”’»)*_]*")
_BULLET = re.compile(r"(?:[-*•▪◦‣·–—]|\(?\d{1,3}[.)])\s+")
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,3}[.)]\Z")
_DECORATION = re.compile(r"\A\s*(?:#{1,6}|>)\s+|\*\*|__|`")
# Longer than any sentence: what a runaway model writes is not held without end.
LONGEST_CHARACTERS = 1_500
LONGEST_HEADER = 400
PROMPT = "answer"


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement as written, not yet checked: its text without markers, a list item with a leading "- ".

    `listed`: an item below a lead-in, which says what it is an item of. `label`: the heading written above it.
    """

    text: str
    markers: tuple[Marker, ...] = ()
    listed: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The model says that the passages do not answer the question."""


class AnswerParser:
    """Turns a stream of text into drafts. A draft waits for the first character after its markers, no longer.

    `in_form` is whether the answer begins as the prompt asks, so that it is not what a model thinks before it answers.
    """

    def __init__(self) -> None:
        self.in_form = self.refused = False
        self._text = ""
        self._start = 0  # where the first statement that is not yet out begins
        self._scanned = 0  # no statement ends before here
        self._began = False
        self._leading = False  # markers stand before what they belong to
        self._over = False  # what follows is no part of the answer
        self._spoke = False
        self._label: Draft | None = None  # a heading that waits for the statement below it
        self._lists = False  # what comes is a list, as the last line said that was no item

    def feed(self, text: str) -> Iterator[Draft | Refused]:
        """The statements that `text` completes."""
        self._text = self._text[self._start :] + text
        self._scanned -= self._start
        self._start = 0
        return self._take(final=False)

    def finish(self, cut: bool = False) -> Iterator[Draft | Refused]:
        """What is left when the stream ends; without a last statement that was `cut` off."""
        if cut:
            rest = without_markers(self._text[self._start :])
            end = max((found.end() for found in _END.finditer(rest)), default=0)
            if rest[end:].strip():
                kept = [found.end() for found in _END.finditer(self._text, self._start)]
                self._text = self._text[: max(kept, default=self._start)]
        return self._take(final=True)

    def _take(self, final: bool) -> Iterator[Draft | Refused]:
        if not self._began and not self._begin(final):
            return
        while not self._over and (end := self._boundary(final)) is not None:
            written = self._text[self._start : end]
            self._start = self._scanned = end
            yield from self._read(written)
        if final and self._label:
            yield self._label

    def _read(self, written: str) -> Iterator[Draft | Refused]:
        """The statement in what was written between two boundaries, unless it is the prompt's words."""
        if _OTHERS_LABEL.match(written):
            # A model that goes on with a question of its own has ended its answer.
            self._over = self._spoke
            return
        if (numbers := _HEADER.match(written)) and numbers.end() == len(written):
            return
        if labelled := _LABEL.match(written):
            written = written[labelled.end() :]
        draft = None if SPOKEN.match(written) else _draft(written)
        if draft is None:
            return
        if REFUSAL in draft.text or _WORDLESS.sub("", draft.text).lower() == _REFUSAL:
            self._over = True
            if not self._spoke:
                self.refused = True
                yield Refused()
        elif not echoes(draft.text, PROMPT):
            self._spoke = True
            yield from self._placed(draft)

    def _placed(self, draft: Draft) -> Iterator[Draft]:
        """The draft with what stands above it, unless it is a heading itself: that waits."""
        label, self._label = self._label, None
        item = draft.text.startswith("- ")
        if label and not item and draft.markers:
            draft = replace(draft, label=label.text)
        elif label:
            yield label
        if item:
            yield replace(draft, listed=self._lists)
            return
        heading = not draft.markers and draft.text[-1] not in ".!?:,;"
        self._lists = heading or draft.text.endswith(":")
        if heading:
            self._label = draft
        else:
            yield draft

    def _begin(self, final: bool) -> bool:
        """Pass over the line that lists the sentence numbers, and notice a refusal. False: more is needed."""
        while True:
            waiting = self._text[self._start :]
            line, broken, _ = waiting.lstrip().partition("\n")
            whole = final or bool(broken) or len(line) > LONGEST_HEADER
            header = _HEADER.match(self._text, self._start) if whole else None
            if not header or header.end() == self._start:
                break
            self._start = self._scanned = header.end()
            self.in_form = True
            if header["none"]:
                self._text, self._start, self._scanned = REFUSAL, 0, 0
        said = without_markers(waiting)
        said = _WORDLESS.sub("", said[found.end() :] if (found := _LABEL.match(said)) else said).lower()
        if said.startswith(_REFUSAL):
            self._text, self._start, self._scanned = REFUSAL, 0, 0
        elif not final and (not said or (not whole and _may_begin(line, said))):
            return False
        ahead = MARKERS.match(line)
        self._leading = bool(ahead and ahead.end() and line[ahead.end() :].strip(" .,;:*_-"))
        self.in_form = self.in_form or line.startswith("- ")
        self._began = True
        return True

    def _boundary(self, final: bool) -> int | None:
        """Where the first waiting statement ends; None when there is none or more is needed to tell."""
        text = self._text
        for found in _END.finditer(text, self._scanned, self._start + LONGEST_CHARACTERS):
            here = found.end()
            end = here if self._leading else MARKERS.match(text, here).end()  # type: ignore[union-attr]
            after = _first_visible(text, end)
            if not final and (after == len(text) or PARTIAL.match(text, after)):
                return self._cut_if_too_long()
            before = text[self._start : here]
            if (found[0] == "\n" and before.strip()) or (
                found[0] != "\n" and _ends_sentence(before, text, here, end, after)
            ):
                return end
            self._scanned = here
        if len(text) - self._start > LONGEST_CHARACTERS:
            return self._cut_if_too_long()
        return len(text) if final and self._start < len(text) else None

    def _cut_if_too_long(self) -> int | None:
        if len(self._text) - self._start <= LONGEST_CHARACTERS:
            return None
        limit = self._start + LONGEST_CHARACTERS
        space = self._text.rfind(" ", self._start + 1, limit)
        return space if space > 0 else limit


def parse(pieces: Iterable[str]) -> Iterator[Draft | Refused]:
    """The drafts in a stream of text, each as soon as it is complete."""
    parser = AnswerParser()
    for piece in pieces:
        yield from parser.feed(piece)
    yield from parser.finish()


def _may_begin(line: str, said: str) -> bool:
    """Whether the beginning of a line may yet become a refusal or the line of numbers."""
    return _REFUSAL.startswith(said) or line.lstrip("*_#> \"'")[:1] in tuple("[【［(（<{") or bool(_LABELS.match(line))


def _first_visible(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _ends_sentence(before: str, text: str, here: int, end: int, after: int) -> bool:
    """Whether the full stop, question or exclamation mark at the end of `before` ends a sentence."""
    cited = end > here
    if _LIST_NUMBER.match(before) or not any(c.isalnum() for c in before):
        return False
    if after == len(text):
        return True
    if after == end and not cited:  # 3.5, U.S.-India, example.org
        return False
    if cited and not text[after].islower():
        return True
    if "\n" in text[end:after]:
        return True
    probe = f"{without_markers(before).strip()} {text[after]}"
    return len(sentencex.segment("en", probe)) > 1 or not text[after].isascii()


def _draft(written: str) -> Draft | None:
    """The statement in what was written; None when no word is left."""
    markers = markers_in(written)
    if opening := OPENING.match(written):
        written = written[opening.end() :]
        written = written[:1].upper() + written[1:]
    text = _DECORATION.sub("", without_markers(written)).strip()
    bullet = _BULLET.match(text)
    if bullet:
        text = text[bullet.end() :]
    text = original(" ".join(text.split()))
    if not any(c.isalnum() for c in text):
        return None
    return Draft(f"- {text}" if bullet else text, markers)
