"""What verdicts are called where people read them. The answer record keeps its own values."""

from rag.types import Statement

WORDS = {
    "supported": "supported",
    "partial": "check this",
    "unsupported": "not supported",
    "contradicted": "contradicted",
}
PARTLY = "partly supported"


def verdict_words(statement: Statement) -> str:
    """The verdict in words; one that is partial is partly supported where the words that are not can be named."""
    return PARTLY if statement.verdict == "partial" and statement.unsupported_words else WORDS[statement.verdict]
