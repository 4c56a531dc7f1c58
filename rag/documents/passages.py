"""How a chunk reads to a model: one heading line, then its sentences, each on a line of its own.

The same text is embedded at ingest, shown to the language model with numbers, and read back by the offline
backend, so that one set of token vectors serves all three.
"""

import re

from rag.types import Chunk, Sentence

SEPARATOR = " › "
# What looks like one of our markers, in any spelling the parser accepts, is shown in other brackets: a document
# cannot cite. `shown` is undone by `original`.
LOOKALIKE = re.compile(r"[\[【［]+(?=[\s^]*\d)|(?<=\d)\s*[\]】］]+")
BRACKETS = str.maketrans("[]【】［］", "⟦⟧⦗⦘⟬⟭")
BACK = str.maketrans("⟦⟧⦗⦘⟬⟭", "[]【】［］")


def flat(text: str) -> str:
    """`text` on one line, with single spaces."""
    return " ".join(text.split())


def heading_line(chunk: Chunk) -> str:
    """Where the chunk stands: its headings from the outside in, or the document's title."""
    return flat(SEPARATOR.join(chunk.headings) or chunk.title)


def sentence_texts(chunk: Chunk) -> list[str]:
    """The chunk's sentences, each on one line."""
    return [flat(chunk.quote(s.start, s.end)) for s in chunk.sentences]


def embedded_text(chunk: Chunk) -> str:
    """What the chunk's vector stands for: its words alone, so that a file can be renamed without reading it anew."""
    return "\n".join([flat(SEPARATOR.join(chunk.headings)), *sentence_texts(chunk)])


def shown(text: str) -> str:
    """Document text as a model sees it: brackets around numbers replaced, so that only we write markers."""
    return LOOKALIKE.sub(lambda found: found[0].translate(BRACKETS), text)


def original(text: str) -> str:
    """Undo `shown` in text that a model has copied."""
    return text.translate(BACK)


def units(sentences: tuple[Sentence, ...]) -> list[list[int]]:
    """Positions of the sentences that are quoted together, in order: mostly one by one, a list with its lead-in."""
    groups: list[list[int]] = []
    for position, sentence in enumerate(sentences):
        if groups and sentences[groups[-1][0]].unit == sentence.unit:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def distinct_words(text: str) -> set[str]:
    """The words and numbers of a text, without regard to case."""
    return set(re.findall(r"[^\W_]+", text.casefold()))
