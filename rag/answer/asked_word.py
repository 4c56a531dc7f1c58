"""The word of a question that says what is asked for: "court" in "which court", "founded" in "who founded it".

Where no passage has anything like it, the passages are about the same things and still tell something else. English.
"""

import re

from rag.answer.things import BODIES, NAMELESS, ROLES, THINGS, TOWNS, which

_AUXILIARY = (
    "is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must|am|else|of|and|the|in|for|on|"
    "to|at|by|from|been|be|with|use[ds]?|becomes?|became|ends?"
)
# "Who is the head of it?": the noun before "of".
_BEFORE = r"(?= (?:of|who|which|that|in|for)\b|\W*$)"
_A_NAME = r"(?:the |its )?(?-i:[A-Z][\w’'.-]*,? (?:(?:of|and|the|in|for) )*)+"
_WAYS = tuple(
    re.compile(way, re.IGNORECASE)
    for way in (
        rf"\b{which(f'{ROLES}|{BODIES}|{THINGS}|{TOWNS}|{NAMELESS}', between=3)}",
        rf"\bnames? of (?:the|its|their|an?) (?:\w+ )??(?P<asked>\w+){_BEFORE}",
        rf"\bwho (?:is|was|are|were) (?:the|its) (?:\w+ ){{0,2}}?(?P<asked>\w+){_BEFORE}",
        rf"\bwho (?:\w+ly |also |first )?(?!(?:{_AUXILIARY})\b|\w+ly\b)(?P<asked>[a-z]+)\b",
        r"\bwhere (?:is|are|was|were|did|does|do|has|have)\b.{0,200} (?P<asked>signed|founded|headquarter\w*|born|"
        r"built|based|stationed|held|live[ds]?|manufactured|trained|buried|made)\b",
        # "Why did Wales leave?": the word after the name.
        rf"^\W*(?:(?:why|how come) (?:\w+ )?|what made ){_A_NAME}(?!(?:{_AUXILIARY})\b)(?P<asked>(?-i:[a-z]+))\b",
    )
)


def asked_word(question: str) -> tuple[int, int] | None:
    """Where in the question it stands, from and to; None when no word of these kinds says what is asked for."""
    found = next((found for way in _WAYS if (found := way.search(question))), None)
    if found is None:
        return None
    start, end = found.span("asked")
    return max(start, question.rfind(" ", 0, end) + 1), end
