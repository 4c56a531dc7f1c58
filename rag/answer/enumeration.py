"""What "the second one" or "the last of those" stands for: an item of what the last answer enumerated."""

import re

ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1, "former": 0, "latter": -1}
# An ordinal that no noun of its own follows.
POINTER = re.compile(
    rf"\bthe ({'|'.join(ORDINALS)})(?: (?:ones?\b(?! of\b)|of (?:those|these|them|the)\b.*|point\b|item\b)|"
    r"(?=\s*(?:[?.,!]|$)|\s+(?:look|do|does|did|is|was|has|had|have|mean|work|help|hurt|need|involve|involves|say|says|"
    r"about|take|happen|come|become|begin|start|end|make|get|give|aim|apply|change|fail|succeed|matter|differ|cost|last)\b))",
    re.IGNORECASE,
)
LINE = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+(.+)$", re.MULTILINE)
OPENING = re.compile(
    r"^(?:.*:|[^,;]*\b(?:by|through|including|includes?|such as|are|namely)\b)\s*(?:such as|indicators such as)?\s*",
    re.IGNORECASE | re.DOTALL,
)
# "The mine and ports such as Cardiff and Newport": what is enumerated stands before the examples, if no verb does.
EXAMPLES = re.compile(r",? (?:such as|like|including) .+$", re.IGNORECASE | re.DOTALL)
VERB = re.compile(r":|\b(?:is|are|was|were|be|has|have|had|can|by|through|includes?|(?-i:[a-z]+ed))\b", re.IGNORECASE)
REST = re.compile(r"^(?:among others|and others|and so on|etc\.?|for example|for instance)$", re.IGNORECASE)


def item_meant(question: str, answer: str) -> str | None:
    """The item of `answer` that an ordinal in `question` points at; None when there is no such pointer or item."""
    pointer = POINTER.search(question)
    if not pointer:
        return None
    items, place = enumerated(answer), ORDINALS[pointer[1].lower()]
    return items[place] if len(items) > 1 and place < len(items) else None


def enumerated(answer: str) -> list[str]:
    """The items of an answer: its list lines, or else the series in the sentence that has most commas."""
    lines: list[str] = [found[1].strip() for found in LINE.finditer(answer)]
    if lines:
        return lines
    sentence = max(re.split(r"(?<=[.!?])\s+", answer), key=lambda s: s.count(","))
    series = sentence.strip().rstrip(".!?")
    before = EXAMPLES.sub("", series)
    enumerates = re.search(r",| and ", before) and not VERB.search(before)
    opened = OPENING.sub("", series, count=1)
    if enumerates:
        series = before
    elif re.search(r",| and | or ", opened):  # else the opening was found within the last item
        series = opened
    items = [item for item in re.split(r"\s*[,;]\s*", series) if item and not REST.match(item)]
    if any(item.startswith(("and ", "or ")) for item in items):
        items = [re.sub(r"^(?:and|or) ", "", item) for item in items]
    elif items:
        items[-1:] = re.split(r" (?:and|or) ", items[-1])
    return items
