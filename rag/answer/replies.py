"""What Pincite says in its own words: refusals, greetings, what it can do. Never a claim about the documents."""

from collections.abc import Sequence

from rag.documents.passages import SEPARATOR, flat, heading_line
from rag.types import Passage, Statement

# The kinds of intent, and codes of notices, of replies that are not about the documents.
OWN_WORDS = frozenset({"catalogue", "greeting", "help"})
# A refusal names this many of the nearest passages.
NEAREST = 3


def greeting(documents: int) -> str:
    """A reply to a greeting."""
    return (
        f"Hello. Ask me about the {documents} documents here; I answer with their own words and show where they stand."
    )


def abilities(titles: Sequence[str]) -> str:
    """What can be asked."""
    first = f" For example: what is “{titles[0]}” about?" if titles else ""
    return (
        f"I answer questions about the {len(titles)} documents here. Every sentence of an answer is pinned to the "
        "exact words that support it and checked against them before you see it; what the documents do not say, I "
        "decline to answer. You can ask follow-up questions, ask for a summary of one document, or ask what is in "
        f"them.{first}"
    )


def refusal(question: str, passages: Sequence[Passage]) -> str:
    """What is said when the documents do not answer: what was looked for, and what is nearest."""
    if not passages:
        return f"The documents do not answer “{flat(question)}”: nothing in them comes near it."
    about = dict.fromkeys(heading_line(p.chunk).rsplit(SEPARATOR, 1)[-1] for p in passages[:NEAREST])
    names = [f"“{name}”" for name in about]
    nearest = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return (
        f"The documents do not answer “{flat(question)}”. The nearest passages are about {nearest}; "
        "they are not an answer."
    )


def all_withheld(question: str, withheld: Sequence[Statement]) -> str:
    """What is said when a model answered and none of it passed its check."""
    many = "The one statement" if len(withheld) == 1 else f"All {len(withheld)} statements"
    was = "was" if len(withheld) == 1 else "were"
    return f"{many} written in answer to “{flat(question)}” {was} withheld: the documents do not support what was said."
