"""What was searched for, where that is not what was asked: a follow-up made standalone, or a slip put right."""

import re


def searched_for(question: str, search_question: str) -> str:
    """The line that says so, for the page and the command line alike; empty when both have the same words."""
    if _words(question) == _words(search_question):
        return ""
    return f"Searched for: {' '.join(search_question.split())}"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
