"""What Pincite says in its own words: refusals, greetings, what it can do. Never a claim about the documents."""

import re
from collections.abc import Sequence

from rag.documents.passages import flat, heading_line
from rag.types import Passage, Statement

# The kinds of intent, and codes of notices, of replies that are not about the documents.
OWN_WORDS = frozenset({"greeting", "help"})
STOP_WORDS = frozenset(
    "a about after all also an and any anything are as at be because been before but by can could did do does doing "
    "for from get give had has have having he her his how i if in into is it its just know like many may me might more "
    "most much my no not of on one or other our out over own please "
    "said say says she should since so some such tell than "
    "that the their them then there these they this those through to under until up us very was we were what when "
    "where which while who whom whose why will with would you your actually exactly explain describe happen happened "
    "document documents article articles text mention mentioned".split()
)


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
    """What is said when the documents do not answer: what was looked for, what is missing, what is nearest."""
    if not passages:
        return f"The documents do not answer “{flat(question)}”: nothing in them comes near it."
    missing = missing_words(question, passages)
    about = list(dict.fromkeys(heading_line(p.chunk).rsplit(" › ", 1)[-1] for p in passages[:6]))[:3]
    said = [f"The documents do not answer “{flat(question)}”."]
    if missing:
        said.append(f"None of the passages that come nearest mentions {_either(missing)}.")
    said.append(f"They are about {_both([f'“{name}”' for name in about])}, and are not an answer.")
    return " ".join(said)


def all_withheld(question: str, withheld: Sequence[Statement]) -> str:
    """What is said when a model answered and none of it passed its check."""
    many = "The one statement" if len(withheld) == 1 else f"All {len(withheld)} statements"
    was = "was" if len(withheld) == 1 else "were"
    return f"{many} written in answer to “{flat(question)}” {was} withheld: the documents do not support what was said."


def missing_words(question: str, passages: Sequence[Passage]) -> list[str]:
    """Up to three words of the question that no passage has in any form, longest first."""
    found = {_stem(word) for p in passages for word in re.findall(r"\w+", p.chunk.text.lower())}
    words = [w for w in dict.fromkeys(re.findall(r"\w[\w'-]*\w", question)) if w.lower() not in STOP_WORDS]
    missing = [w for w in words if len(w) > 2 and not {_stem(part) for part in re.findall(r"\w+", w.lower())} <= found]
    return sorted(missing, key=lambda w: -len(w))[:3]


def _stem(word: str) -> str:
    return word[: max(4, len(word) - 3)]


def _either(words: Sequence[str]) -> str:
    quoted = [f"“{word}”" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _both(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
