"""Sentences: exact ranges of the text, never a heading, never half of "U.S."."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents import read_document
from rag.documents.sentences import sentences_of
from rag.types import Block, Document

# Pieces that have gone wrong somewhere before, and anything else.
FRAGMENTS = st.sampled_from(
    [
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "\t",
        " ",
        "\u00a0",
        "\u2028",
        "\x85",
        "\x0c",
        "\u200d",
        "e\u0301",
        "👩\u200d👩\u200d👧",
        "😀",
        "שלום. עולם",
        "中文。",
        "- ",
        "* ",
        "1. ",
        "a) ",
        "# ",
        "## ",
        "```\n",
        "~~~",
        "| a | b |\n",
        "|---|---|\n",
        "---\n",
        "===",
        "> ",
        "<!--",
        "-->",
        "See also ",
        "U.S. ",
        "3.5 km. ",
        "Dr. ",
        "approx. 5. ",
        "Key points:\n",
        "A Short Title\n",
        "A sentence. ",
        "Really?! ",
        "“Go.” ",
        "word " * 50,
        "x" * 300,
        ".",
    ]
)
TEXTS = st.lists(st.one_of(FRAGMENTS, st.text(max_size=20)), min_size=1, max_size=40).map("".join)


def read(text: str, name: str = "a.md") -> Document:
    return read_document(text.encode(), name)


def quotes(document: Document) -> list[str]:
    return [document.text[s.start : s.end] for s in sentences_of(document.text, document.blocks)]


@settings(deadline=None)
@given(text=TEXTS, ending=st.sampled_from([".txt", ".md"]))
def test_every_sentence_lies_inside_a_quotable_block_and_overlaps_no_other(text, ending):
    text = "".join(c for c in text if c not in "\0" and not "\ud800" <= c <= "\udfff") + "a"
    document = read(text, "a" + ending)
    assert document.text == text
    position = 0
    blocks = iter(document.blocks)
    block = next(blocks, None)
    for sentence in sentences_of(text, document.blocks):
        assert position <= sentence.start < sentence.end
        position = sentence.end
        while block and block.end <= sentence.start:
            block = next(blocks, None)
        assert block
        assert block.start <= sentence.start < sentence.end <= block.end
        assert block.kind not in ("heading", "link", "notice")
        quote = text[sentence.start : sentence.end]
        assert quote == quote.strip()
        assert any(character.isalnum() for character in quote)


@pytest.mark.parametrize(
    "marked",
    [
        "The U.S. Army trains. | He lives in the U.S. | The end.",
        "It is 3.5 km away. | Walk on.",
        "Dr. Smith et al. (2020) weighed approx. 5 kg. | See Vol. 2, p. 12.",
        "He left at 5 p.m. on Monday, e.g. by train. | So did J. K. Rowling.",
        "“Is it?” she asked. | “No!” he cried. | Done.",
        "Open https://x.org/a?b=C now. | Then wait. | Really?",
        "A claim.[1] | Another claim.[2]",
        "It took approx. twice as long. | The end.",
    ],
)
def test_abbreviations_numbers_quotations_and_addresses_do_not_end_a_sentence(marked):
    assert quotes(read(marked.replace(" | ", " "))) == marked.split(" | ")


def test_headings_links_and_notices_are_no_sentences():
    document = read("# Tides\n\nAI was used to build this content.\n\nThe sea rises.\n\nSee also The Moon\n")
    assert quotes(document) == ["The sea rises."]


def test_a_list_shares_one_unit_with_the_last_sentence_of_its_lead_in():
    document = read("Tides differ. They are:\n\n- spring tides\n- neap tides\n\nBoth matter.")
    sentences = sentences_of(document.text, document.blocks)
    assert [(s.kind, s.unit) for s in sentences] == [
        ("prose", 1),
        ("lead_in", 2),
        ("item", 2),
        ("item", 2),
        ("prose", 3),
    ]


def test_two_lists_never_share_a_unit():
    document = read("# One\n\n- a1\n- a2\n\n# Two\n\n- b1\n\nText.\n\n- c1")
    assert [s.unit for s in sentences_of(document.text, document.blocks)] == [1, 1, 2, 3, 4]


def test_a_list_of_paragraphs_is_quoted_sentence_by_sentence():
    paragraph = "The pier was built of oak. " * 30
    document = read(f"These are the piers:\n\n- {paragraph}\n- {paragraph}")
    sentences = sentences_of(document.text, document.blocks)
    assert len(sentences) == 61
    assert len({sentence.unit for sentence in sentences}) == 61


def test_a_table_of_a_thousand_rows_is_quoted_row_by_row():
    document = read("| Port | Use |\n|---|---|\n" + "".join(f"| {n} | service {n} |\n" for n in range(1000)))
    sentences = sentences_of(document.text, document.blocks)
    assert [sentence.kind for sentence in sentences] == ["lead_in", *["item"] * 1000]
    assert len({sentence.unit for sentence in sentences}) == 1001


@pytest.mark.parametrize("piece", ["word ", "x", "A short one. ", "U.S. ", ".", "“(", "Vol. ", "😀", "a\u0301", "?! "])
def test_the_sentences_of_half_a_megabyte_on_one_line_are_found_in_seconds(piece):
    text = piece * (500_000 // len(piece))
    start = time.process_time()
    sentences_of(text, (Block(0, len(text), "prose"),))
    assert time.process_time() - start < 8
