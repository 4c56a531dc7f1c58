"""Markers: the numbers a model writes to point at sentences, in every spelling that models use.

`[1.1]`, `[1.1, 1.2]`, `[1.1-1.3]`, `[1.1][1.2]`, `[1]`, `[[1.1]]`, `【1.1】`, `［１．１］`, `(1.1)`, `{1.1}`, `[S1.1]`,
`(sentence 1.1)`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"\d{1,4}(?:\s*[.．]\s*\d{1,4})?"
_DASH = r"[-‐‑–—−~]"
# What models call the numbers of the prompt.
_NOUN = r"(?:sentences?|passages?|sources?|citations?|references?|refs?|ids?|docs?|s|p)[\s.:#]*"
_SPAN = rf"(?:{_NOUN})?[\^#]?{_NUMBER}(?:\s*{_DASH}\s*{_NUMBER})?"
_COMMA = r"\s*(?:,|;|&|、|，|and)\s*"
_LIST = rf"{_SPAN}(?:{_COMMA}{_SPAN})*"
_DOTTED = rf"\d{{1,4}}\.\d{{1,4}}(?:\s*{_DASH}\s*\d{{1,4}}\.\d{{1,4}})?"
MARKER = re.compile(
    rf"[\[【［]+\s*(?P<square>{_LIST})\s*[\]】］]+"
    rf"|[(（<{{]\s*(?P<round>{_DOTTED}(?:\s*[,;]\s*{_DOTTED})*|{_NOUN}{_NUMBER}(?:{_COMMA}{_SPAN})*)\s*[)）>}}]",
    re.IGNORECASE,
)
# One marker or several, with nothing but space between them.
_PLAIN = MARKER.pattern.replace("?P<square>", "?:").replace("?P<round>", "?:")
MARKERS = re.compile(rf"(?:\s*(?:{_PLAIN}))*", re.IGNORECASE)
# What is left of brackets around a marker: "(Source: [1.1])".
_EMPTIED = re.compile(rf"[ \t]*[(（]\s*(?:{_NOUN})?[\s,;]*[)）]", re.IGNORECASE)
# A sentence about our numbers and not about what they stand for, "Sentence 1.2 says …", and an opening that only
# names them: "According to passage [1], …".
_SPOKEN = rf"(?:sentences?|passages?)\s*(?:#?\d{{1,4}}(?:\.\d{{1,4}})?\b|(?:{_PLAIN}))"
SPOKEN = re.compile(rf"\W*(?:the\s+)?{_SPOKEN}\s*(?=\w)", re.IGNORECASE)
OPENING = re.compile(rf"\W*(?:[^\W\d]+\s+){{0,4}}{_SPOKEN}\s*,\s*", re.IGNORECASE)
# What may still grow into a marker when more of the stream arrives.
PARTIAL = re.compile(r"[\[【［(（<{][\[【［\s]*[\w\s.．,:#;&^、，~\-‐‑–—−]{0,80}\Z")
LONGEST_RANGE = 64


@dataclass(frozen=True, slots=True)
class Marker:
    """A pointer, both numbers counted from 1. `sentence` None stands for the whole passage."""

    passage: int
    sentence: int | None

    def __str__(self) -> str:
        return str(self.passage) if self.sentence is None else f"{self.passage}.{self.sentence}"


def markers_in(text: str) -> tuple[Marker, ...]:
    """The markers that stand in `text`, in order, each once. A range is spelled out."""
    found = (marker for match in MARKER.finditer(text) for marker in numbers_in(match["square"] or match["round"]))
    return tuple(dict.fromkeys(found))


def numbers_in(text: str) -> Iterator[Marker]:
    """The markers in a list of numbers without brackets, such as "1.1, 1.3-1.5"."""
    for match in re.finditer(rf"({_NUMBER})(?:\s*{_DASH}\s*({_NUMBER}))?", text):
        first = _marker(match[1])
        last = _marker(match[2]) if match[2] else first
        yield from _range(first, last)


def without_markers(text: str) -> str:
    """`text` without its markers and without the spaces that stood before them."""
    bare = re.sub(rf"[ \t]*(?:{_PLAIN})", "", text, flags=re.IGNORECASE)
    if bare != text:
        bare = _EMPTIED.sub("", bare)
    return re.sub(r"[ \t]+(?=[.,;:!?](?:\s|\Z))", "", bare)


def _marker(number: str) -> Marker:
    passage, _, sentence = number.replace("．", ".").partition(".")
    return Marker(int(passage), int(sentence) if sentence else None)


def _range(first: Marker, last: Marker) -> Iterator[Marker]:
    """`1.1-1.3` as its three markers, `[2-4]` as its passages; anything else as its two ends."""
    if first.sentence and last.sentence and first.passage == last.passage:
        numbers = range(first.sentence, last.sentence + 1)
        if 0 < len(numbers) <= LONGEST_RANGE:
            yield from (Marker(first.passage, number) for number in numbers)
            return
    elif first.sentence is None and last.sentence is None and 0 < last.passage - first.passage < LONGEST_RANGE:
        yield from (Marker(number, None) for number in range(first.passage, last.passage + 1))
        return
    yield first
    if last != first:
        yield last
