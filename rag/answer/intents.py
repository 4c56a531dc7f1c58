"""The commonest first inputs that are not questions about facts: greetings, "what can you do?", overviews."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_GREETING = re.compile(
    r"(?:hi|hello|hey|howdy|greetings|good (?:morning|afternoon|evening|day)|hi there|hello there|"
    r"thanks|thank you|thank you very much|cheers|bye|goodbye|how are you)"
)
_HELP = re.compile(
    r"(?:help|help me|what can you do(?: for me)?|how do you work|how does this work|how do i use (?:this|you|it)|"
    r"who are you|what are you|what is (?:this|pincite)|what can i ask(?: you)?)"
)
_THESE = (
    r"(?:these|the|my|your|those|all(?: the| these| my)?|this) (?:documents?|docs|files|folder|texts|articles|sources|"
    r"corpus|collection|library)"
)
_CONTENTS = re.compile(
    rf"(?:so )?(?:what(?: is|'s| are)? (?:in|inside) {_THESE}|what (?:are|is) {_THESE} (?:about|on)|"
    rf"what do {_THESE} (?:cover|say|contain|discuss|talk about)|what does {_THESE} (?:cover|contain)|"
    rf"(?:please )?(?:list|show)(?: me)? {_THESE}|"
    r"(?:which|what) (?:documents|docs|files|sources) (?:do you have|are there|have you got)|"
    rf"(?:what|which) (?:topics|subjects)(?: are| do you)? (?:covered|cover|in {_THESE})(?: (?:here|in {_THESE}))?|"
    r"what do you know(?: about)?|"
    r"(?:please )?(?:summari[sz]e|outline|(?:give me )?(?:an? )?(?:overview|summary|outline) of) "
    rf"(?:{_THESE}|everything|it all|all of (?:them|it))|(?:give me )?an overview|tell me about {_THESE})"
)
_SUMMARY = re.compile(
    r"\b(?:summari[sz]e|sum up|outline|overview of|summary of|summary for|tl;?dr|(?:main|key) points (?:of|in)|"
    r"(?:what is|what's|what does) .+ (?:about|say|cover))\b"
)


@dataclass(frozen=True, slots=True)
class Intent:
    """What an input asks for. `document` is the one to outline, only with kind "summary"."""

    kind: Literal["greeting", "help", "contents", "summary", "question"]
    document: str | None = None


QUESTION = Intent("question")


def intent_of(question: str, titles: Mapping[str, str]) -> Intent:
    """What `question` asks for, given the documents' titles by id. "Hi, what is …" is a question."""
    text = " ".join(re.sub(r"[!?.,:;\"“”]+", " ", question.lower().replace("’", "'")).split())
    text = re.sub(r"^(?:please|can you|could you|would you|pls) |(?: please| pls| pincite)$", "", text)
    if _GREETING.fullmatch(text):
        return Intent("greeting")
    if _HELP.fullmatch(text):
        return Intent("help")
    if _CONTENTS.fullmatch(text):
        return Intent("contents")
    if _SUMMARY.search(text) and (document := _named(question, titles)):
        return Intent("summary", document)
    return QUESTION


# Words of a request for a summary that say nothing about which document is meant.
_ASKING = frozenset(
    "a about an and article articles by can cover document does file for give in is it main me of on one or outline "
    "overview paper piece please point points s say sentence sentences short sum summarise summarize summary tell text "
    "that the this three tl dr two up what which with you".split()
)


def _named(question: str, titles: Mapping[str, str]) -> str | None:
    """The one document that a question names: by its id, its file's name, the start of that, or its whole title."""
    words = re.findall(r"[\w.#/-]+", question.lower())
    plain = _plain(question)
    found = {
        document
        for document, title in titles.items()
        if (stem := document.lower().rsplit("/", 1)[-1]) in words
        or stem.rsplit(".", 1)[0] in words
        or any(len(word) >= 3 and re.match(rf"{re.escape(word)}[_\-. ]", stem) for word in words)
        or (len(_plain(title).split()) > 1 and _plain(title) in plain)
    }
    if not found and re.search(r"\b(?:document|article|paper|piece|file|text|page|report)\b", question, re.IGNORECASE):
        asked = set(_plain(question).split()) - _ASKING
        found = {d for d, title in titles.items() if len(asked) > 1 and asked <= set(_plain(title).split())}
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
