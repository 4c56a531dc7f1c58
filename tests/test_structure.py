"""What a document is made of: headings, paragraphs, lists, link lines and notices, as exact ranges of its text."""

import time
from pathlib import Path

import pytest

from rag.documents import read_document
from rag.types import Document

SEEDS = Path(__file__).parent.parent / "seeds"


def text(source: str) -> Document:
    return read_document(source.encode(), "a.txt")


def markdown(source: str) -> Document:
    return read_document(source.encode(), "a.md")


def blocks(document: Document) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def headings(document: Document) -> list[tuple[int, str]]:
    return [(b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind == "heading"]


def seed(name: str) -> Document:
    return read_document((SEEDS / name).read_bytes(), name)


def test_the_headings_of_a_seed_with_empty_lines_between_paragraphs_are_found():
    assert headings(seed("000_645161d1d79e9746.txt")) == [
        (1, "Military Diplomacy in Counter-Terrorism: Strategies and Impact"),
        *(
            (2, line)
            for line in (
                "The Role of Military Diplomacy in Counter-Terrorism",
                "Key Components of Military Diplomacy",
                "The Impact of Military Diplomacy on Terrorism Prevention",
                "Intelligence Sharing",
                "Capacity Building and Training",
                "Case Studies: Successful Military Diplomacy in Counter-Terrorism",
                "Challenges Faced in Military Diplomacy",
                "The Role of Multinational Organizations in Military Diplomacy",
                "United Nations Initiatives",
                "Regional Alliances",
                "The Evolution of Military Diplomacy in Counter-Terrorism",
                "Measuring the Effectiveness of Military Diplomacy",
                "Future Directions for Military Diplomacy in Counter-Terrorism",
                "Emerging Threats",
                "Technological Advancements",
                "Understanding the Broader Implications of Military Diplomacy in Counter-Terrorism",
            )
        ),
    ]


def test_the_headings_of_a_seed_without_empty_lines_are_found():
    assert headings(seed("001_0714f8d69ca3a668.txt")) == [
        (2, line)
        for line in (
            "Military Cooperation in Counter-Terrorism: An Overview",
            "The Importance of Military Diplomacy",
            "Historical Context of Military Cooperation",
            "Key Components of Effective Military Cooperation",
            "Case Studies of Successful Military Cooperation",
            "Challenges Faced in Military Cooperation",
            "Political Differences",
            "Legal and Ethical Issues",
            "The Role of Technology in Counter-Terrorism",
            "Future Trends in Military Cooperation",
            "Diplomatic Strategies for Enhancing Cooperation",
            "Building Trust Among Nations",
            "Communication and Coordination",
            "The Path Forward in Military Cooperation for Counter-Terrorism",
        )
    ]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("000_645161d1d79e9746.txt", {"heading": 17, "link": 3, "notice": 0, "lead_in": 3, "item": 9}),
        ("001_0714f8d69ca3a668.txt", {"heading": 14, "link": 0, "notice": 0, "lead_in": 2, "item": 6}),
        ("002_9e11997a2b13d6a5.txt", {"heading": 18, "link": 0, "notice": 0, "lead_in": 2, "item": 6}),
        ("003_dd7c05883146a81e.txt", {"heading": 16, "link": 0, "notice": 0, "lead_in": 2, "item": 11}),
        ("004_7d795a59350bebdd.txt", {"heading": 22, "link": 4, "notice": 1, "lead_in": 2, "item": 10}),
    ],
)
def test_the_seeds_hold_these_many_headings_links_notices_and_list_items(name, counts):
    kinds = [block.kind for block in seed(name).blocks]
    assert {kind: kinds.count(kind) for kind in counts} == counts


def test_see_also_lines_and_notices_are_told_from_prose():
    document = text(
        "Tides\n\nAI was used to build this content. Please verify it.\n\nThe sea rises twice a day.\n\n"
        "See also\u00a0 The Moon\n\nSee also Chapter 3.\n\nSimilar Posts"
    )
    assert [kind for kind, _ in blocks(document)] == ["heading", "notice", "prose", "link", "link", "link"]


def test_the_first_line_of_a_wrapped_paragraph_is_no_heading():
    document = text(
        "On Tides\n\nThe sea rises and falls twice a day because of the pull of the\n"
        "moon and the sun on the water of the oceans, which follows them\naround the globe.\n\n"
        "Spring tides happen when the moon and the sun stand in one line and\ntheir pull adds up to more than usual.\n"
    )
    assert [kind for kind, _ in blocks(document)] == ["heading", "prose", "prose"]
    assert blocks(document)[1][1].endswith("around the globe.")


def test_lines_that_state_facts_are_quotable():
    facts = "Founded: 1987\nEmployees: 120\nSeat: Lyon\nChair: Jane Smith\nMail: jane@example.org"
    assert {kind for kind, _ in blocks(text(facts))} == {"prose"}
    assert ("prose", "Opening hours: 9 to 5") in blocks(
        text("The Museum\n\nOpening hours: 9 to 5\n\nIt is closed on Monday.")
    )


def test_a_short_line_that_heads_nothing_is_quotable():
    assert blocks(text("Dear all,\n\nThe meeting moves to noon.\n\nJane Smith")) == [
        ("prose", "Dear all,"),
        ("prose", "The meeting moves to noon."),
        ("prose", "Jane Smith"),
    ]
    assert blocks(text("Hello World")) == [("prose", "Hello World")]


def test_a_poem_is_not_a_row_of_headings():
    poem = "The Owl\nSat in an oak\nThe more it saw\nThe less it spoke\nThe less it spoke\nThe more it heard"
    assert {kind for kind, _ in blocks(text(poem))} == {"prose"}


def test_numbered_sections_are_headings_and_numbered_lists_are_lists():
    document = text(
        "1. Introduction\n\nThe harbour was dredged in the spring of that year.\n\n2.1 Scope\n\n"
        "This part covers the outer harbour and two piers:\n\n1. North pier\n2. South pier\n\nBoth were built of oak."
    )
    assert headings(document) == [(1, "1. Introduction"), (3, "2.1 Scope")]
    assert [name for kind, name in blocks(document) if kind == "item"] == ["North pier", "South pier"]


def test_a_question_that_a_paragraph_answers_is_a_heading():
    document = text("How do I pay?\n\nYou can pay by card, by transfer or in cash at the counter of any branch.")
    assert headings(document) == [(1, "How do I pay?")]


def test_a_marker_alone_takes_the_next_paragraph_as_its_item():
    assert blocks(text("Tools are:\n- \n\nHammers.\n- \n\nNails.")) == [
        ("lead_in", "Tools are:"),
        ("item", "Hammers."),
        ("item", "Nails."),
    ]


def test_markdown_headings_keep_their_depth_in_every_spelling():
    document = markdown("# One #\n\nText.\n\nTwo\n---\n\nText.\n\n### Three\nText.\n\n**Four**\n\nText.\n\n    # five")
    assert headings(document) == [(1, "One"), (2, "Two"), (3, "Three"), (6, "Four"), (1, "five")]


def test_markdown_code_and_tables_are_quotable_line_by_line():
    document = markdown(
        "Type this:\n\n```sh\nmake chat\n# not a heading\n```\n\n"
        "| Port | Use |\n|---|:--|\n| 80 | web |\n| 22 | shell |\n\nDone."
    )
    assert blocks(document) == [
        ("lead_in", "Type this:"),
        ("item", "make chat"),
        ("item", "# not a heading"),
        ("lead_in", "Port | Use"),
        ("item", "80 | web"),
        ("item", "22 | shell"),
        ("prose", "Done."),
    ]


def test_front_matter_gives_the_title_and_is_not_quoted():
    document = markdown('---\ntitle: "On Tides"\ndraft: true\n---\n\nThe sea rises.\n')
    assert document.title == "On Tides"
    assert blocks(document) == [("heading", "On Tides"), ("notice", "draft: true"), ("prose", "The sea rises.")]


def test_markdown_rules_comments_tags_images_and_link_lists_are_not_quoted():
    document = markdown(
        "Before.\n\n***\n\n<!-- a\nb -->\n\n<div align=center>\n\n![A map](map.png)\n\n- [One](#one)\n- [Two](#two)\n\n"
        "[ref]: http://example.org\n\n> Quoted words\n> go on.\n\n- [x] Done task\n"
    )
    assert [(kind, line) for kind, line in blocks(document) if kind != "link"] == [
        ("prose", "Before."),
        ("prose", "Quoted words\n> go on."),
        ("item", "Done task"),
    ]


def test_a_list_item_keeps_its_continuation_lines():
    document = markdown("Steps:\n\n1. Open the valve\n   and wait.\n2. Close it\nagain.\n   - slowly\n\nEnd.")
    assert [line for kind, line in blocks(document) if kind == "item"] == [
        "Open the valve\n   and wait.",
        "Close it\nagain.",
        "slowly",
    ]


@pytest.mark.parametrize("ending", [".txt", ".md"])
@pytest.mark.parametrize(
    "line",
    [
        "x",
        "- x\n",
        "# ",
        "a | b\n",
        "<!--\n",
        "```\n",
        "1. \n",
        "> ",
        "<a ",
        "**",
        "[](",
        "--- ",
        "A: 1\n",
        "\t \r\n x",
    ],
)
def test_the_blocks_of_200_kilobytes_of_anything_are_found_in_a_second(line, ending):
    data = (line * (200_000 // len(line))).encode()
    start = time.process_time()
    document = read_document(data + b"x", "a" + ending)
    assert time.process_time() - start < 5
    assert all(a.end <= b.start for a, b in zip(document.blocks, document.blocks[1:], strict=False))
