"""Which of the ranked units are quoted: the best and what is nearly as good, both sides of a comparison, openings."""

import re
from collections.abc import Sequence

from rag.answer.asked import lacks_what_is_asked
from rag.answer.units import Unit

# A further unit is quoted while it scores at least this share of the best one's score. On the tuning half of the
# cases .96 finds no more of the gold, and three points fewer of the sentences quoted are right.
CLOSE, MOST_UNITS = 0.97, 3
# The same where several things are asked for: there the further ones are as right as the first. A list is quoted
# whole, and from farther away.
CLOSE_OF_SEVERAL, MOST_OF_SEVERAL, CLOSE_LIST = 0.94, 4, 0.9
# Of each part of a question so many units are quoted at most, and while they score so much of the part's best.
MOST_A_PART, CLOSE_IN_A_PART = 2, 0.9
# Of a topic that is to be summed up so many passages' openings are quoted at most.
MOST_OPENINGS = 4
# Two units whose tokens match this well say the same.
SAME = 0.86
# The numbers of things that a question says there are, as it writes them.
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_SOME = "|".join(COUNTS)
WANTS_LIST = re.compile(
    rf"^(?:list|name|enumerate|give)\b|\bwhat are\b|\b(?:what|which|list|name|give)\b.*\b(?:{_SOME})\b|"
    r"\b(?:what|which|name) (?:key|main) \w+s\b",
    re.IGNORECASE,
)
_WANTS_SEVERAL = re.compile(
    r"\bwhich (?:\w+ )?\w+[a-rt-z]s\b|\bwhat \w+[a-rt-z]s (?:do|does|did|are|were|have|can|could|should|will)\b",
    re.IGNORECASE,
)
_WANTS_SUMMARY = re.compile(
    r"^\W*(?:please )?(?:(?:can|could|would) you )?(?:(?:please )?(?:summari[sz]e|sum up)\b|"
    r"(?:give (?:me )?)?(?:a |an |the )?(?:short |brief |general |quick )?(?:summary|overview|outline|gist) of\b|"
    r"what(?:'s|’s| is) the (?:general|overall|big|broad) \w+\b)",
    re.IGNORECASE,
)


def chosen(question: str, ranked: Sequence[Unit]) -> list[Unit]:
    """The best unit, and others that are nearly as good and say something else; of a summary the openings."""
    if _WANTS_SUMMARY.search(question):
        openings = [unit for unit in ranked if unit.place[1] == 0]
        return openings[:MOST_OPENINGS] or list(ranked[:1])
    best = ranked[0]
    found = [best]
    wants_list = WANTS_LIST.search(question)
    if len(best.sentences) > 2 and wants_list:
        return found
    several = wants_list or _WANTS_SEVERAL.search(question)
    close, most = (CLOSE_OF_SEVERAL, MOST_OF_SEVERAL) if several else (CLOSE, MOST_UNITS)
    best_lacks = lacks_what_is_asked(question, best.text)
    for unit in ranked[1:]:
        if len(found) == most or unit.score < close * best.score:
            break
        if not best_lacks and lacks_what_is_asked(question, unit.text):
            continue
        if len(unit.sentences) <= 2 and not any(same(unit, other) for other in found):
            found.append(unit)
    if several and not any(unit.items > 1 for unit in found):
        lists = [unit for unit in ranked if unit.items > 1 and unit.score >= CLOSE_LIST * best.score]
        found += lists[:1]
    return found


def chosen_of_each(rankings: Sequence[Sequence[Unit]]) -> list[Unit]:
    """The best units of each part of a question, none that another part has taken."""
    found: dict[tuple[int, int], Unit] = {}
    for ranked in rankings:
        close = [unit for unit in ranked if unit.score >= CLOSE_IN_A_PART * ranked[0].score]
        fresh = [unit for unit in close if unit.place not in found]
        found |= {unit.place: unit for unit in fresh[:MOST_A_PART]}
    return list(found.values())


def same(one: Unit, other: Unit) -> bool:
    """Whether two units say nearly the same: each token of the shorter finds its like in the longer."""
    short, long = sorted((one.tokens, other.tokens), key=len)
    return float((short @ long.T).max(axis=1).mean()) >= SAME


def in_order(units: Sequence[Unit]) -> list[Unit]:
    """Units of one passage together and in their order; passages by their best unit."""
    passages = list(dict.fromkeys(unit.place[0] for unit in units))
    return sorted(units, key=lambda unit: (passages.index(unit.place[0]), unit.place[1]))
