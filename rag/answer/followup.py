"""Turning a follow-up question into one that can be searched alone, without a language model.

A question that lacks something ("Why does it matter for them?", "And in winter?") gets the topic of the turns before
it in brackets; a complete one is left alone. Repeating whole turns instead finds less than the last turn alone.
"""

import importlib.resources
import re
from collections.abc import Sequence

from rag.answer.enumeration import item_meant
from rag.models.minilm import MiniLM
from rag.types import Turn

WORD = re.compile(r"[^\W_](?:[\w'’&.-]*[^\W_])?")
# Words that carry no topic. Pronouns and question words among them.
PLAIN = frozenset(importlib.resources.files("rag").joinpath("data", "plain_words.txt").read_text("utf-8").split())
PRONOUN = re.compile(r"\b(?:it|its|it's|they|them|their|theirs|they're|he|she|him|his|her|hers)\b", re.IGNORECASE)
# "this", "those" and the like stand for something when no noun follows: "how is that calculated", "what are these?"
_AUXILIARIES = "is was did does do has had will would can could should".split()
POINTER = re.compile(
    rf"\b(?:{'|'.join(rf'(?<={auxiliary} )that' for auxiliary in _AUXILIARIES)}|"
    r"this|these|those|that(?=\W*$|\W+(?:is|was|are|were|does|did|do|can|could|will|would|has|mean|work|happen)\b)"
    r"|ones|one(?=\W*$)|there(?=\W*$)|another|(?<!each )others?(?! than)|else|the same|the former|the latter)\b",
    re.IGNORECASE,
)
# "What became paramount then?": when, the turn before says.
AT_THAT_TIME = re.compile(r"\b(?:then|afterwards?|after (?:that|this)|at (?:that|the) time)\W*$", re.I)
OPENING = re.compile(
    r"\W*(?:what|how|why|who|whom|whose|when|where|which|is|are|was|were|am|do|does|did|can|could|should|would|will"
    r"|has|have|tell|explain|describe|list|give|show|summari[sz]e|compare|define|name|please|let|i'd"
    r"|i (?:would|want|need))\b",
    re.IGNORECASE,
)
CONTINUING = re.compile(
    r"\W*(?:and|or|but|so|then|also|what about|how about|what if|why not|how come)\b", re.IGNORECASE
)
DEFINITION = re.compile(r"\W*(?:what|who)(?:'s| is| are| was| were| does)\b|.*\bwhat\b.*\bmeans?\b", re.I)
BREAK = re.compile(r"[.,;:?!()\"“”…]")

# A pronoun after so many topic words means one of them.
ANTECEDENT_WORDS = 2
# Words without a verb in front are a fragment when they are so few.
FRAGMENT_WORDS = 2
TURNS_BACK = 3
MOST_TERMS = 2
MOST_TERM_WORDS = 4


def standalone(question: str, history: Sequence[Turn], model: MiniLM) -> str:
    """`question`, with the topic of the conversation in brackets when it cannot be understood alone."""
    if history and history[-1].role == "assistant" and (item := item_meant(question, history[-1].content)):
        return f"{question.rstrip()} ({' '.join(word for run in _runs(item) for word in run)})"
    if not lacks_topic(question):
        return question
    asked = _asked_before(history, model)
    known = {word.casefold() for word in WORD.findall(question)}
    terms = [term for term in _topic(asked, model) if not {word.casefold() for word in term} <= known]
    if not terms:
        return question
    return f"{question.rstrip()} ({', '.join(' '.join(term) for term in terms[:MOST_TERMS])})"


def _asked_before(history: Sequence[Turn], model: MiniLM) -> list[str]:
    """The user's turns; from one on that named an item of the answer before it by its place, that item in its stead."""
    asked: list[str] = []
    for number, turn in enumerate(history):
        if turn.role == "user":
            before = history[number - 1].content if number and history[number - 1].role == "assistant" else ""
            item = item_meant(turn.content, before)
            asked = [item] if item else [*asked, turn.content]
    return asked


def lacks_topic(question: str) -> bool:
    """Whether a question points at something that it does not name, or names next to nothing."""
    first, _, rest = question.partition(". ")
    if rest and not _runs(first):  # "That is fine. Could you tell me …"
        question = rest
    if AT_THAT_TIME.search(question):
        return True
    content = [found for found in WORD.finditer(question) if found[0].casefold() not in PLAIN]
    if len(content) < ANTECEDENT_WORDS and not (content and DEFINITION.match(question)):
        return True
    enough = content[ANTECEDENT_WORDS - 1].end() if len(content) >= ANTECEDENT_WORDS else len(question)
    for found in [*PRONOUN.finditer(question), *POINTER.finditer(question)]:
        if found.start() < enough and not _names(question, found):
            return True
    if continuing := CONTINUING.match(question):
        fragment = not OPENING.match(question, continuing.end())  # "And in winter?"
        return len(content) <= FRAGMENT_WORDS or fragment or bool(PRONOUN.search(question))
    return len(content) <= FRAGMENT_WORDS and not OPENING.match(question)


def _names(question: str, pointer: re.Match[str]) -> bool:
    """Whether a noun follows at once, as in "this library"."""
    if pointer[0].casefold() not in ("this", "these", "those", "that", "another"):
        return False
    following = WORD.match(question, pointer.end() + 1)
    return following is not None and following[0].casefold() not in PLAIN


def _topic(asked: Sequence[str], model: MiniLM) -> list[list[str]]:
    """What the last turns were about: their rarest runs of topic words, of the latest turn first.

    Goes back until a turn that can be understood alone.
    """
    terms: list[list[str]] = []
    for words in reversed(asked[-TURNS_BACK:]):
        terms += sorted(_runs(words), key=lambda run: -max(model.rarity(word) for word in run))
        if terms and not lacks_topic(words):
            break
    fresh: list[list[str]] = []
    for term in terms:
        said = {word.casefold() for earlier in fresh for word in earlier}
        if not {word.casefold() for word in term} <= said:
            fresh.append(term)
    return fresh


def _runs(text: str) -> list[list[str]]:
    """Topic words that stand side by side."""
    runs: list[list[str]] = [[]]
    end = 0
    for found in WORD.finditer(text):
        if BREAK.search(text[end : found.start()]):
            runs.append([])
        end = found.end()
        if found[0].casefold() in PLAIN:
            runs.append([])
        elif len(runs[-1]) < MOST_TERM_WORDS:
            runs[-1].append(found[0])
    return [run for run in runs if run]
