"""Whether a text is English, which is what the bundled model reads: by its letters and its commonest words."""

import re

# The commonest words of English; in running English they are about two words in five, elsewhere hardly any.
COMMON = re.compile(
    r"\b(?:the|of|and|to|in|a|is|that|for|it|as|was|with|be|by|on|not|he|his|but|at|are|this|have|from|or|had|an|they|"
    r"which|you|were|her|all|she|there|would|their|we|him|been|has|when|who|will|more|no|if|out|so|said|what|up|its|"
    r"about|into|than|them|can|only|other|new|some|could|time|these|two|may|then|do|first|any|my|now|such|like|our)\b"
)
SAMPLE_CHARACTERS = 20_000
FEWEST_WORDS = 40
LEAST_COMMON_SHARE = 0.12
# The commonest words of German, French, Spanish, Portuguese, Italian and Dutch that are no English words.
FOREIGN = re.compile(
    r"\b(?:der|und|ist|das|ein|eine|nicht|wie|wer|wozu|wann|warum|welche|le|les|des|est|une|que|quoi|quel|quelle|pourquoi|"
    r"comment|dans|pour|el|los|las|es|qué|cuál|cómo|por|para|una|uma|os|não|são|il|di|che|cos|è|della|perché|het|een|"
    r"wat|waarom|hoe|zijn|voor)\b"
)


def language_warning(text: str) -> str | None:
    """One sentence when a text is mostly not English, else None. A short text, a table or code is not judged."""
    sample = text[:SAMPLE_CHARACTERS]
    letters = [character for character in sample if character.isalpha()]
    if len(letters) < 200:
        return None
    if sum(character > "\u024f" for character in letters) > len(letters) / 2:
        return "It is mostly not in Latin letters; the bundled model reads English."
    words = re.findall(r"[^\W\d_]+", sample.lower())
    sentences = re.findall(r"[^\W\d_]{2,}[ ,]+[^\W\d_]{2,}[ ,]+[^\W\d_]{2,}", sample)
    if len(words) < FEWEST_WORDS or len(sentences) * 3 < len(words) / 2:
        return None
    if len(COMMON.findall(sample.lower())) < LEAST_COMMON_SHARE * len(words):
        return "It is mostly not English, which is what the bundled model reads."
    return None


def question_warning(question: str) -> str | None:
    """One sentence when a question is mostly not English, else None."""
    letters = [character for character in question if character.isalpha()]
    if sum(character > "\u024f" for character in letters) > len(letters) / 2:
        return "The question is mostly not in Latin letters; the bundled model reads English."
    if len(set(FOREIGN.findall(question.lower()))) > len(set(COMMON.findall(question.lower()))):
        return "The question does not look English, which is what the bundled model reads."
    return None
