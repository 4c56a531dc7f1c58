"""Taking a question with several parts apart, so that each can be searched for itself."""

import re

from rag.answer.comparisons import compared

MOST_PARTS = 4
# "What is X, and how does it work?": the second half must be able to stand as a question.
SECOND_QUESTION = re.compile(
    r"[,;]?\s+(?:and|but|also|or)\s+(?:also\s+)?(?=(?:what|how|why|who|whom|whose|when|where|which)\s)", re.IGNORECASE
)
OPENING = re.compile(
    r"(?:what|how|why|who|whom|whose|when|where|which|is|are|was|were|do|does|did|can|could|should|would|will|has|have)\b",
    re.IGNORECASE,
)
ENDS = re.compile(r"(?<=\?)\s+")
POINTS_BACK = re.compile(r"\b(?:it|its|they|them|their|he|she|his|her|him|this|that|these|those|so)\b", re.IGNORECASE)
WORD = re.compile(r"\w+")
LEAST_WORDS = 4
# "… and what is the downside?": of what, the first part says.
ELLIPTICAL = re.compile(r"^what (?:is|are|was|were) the \w+(?: \w+)?\W*$", re.IGNORECASE)
COMPLEMENT = re.compile(
    r"^what (?:is|are|was|were) the .+? (?P<rest>(?:of|to|for|in|with|behind|from)\b.*\w)\W*$", re.I
)


def parts_of(question: str) -> list[str]:
    """The questions that a question is made of, in order; the whole question alone when it is only one.

    Of a comparison the parts are the whole and both things that are compared. A part that points back ("how is it
    funded") or leaves out what the first one said ("what is the downside") gets it from there.
    """
    if sides := compared(question):
        return [question, *sides]
    pieces = [piece.strip() for end in ENDS.split(question) for piece in SECOND_QUESTION.split(end) if piece.strip()]
    parts: list[str] = []
    for piece in pieces:
        if not parts:
            parts.append(piece)
        elif not OPENING.match(piece) or len(WORD.findall(piece)) < LEAST_WORDS or not OPENING.match(parts[0]):
            return [question]
        else:
            parts.append(_alone(piece, parts[0]))
    return parts if 1 < len(parts) <= MOST_PARTS else [question]


def _alone(piece: str, first: str) -> str:
    """A part, made so that it can be searched without the first one."""
    complement = COMPLEMENT.match(first)
    if complement and ELLIPTICAL.match(piece):
        return f"{piece.rstrip(' ?!.')} {complement['rest']}"
    return f"{piece} ({first})" if POINTS_BACK.search(piece) else piece
