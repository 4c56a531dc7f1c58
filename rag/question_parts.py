"""Taking a question with several parts apart, so that each can be searched for itself."""

import re

MOST_PARTS = 4
# "What is X, and how does it work?": the second half must be able to stand as a question.
SECOND_QUESTION = re.compile(
    r"[,;]?\s+(?:and|but|also|or)\s+(?:also\s+)?(?=(?:what|how|why|who|whom|whose|when|where|which)\s)", re.IGNORECASE
)
OPENING = re.compile(
    r"(?:what|how|why|who|whom|whose|when|where|which|is|are|was|were|do|does|did|can|could|should|would|will|has|have)\b",
    re.IGNORECASE,
)
# Questions that set two things against each other; each is looked for, after the whole question.
COMPARISONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:differences?|similarit(?:y|ies)|contrast|distinction)\b.{0,20}? between (?P<one>.+?) and (?P<other>.+)",
        r"\b(?:compare|contrast) (?P<one>.+?) (?:with|to|and|against) (?P<other>.+)",
        r"\bhow (?:do|does|did) (?P<one>.+?) (?:compare|differ) (?:with|to|from) (?P<other>.+)",
        r"\b(?:sets?|tells?|distinguish(?:es)?) (?P<one>.+?) (?:apart )?from (?P<other>.+)",
        r"^(?P<one>.+?) (?:versus|vs\.?) (?P<other>.+)",
    )
)
ENDS = re.compile(r"(?<=\?)\s+")
POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|he|she|his|her|him|this|that|these|those|so)\b", re.IGNORECASE)
WORD = re.compile(r"\w+")
LEAST_WORDS = 4


def parts_of(question: str) -> list[str]:
    """The questions that a question is made of, in order; the whole question alone when it is only one.

    Of a comparison the parts are the whole and both things that are compared. A part that is too short to mean
    anything alone, or that points back ("how is it funded"), is searched together with the first one.
    """
    for comparison in COMPARISONS:
        if found := comparison.search(question.rstrip(" ?!.")):
            return [question, found["one"], found["other"]]
    pieces = [piece.strip() for end in ENDS.split(question) for piece in SECOND_QUESTION.split(end) if piece.strip()]
    parts: list[str] = []
    for piece in pieces:
        if not parts:
            parts.append(piece)
        elif not OPENING.match(piece) or len(WORD.findall(piece)) < LEAST_WORDS or not OPENING.match(parts[0]):
            return [question]
        else:
            parts.append(f"{piece} ({parts[0]})" if POINTS_BACK.search(piece) else piece)
    return parts if 1 < len(parts) <= MOST_PARTS else [question]
