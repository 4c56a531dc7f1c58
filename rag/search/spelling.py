"""Misspelt words of a question, put right by the words of the passages that were found for it.

A word is taken for misspelt when neither it nor its stem is a piece that the model knows whole, no passage has it,
and a word of the passages is almost the same. Names are left alone.
"""

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence

from rag.models.minilm import MiniLM
from rag.types import Passage

WORD = re.compile(r"[^\W\d_]{5,}")
# Ratcliff and Obershelp's similarity from 0 to 1, as difflib computes it.
ALIKE = 0.82
# Words that share so much of the shorter one's beginning are forms of one word.
SAME_STEM = 0.85
ENDINGS = ("s", "es", "ed", "d", "ing", "ings", "er", "ers", "or", "ors", "ly", "dom", "ful", "less", "ness", "cy", "t")


def corrected(question: str, passages: Sequence[Passage], model: MiniLM) -> str:
    """The question with the words replaced that stand misspelt in it; most often the question as it is."""
    doubtful = [word for word in dict.fromkeys(WORD.findall(question)) if _doubtful(word, question, model)]
    if not doubtful:
        return question
    known = {word.lower() for passage in passages for word in WORD.findall(passage.chunk.text)}
    for word in doubtful:
        near = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=ALIKE)
        if word.lower() not in known and near and _is_slip(word.lower(), near[0]):
            question = re.sub(rf"\b{word}\b", near[0], question)
    return question


def _doubtful(word: str, question: str, model: MiniLM) -> bool:
    """Whether a word may be misspelt: it is no name, and the model knows neither it nor its stem whole."""
    is_name = word[0].isupper() and not question.startswith(word)
    return not is_name and all(len(model.words(form)) > 1 for form in _forms(word.lower()))


def _is_slip(word: str, known: str) -> bool:
    """Whether two words that are almost the same begin alike and differ in more than their ending."""
    shared = sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], zip(word, known, strict=False)))
    return 0 < shared < SAME_STEM * min(len(word), len(known))


def _forms(word: str) -> Iterator[str]:
    """The word, and what it may be a form of."""
    yield word
    for ending in ENDINGS:
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            yield from (stem, stem + "e", stem + "y", stem + "t")
            if stem.endswith("i"):
                yield stem[:-1] + "y"
