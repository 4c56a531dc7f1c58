"""Turning the numbers of a draft into citations: exact characters of a document, copied by us."""

import re
from collections.abc import Sequence

from rag.answer.parser import Draft
from rag.documents.passages import flat
from rag.models.minilm import MiniLM
from rag.types import Citation, Origin, Passage, Sentence
from rag.verify import attribute, narrow

# A statement without a marker is compared with this many sentences, those that share most words with it.
ATTRIBUTION_SENTENCES = 16


def resolve(draft: Draft, passages: Sequence[Passage], model: MiniLM) -> tuple[tuple[Citation, ...], tuple[str, ...]]:
    """The citations of a draft, each place once, and the markers that name nothing, as written.

    A marker for a whole passage is narrowed to the sentences that carry the statement. A draft without markers gets
    one attempt at attribution.
    """
    if not draft.markers:
        return _attributed(draft, passages, model), ()
    found: list[Citation] = []
    dangling: list[str] = []
    for marker in draft.markers:
        passage = passages[marker.passage - 1] if 1 <= marker.passage <= len(passages) else None
        sentences = passage.chunk.sentences if passage else ()
        if passage is None or (marker.sentence is not None and not 1 <= marker.sentence <= len(sentences)):
            dangling.append(str(marker))
        elif marker.sentence is not None:
            found.append(_citation(passage, sentences[marker.sentence - 1], "cited"))
        else:
            texts = [flat(passage.chunk.quote(s.start, s.end)) for s in sentences]
            found += [_citation(passage, sentences[i], "narrowed") for i in narrow(draft.text, texts, model)]
    places = {(c.document, c.start, c.end): c for c in reversed(found)}
    return tuple(c for c in dict.fromkeys(found) if places[c.document, c.start, c.end] is c), tuple(dangling)


def _attributed(draft: Draft, passages: Sequence[Passage], model: MiniLM) -> tuple[Citation, ...]:
    words = _words(draft.text)
    pairs = [(p, s, flat(p.chunk.quote(s.start, s.end))) for p in passages for s in p.chunk.sentences]
    likely = sorted(range(len(pairs)), key=lambda i: (-len(words & _words(pairs[i][2])), i))[:ATTRIBUTION_SENTENCES]
    likely.sort()
    chosen = attribute(draft.text, [pairs[i][2] for i in likely], model) if likely else None
    return tuple(_citation(pairs[likely[i]][0], pairs[likely[i]][1], "attributed") for i in chosen or ())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


def _citation(passage: Passage, sentence: Sentence, origin: Origin) -> Citation:
    chunk = passage.chunk
    quote = chunk.quote(sentence.start, sentence.end)
    page, label = chunk.page_at(sentence.start), chunk.page_label_at(sentence.start)
    return Citation(
        chunk.document, chunk.sha256, sentence.start, sentence.end, quote, page, chunk.headings, origin, label
    )
