"""What a question sets side by side: two things, two aspects of one thing, or a time before and a time after.

English, by rules. Each of the two reads as a question, or a topic, that can be searched for itself: what the second
one leaves out, because the first has said it, is put back.
"""

import re

# Verbs that ask for two sides of the same thing when they stand together.
_SIDES = (
    r"help|hurt|hinder|harm|benefit|damage|strengthen|weaken|support|undermine|enable|limit|improve|threaten|advance|"
    r"slow|aid|impede|ease|complicate|raise|lower|gain|lose"
)
_SIDE_BY_SIDE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:differences?|similarit(?:y|ies)|contrast|distinction)\b.{0,20}? between (?P<one>.+?) and (?P<other>.+)",
        r"\b(?:compare|contrast) (?P<one>.+?) (?:with|against) (?P<other>.+)",
        r"\b(?:compare|contrast) (?P<one>.+?) (?:to|and) (?P<other>.+)",
        r"\bhow (?:do|does|did) (?P<one>.+?) (?:compare|differ) (?:with|to|from) (?P<other>.+)",
        r"\b(?:sets?|tells?|distinguish(?:es)?) (?P<one>.+?) (?:apart )?from (?P<other>.+)",
        r"^(?P<one>.+?) (?:versus|vs\.?) (?P<other>.+)",
    )
)
# "What are the benefits and the risks of joint training?"
_TWO_ASPECTS = re.compile(
    r"^(?P<before>(?:what|which) (?:are|is|were|was)(?: the)?) (?P<one>\w+) and (?:the )?(?P<other>\w+) "
    r"(?P<after>(?:of|to|for|in|with|behind|from)\b.+)",
    re.IGNORECASE,
)
# "The pros and cons of joint training"
_FOR_AND_AGAINST = re.compile(
    r"\b(?P<one>pros|advantages?|benefits?|strengths?|upsides?|merits?|opportunities) and (?:the )?"
    r"(?P<other>cons|disadvantages?|drawbacks?|weaknesses|downsides?|risks?|costs?|dangers?|challenges|limits|"
    r"limitations) "
    r"(?P<after>(?:of|to|for|in|with|behind)\b.+)",
    re.IGNORECASE,
)
# "How do online meetings help and hurt diplomacy?"
_TWO_SIDES = re.compile(
    rf"^(?P<before>how\b.+?) (?P<one>{_SIDES}) (?:and|or) (?P<other>{_SIDES}) (?P<after>.+)", re.IGNORECASE
)
# "… at home as well as at sea", "… both for traders and for banks"
_TWO_PLACES = re.compile(
    r"^(?P<before>.+?),? (?:both )?(?P<one>(?P<preposition>for|in|at|on|with|by|to|against|among|during|under) [^,]+?)"
    r",? (?:as well as|and also|and) (?P<other>(?P=preposition) .+)",
    re.IGNORECASE,
)
_BEFORE_AND_AFTER = re.compile(r"^(?:both )?before and after (?P<when>[^,]+), (?P<rest>.+)", re.IGNORECASE)
_WHERE = r"(?:in|on|at|of|for|with|from)"
_ELLIPSES = (
    # "the legal worries about trade … the ethical ones"
    (re.compile(r"^the (?P<kind>[\w-]+) ones?$", re.I), re.compile(r"^(?:the )?[\w-]+ (?P<rest>.+)$", re.I)),
    # "the budget of Wales … that of Spain"
    (
        re.compile(r"^(?:that|those) (?P<kind>of .+)$", re.I),
        re.compile(rf"^(?:.+['’]s? )?(?P<rest>.+?)(?: {_WHERE} .+)?$", re.I),
    ),
    # "Spain's exports to France … Italy's"
    (re.compile(r"^(?P<kind>[\w ]+['’]s?)$", re.I), re.compile(r"^.+?['’]s? (?P<rest>.+)$", re.I)),
    # "Spain's results … Italy's in the north"
    (
        re.compile(rf"^(?P<kind>[\w ]+['’]s?) (?P<where>{_WHERE} .+)$", re.I),
        re.compile(r"^.+?['’]s? (?P<rest>.+)$", re.I),
    ),
)


def compared(question: str) -> tuple[str, str] | None:
    """The two things that a question sets side by side, each to be searched for itself; None when it does not."""
    asked = question.rstrip(" ?!.")
    for pattern in _SIDE_BY_SIDE:
        if found := pattern.search(asked):
            return found["one"], _completed(found["one"], found["other"])
    if found := _BEFORE_AND_AFTER.match(asked):
        return f"{found['rest']} before {found['when']}", f"{found['rest']} after {found['when']}"
    for pattern in (_TWO_ASPECTS, _TWO_SIDES):
        if found := pattern.match(asked):
            one, other = (f"{found['before']} {found[side]} {found['after']}" for side in ("one", "other"))
            return one, other
    if found := _FOR_AND_AGAINST.search(asked):
        return f"{found['one']} {found['after']}", f"{found['other']} {found['after']}"
    if found := _TWO_PLACES.match(asked):
        return f"{found['before']} {found['one']}", f"{found['before']} {found['other']}"
    return None


def _completed(one: str, other: str) -> str:
    """The second thing, with the noun that only the first one has."""
    for short, long in _ELLIPSES:
        left, right = short.match(other), long.match(one)
        if left and right:
            kind, where = left["kind"], left.groupdict().get("where", "")
            rest = right["rest"]
            return f"{rest} {kind}" if kind.startswith("of ") else f"{kind} {rest} {where}".strip()
    return other
