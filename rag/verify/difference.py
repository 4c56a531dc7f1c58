"""The words of a statement beside the cited words: which sentences are near it, and where a near copy differs."""

import difflib
import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sentencex

from rag.verify.numbers import quantities

# A bracketed number is a marker of some other text, and a bullet or number in front is not something stated.
MARKER = re.compile(r"\[\d+(?:\.\d+)?\]")
BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
PARAGRAPH = re.compile(r"\n\s*\n|\n(?=[-*•#\d])")
# A number keeps its sign, a word what joins its parts; a sign of its own, such as < or %, counts as a word.
WORD = re.compile(r"(?:(?<!\w)[-−–](?=\d))?[^\W_]+(?:[.,:'’–-][^\W_]+)*|[^\w\s.,;:!?'\"’‘“”„«»()\[\]{}…*#•|–—-]")
SPELLING = str.maketrans({"’": "'", "‘": "'", "−": "-", "–": "-"})
# A run of text without full stops is read in pieces of this many words.
LONGEST_WORDS, PIECE_WORDS = 80, 40
# So many cited words are read beside one sentence of a statement: they fit one window of the reader.
NEAR_WORDS = 200
# From this share of words in the order of the source, a statement is a near copy of it: nine in ten of the reworded
# statements of the tuning pairs are below, nine in ten of those with one word reversed above.
NEAR_COPY = 0.65

Span = tuple[int, int]


@functools.lru_cache(maxsize=1024)
def sentences_in(text: str) -> tuple[str, ...]:
    """The sentences of a text with words in them; a very long one in pieces."""
    found: list[str] = []
    for paragraph in PARAGRAPH.split(BULLET.sub("", MARKER.sub("", text))):
        for boundary in sentencex.get_sentence_boundaries("en", paragraph):
            words = paragraph[boundary["start_index"] : boundary["end_index"]].split()
            size = len(words) if len(words) <= LONGEST_WORDS else PIECE_WORDS
            found += [" ".join(words[i : i + size]) for i in range(0, len(words), max(1, size))]
    return tuple(sentence for sentence in found if any(map(str.isalnum, sentence)))


@functools.lru_cache(maxsize=4096)
def words_in(text: str) -> tuple[tuple[str, int, int], ...]:
    """Each word, number and sign of a text without regard to case and typography, with its offsets."""
    return tuple((m[0].casefold().translate(SPELLING), m.start(), m.end()) for m in WORD.finditer(text))


@functools.lru_cache(maxsize=4096)
def tokens_in(text: str) -> tuple[tuple[str, int, int], ...]:
    """The words of a text, but each quantity as one token, the same however it is written."""
    found = [(f"{one.value:g} {one.unit}", one.start, one.end) for one in quantities(text) if not one.weak]
    taken = [(start, end) for _, start, end in found]
    words = [w for w in words_in(text) if not any(w[1] < end and start < w[2] for start, end in taken)]
    return tuple(sorted([*words, *found], key=lambda one: one[1]))


def shared(claim: str, sentence: str, weight: Callable[[str], float]) -> float:
    """The weight of the claim's words that a sentence has, as a share of all of them."""
    known = {word for word, _, _ in words_in(sentence)}
    weights = {word: weight(word) for word, _, _ in words_in(claim)}
    total = sum(weights.values())
    return sum(w for word, w in weights.items() if word in known) / total if total else 0.0


def nearest(claim: str, sentences: Sequence[str], weight: Callable[[str], float]) -> list[int]:
    """Indices of the sentences that share most with the claim, best first, up to NEAR_WORDS words in all."""
    share = [shared(claim, sentence, weight) for sentence in sentences]
    chosen: list[int] = []
    room = NEAR_WORDS
    for i in sorted(range(len(sentences)), key=lambda i: (-share[i], i)):
        room -= len(words_in(sentences[i]))
        if chosen and room < 0:
            break
        chosen.append(i)
    return chosen


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a statement that nearly copies its source differs from it.

    `added`: offsets in the statement of words that the source has not in that place; `replaced`: what stands there
    instead. `missing`: how many words of the source between the first and the last that were kept are left out.
    `moved`: how many of the added words are among the missing ones. `copied`: the share of words in order.
    `source`: the stretch of the source that was copied from.
    """

    added: tuple[Span, ...]
    replaced: tuple[str, ...]
    missing: int
    moved: int
    copied: float
    source: str


def difference(statement: str, source: str) -> Difference:
    """How a statement differs from a stretch of the source, word by word."""
    said, words = tokens_in(statement), tokens_in(source)
    matcher = difflib.SequenceMatcher(None, [w for w, _, _ in words], [w for w, _, _ in said], autojunk=False)
    operations = matcher.get_opcodes()
    kept = [(i1, i2, j2 - j1) for tag, i1, i2, j1, j2 in operations if tag == "equal"]
    first, last = (kept[0][0], kept[-1][1]) if kept else (0, len(words))
    changed = [op for op in operations if op[0] != "equal"]
    added = [word for _, _, _, j1, j2 in changed for word, _, _ in said[j1:j2]]
    missing = [word for _, i1, i2, _, _ in changed if i1 >= first and i2 <= last for word, _, _ in words[i1:i2]]
    places = [(i1, i2, j1, j2) for _, i1, i2, j1, j2 in changed if j2 > j1]
    return Difference(
        tuple((said[j1][1], said[j2 - 1][2]) for _, _, j1, j2 in places),
        tuple(source[words[i1][1] : words[i2 - 1][2]] if i2 > i1 else "" for i1, i2, _, _ in places),
        len(missing),
        len(set(added) & set(missing)),
        sum(count for _, _, count in kept) / max(1, len(said)),
        source[words[first][1] : words[last - 1][2]] if words else source,
    )


def nearly_copied(statement: str, sentences: Sequence[str]) -> Difference | None:
    """How a statement differs from the one or two neighbouring sentences it nearly copies; None when it copies none."""
    stretches = [*sentences, *(" ".join(two) for two in itertools.pairwise(sentences))]
    found = [difference(statement, stretch) for stretch in stretches]
    best = max(found, key=lambda one: (one.copied, -one.missing), default=None)
    return best if best and best.copied >= NEAR_COPY else None


def is_quoted(statement: str, sentences: Sequence[str]) -> bool:
    """Whether a statement is whole sentences of the source, but for white space, case, punctuation and markers."""
    said = [word for word, _, _ in tokens_in(statement)]
    whole = [[word for word, _, _ in tokens_in(sentence)] for sentence in sentences]
    if said and said in whole:
        return True
    parts = [[word for word, _, _ in tokens_in(part)] for part in sentences_in(statement)]
    return len(parts) > 1 and all(part in whole for part in parts)
