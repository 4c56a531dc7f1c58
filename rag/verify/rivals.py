"""Two sentences of the documents that say the same but for one thing: another number, date or name, or the opposite.

Neither of them is in question, so more must align than when a statement is checked: passages about other years,
countries or exercises differ in more than one thing, and do not contradict one another.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rag.verify.alignment import Alignment, align
from rag.verify.negation import around, negators
from rag.verify.quantities import Placed
from rag.verify.rest import Rest, base, rest_of, words_of
from rag.verify.wording import Outline, Wording
from rag.verify.words import HEDGES, REVERSERS, opposite, stems

# So many of the shorter sentence's content words must stand in the other for the two to be compared at all.
SHARED = 0.6
# The least likeness of two words at which one stands for the other: sent, deployed.
REPLACES = 0.3
_REVERSERS = stems(REVERSERS) | {"fall", "shrink", "drop", "leav", "end", "reject", "worsen"}
_HEDGES = stems(HEDGES)
# Two events in the life of one thing.
_BEGINNINGS = stems(frozenset("begin start found open launch construct construction plan propose".split()))
_ENDS = stems(frozenset("finish end complete completion close dissolve abolish expire destroy".split()))
# What may be done, and what may not, are opposites; what may happen and what does not are not.
_MODALS = frozenset("may can must should shall cannot might could".split())
# Numbers that name a thing and count nothing: version 3, room 102.
_LABELS = frozenset(
    "version room window no number section chapter step figure table page part level phase type line route".split()
)
_TITLES = frozenset("the dr mr mrs ms professor prof sir general captain president minister".split())
# A name is what a sentence says, and not what it speaks of, when one of these stands before it.
_SAYING = frozenset("by in at to from into near is are was were be been being as named called".split())
# Words that make an exception, after which "not" may mean the same as its absence.
_EXCEPTING = frozenset("until unless except without only before if when while although though".split())


@dataclass(frozen=True, slots=True)
class Difference:
    """The words of either sentence that differ.

    `kind`: number (dates too), name (what is said), subject (who does it, or by whom it is done), negation, opposite.
    """

    one: str
    other: str
    kind: str


def shared(one: Outline, other: Outline) -> float:
    """Which share of the shorter sentence's content words the other has; 0 when it is too little to compare them.

    Names and numbers that differ do not count. Needs no model. Two sentences of the same words in any order have no
    difference to find.
    """
    short, long = sorted((one, other), key=lambda said: len(words_of(said)))
    same = words_of(short) & words_of(long)
    plain = {base(short, i) for i, word in enumerate(short.words) if word.islower()} & words_of(short)
    share = len(same) / max(1, len(same | plain))
    return share if share >= SHARED and sorted(one.stems) != sorted(other.stems) else 0.0


def difference(one: Wording, other: Wording) -> Difference | None:
    """The one thing on which two sentences that otherwise say the same disagree; None when there is no such thing."""
    there = align(one, [other])
    mine, theirs = rest_of(there, other), rest_of(align(other, [one]), one)
    if mine.figures or theirs.figures:
        sure = not mine.names and not theirs.names and _figures_differ(mine, theirs)
        kind, places = "number", (mine.figures, theirs.figures)
    elif mine.names or theirs.names:
        kind = "name" if _is_said(mine) and _is_said(theirs) else "subject"
        sure = kind == "name" or (_is_actor(mine) and _is_actor(theirs))
        places = set(mine.names), set(theirs.names)
    else:
        return _reversed(mine, theirs, there)
    return _words(kind, *places, mine, theirs) if sure and _same_else(mine, theirs, there) else None


def _figures_differ(mine: Rest, theirs: Rest) -> bool:
    """Whether either sentence has figures of its own in one place, and they count the same thing."""
    if not (mine.in_a_row(mine.figures) and theirs.in_a_row(theirs.figures)):
        return False
    if bool(mine.times) != bool(theirs.times) or any(n.quantity.weak for n in (*mine.numbers, *theirs.numbers)):
        return False
    if [_measure(n) for n in mine.numbers] != [_measure(n) for n in theirs.numbers]:
        return False
    return not any(_counted(rest) & set(rest.others) or _is_label(rest) for rest in (mine, theirs))


def _measure(number: Placed) -> tuple[str, bool]:
    """What a number is given in: its unit, and whether it looks like a year."""
    return number.quantity.unit, number.words.isdigit() and len(number.words) == 4


def _counted(rest: Rest) -> set[int]:
    """The words behind a sentence's last figure that may say what is counted."""
    last = max(rest.figures)
    return {k for k in range(last + 1, min(last + 3, len(rest.said))) if not rest.said.stop[k]}


def _is_label(rest: Rest) -> bool:
    """Whether a sentence's first figure names a thing and counts nothing."""
    first = min(rest.figures)
    return first > 0 and rest.said.words[first - 1].lower() in _LABELS


def _is_said(rest: Rest) -> bool:
    """Whether a sentence has names of its own in one place, and they are what it says, not what it speaks of."""
    if not rest.in_a_row(rest.names):
        return False
    words, first, last = rest.said.words, min(rest.names), max(rest.names)
    before = [word.lower() for word in words[max(0, first - 2) : first]]
    if before and before[-1] in ("the", "a", "an"):
        before.pop()
    ends = last + 1 == len(words) or bool(rest.said.stop[last + 1]) or _is_apart(rest.said, last)
    return bool(before) and before[-1] in _SAYING and ends


def _is_actor(rest: Rest) -> bool:
    """Whether a sentence begins with names of its own, or says by whom something is done."""
    if not rest.in_a_row(rest.names):
        return False
    first = min(rest.names)
    before = [word.lower() for word in rest.said.words[:first]]
    return all(word in _TITLES for word in before) or [w for w in before if w not in _TITLES][-1] == "by"


def _is_apart(said: Wording, place: int) -> bool:
    """Whether something stands between a word and the next, such as a comma."""
    return bool(said.text[said.spans[place][1] : said.spans[place + 1][0]].strip())


def _same_else(mine: Rest, theirs: Rest, there: Alignment) -> bool:
    """Whether the other words that only one of the sentences has are few, and those of both stand for one another."""
    if not (mine.is_little and theirs.is_little) or mine.is_narrowed or theirs.is_narrowed:
        return False
    if not mine.others or not theirs.others:
        return True
    verbs = [{base(rest.said, i) for i in rest.others} for rest in (mine, theirs)]
    if any(verbs[a] & _BEGINNINGS and verbs[b] & _ENDS for a, b in ((0, 1), (1, 0))):
        return False
    likeness = there.similarity[list(mine.others)][:, list(theirs.others)]
    return bool(likeness.max() >= REPLACES)


def _reversed(mine: Rest, theirs: Rest, there: Alignment) -> Difference | None:
    """A "not" that only one of two otherwise equal sentences has, or a word and its opposite."""
    one, other = mine.said, theirs.said
    nots, other_nots = negators(one.words), negators(other.words)
    if len(nots) == len(other_nots):
        if len(mine.others) == len(theirs.others) == 1:
            a, b = base(one, mine.others[0]), base(other, theirs.others[0])
            if opposite(a, b) and (a in _REVERSERS or b in _REVERSERS):
                return _words("opposite", mine.others, theirs.others, mine, theirs)
        return None
    exact = not mine.others and not theirs.others and _hedges(one, other) == _hedges(other, one)
    if (
        not exact
        or sorted((len(nots), len(other_nots))) != [0, 1]
        or _EXCEPTING & {w.lower() for w in one.words + other.words}
    ):
        return None
    if nots:
        place = next((int(there.match[k]) for k in range(nots[0] + 1, len(one)) if there.match[k] >= 0), 0)
        return Difference(around(one.words, nots[0]), around(other.words, place), "negation")
    back = {int(j): i for i, j in enumerate(there.match) if j >= 0}
    place = next((back[k] for k in range(other_nots[0] + 1, len(other)) if k in back), 0)
    return Difference(around(one.words, place), around(other.words, other_nots[0]), "negation")


def _hedges(said: Wording, other: Wording) -> set[str]:
    """The words of doubt in a sentence, without the ones that give leave where the other sentence does so too."""
    low = {word.lower() for word in other.words}
    return {one for one in said.stems if one in _HEDGES and not (one in _MODALS and low & _MODALS)}


def _words(kind: str, ours: Iterable[int], others: Iterable[int], mine: Rest, theirs: Rest) -> Difference:
    return Difference(mine.span(ours, kind), theirs.span(others, kind), kind)
