"""Chunks tile a document exactly and follow its structure."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sentences import TEXTS

from rag.documents import read_document
from rag.documents.chunks import chunk_document
from rag.documents.tokens import count_tokens
from rag.types import Chunk, Document

SENTENCE = "The harbour of the old town was dredged again in the spring of that year. "  # 16 tokens


def read(text: str, name: str = "a.md") -> Document:
    return read_document(text.encode(), name)


def chunks(text: str, chunk_tokens: int = 256) -> list[Chunk]:
    return chunk_document(read(text), chunk_tokens)


def sizes(found: list[Chunk]) -> list[int]:
    return [count_tokens(chunk.text) for chunk in found]


@settings(deadline=None)
@given(text=TEXTS, ending=st.sampled_from([".txt", ".md"]), chunk_tokens=st.integers(40, 400))
def test_chunks_tile_any_text_exactly_and_hold_their_sentences(text, ending, chunk_tokens):
    text = "".join(c for c in text if c not in "\0" and not "\ud800" <= c <= "\udfff") + "a"
    document = read(text, "a" + ending)
    found = chunk_document(document, chunk_tokens)
    assert "".join(chunk.text for chunk in found) == text
    assert [chunk.end for chunk in found[:-1]] == [chunk.start for chunk in found[1:]]
    for chunk in found:
        assert chunk.text == text[chunk.start : chunk.end]
        assert count_tokens(chunk.text) <= 2 * chunk_tokens
        for sentence in chunk.sentences:
            assert chunk.start <= sentence.start < sentence.end <= chunk.end
            assert chunk.quote(sentence.start, sentence.end) == text[sentence.start : sentence.end]
            assert chunk.quote(sentence.start, sentence.end).strip() == text[sentence.start : sentence.end]


def test_every_sentence_stands_in_exactly_one_chunk():
    found = chunks("# Harbour\n\n" + SENTENCE * 100, 60)
    assert sum(len(chunk.sentences) for chunk in found) == 100


def test_a_section_slightly_too_long_for_a_chunk_is_split_evenly():
    paragraph = (SENTENCE * 3).strip() + "\n\n"
    found = sizes(chunks("# Harbour\n\n" + paragraph * 6))
    assert len(found) == 2
    assert max(found) - min(found) < 60


def test_no_chunk_of_a_long_section_is_a_short_tail():
    for paragraphs in range(7, 40):
        found = sizes(chunks("# Harbour\n\n" + ((SENTENCE * 3).strip() + "\n\n") * paragraphs))
        assert min(found) > 80
        assert max(found) <= 256 + 16


def test_a_heading_stays_with_the_text_after_it():
    found = chunks("# Port\n\n" + "".join(f"## Part {n}\n\n### Detail {n}\n\n{SENTENCE * 20}\n\n" for n in range(10)))
    for chunk in found:
        assert not chunk.text.rstrip().splitlines()[-1].startswith("#")
        assert chunk.headings[0] == "Port"
    assert {chunk.headings for chunk in found} == {("Port", f"Part {n}", f"Detail {n}") for n in range(10)}


def test_each_section_is_a_chunk_of_its_own_and_a_tiny_introduction_joins_its_first_subsection():
    found = chunks(
        f"# Port\n\nHello there.\n\n## One\n\n{SENTENCE * 4}\n\n## Two\n\nShort answer.\n\n## Three\n\n{SENTENCE * 4}"
    )
    assert [chunk.text.count("## ") for chunk in found] == [1, 1, 1]
    assert [chunk.headings[-1] for chunk in found] == ["One", "Two", "Three"]


def test_a_list_stays_with_its_lead_in():
    items = "".join(f"- dredger number {n} works in the outer harbour at night\n" for n in range(20))
    for before in range(12):
        found = chunks(f"{SENTENCE * before}\n\nThese ships are used:\n\n{items}\n{SENTENCE * 5}")
        assert sum("These ships are used:" in c.text and "dredger number 19" in c.text for c in found) == 1


def test_editing_one_paragraph_changes_few_chunks_of_a_long_section():
    paragraphs = [f"Ship {n} came in on day {n * 7 % 365}. {SENTENCE}It carried {n * 13} barrels." for n in range(400)]
    before = {chunk.text for chunk in chunks("\n\n".join(paragraphs))}
    for edited in (5, 200, 390):
        changed = [
            *paragraphs[:edited],
            paragraphs[edited] + " Later it sank off the coast.",
            *paragraphs[edited + 1 :],
        ]
        after = {chunk.text for chunk in chunks("\n\n".join(changed))}
        assert len(after - before) <= 4
        assert len(after) > 60


def test_a_character_is_not_parted_from_its_accents():
    found = chunks("e\u0301" * 5_000 + "👩\u200d👩\u200d👧" * 500)
    assert len(found) > 10
    for _, chunk in itertools.pairwise(found):
        assert chunk.text[0] not in "\u0301\u200d"


def test_pages_are_counted_from_one():
    document = Document("a.pdf", "One.\n\n" + SENTENCE * 40, read("x").blocks, pages=(0, 6))
    assert [chunk.page for chunk in chunk_document(document, 60)][-1] == 2


@pytest.mark.parametrize(
    "piece", ["word ", "x", "A short one. ", "One line\n", "- item\n", "😀", "U.S. ", "# Title\n", "a\n\n"]
)
def test_150_kilobytes_of_anything_is_chunked_in_seconds(piece):
    document = read(piece * (150_000 // len(piece)) + "x")
    start = time.process_time()
    found = chunk_document(document, 256)
    assert time.process_time() - start < 10
    assert "".join(chunk.text for chunk in found) == document.text
