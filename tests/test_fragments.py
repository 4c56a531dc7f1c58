"""Words that name something and assert nothing: a bare title is no supported statement, and a heading is a label."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.backends import STANDS
from servers.scripted import Reply, ScriptedServer, serving

from rag.answer.fragments import asserts
from rag.answer.parser import Draft, parse
from rag.chat import Chat, open_chat
from rag.settings import load_settings
from rag.types import Statement

TEXT = """Harbour Works

The harbour bridge was opened to traffic in 1932 by the port authority. Strategic communication keeps ships and pilots \
safe in fog. The harbour offers the following services:

- night pilotage for tankers
- repair of small engines
"""
OPENED = "The harbour bridge was opened to traffic in 1932 by the port authority."
FOG = "Strategic communication keeps ships and pilots safe in fog."
OFFERS = "The harbour offers the following services:"
PILOTAGE = "night pilotage for tankers"


@pytest.mark.parametrize(
    "text",
    [
        "Strategic Communication",
        "Strategies Employed in Military Diplomacy",
        "In 1947.",
        "In May 1947.",
        "France and India",
        "Yes.",
        "Building trust through transparency and verification measures.",
        "Increased trust and enhanced security",
        "Joint exercises and training programs for officers",
        "The highly classified report of the council",
    ],
)
def test_words_without_a_finite_verb_assert_nothing(text: str) -> None:
    assert not asserts(text)


@pytest.mark.parametrize(
    "text",
    [
        "It rains.",
        "Military diplomacy supports regional peace.",
        "Exercises build trust.",
        "The partnership often intersects with trade.",
        "This led to a decline.",
        "France and India signed a treaty in 1998.",
        "The bridge isn't long.",
        "Frameworks also play a vital role.",
        "Ignore the noise.",
        "Gradually they intermarried with their neighbours.",
    ],
)
def test_a_short_sentence_asserts_something(text: str) -> None:
    assert asserts(text)


@pytest.mark.parametrize(
    ("written", "drafts"),
    [
        ("Benefits\nIt rains. [1.1]", [("Benefits", "It rains.")]),
        ("**Benefits**\n\nIt rains. [1.1] It snows. [1.2]", [("Benefits", "It rains."), ("", "It snows.")]),
        ("One\nTwo\nIt rains. [1.1]", [("", "One"), ("Two", "It rains.")]),
        ("Strategic Communication [1.1]\nIt rains. [1.2]", [("", "Strategic Communication"), ("", "It rains.")]),
        ("It rains. [1.1]\nBenefits", [("", "It rains."), ("", "Benefits")]),
    ],
)
def test_a_heading_without_a_marker_belongs_to_the_statement_below_it(
    written: str, drafts: list[tuple[str, str]]
) -> None:
    for pieces in ([written], list(written)):
        assert [(d.label, d.text) for d in parse(pieces) if isinstance(d, Draft)] == drafts


def test_items_are_listed_below_a_lead_in_only() -> None:
    written = "- One [1.1]\nThere are two: [1.1]\n- Two [1.2]\n- Three [1.3]\nThat is all. [1.1]\n- Four [1.4]\n"
    listed = {d.text: d.listed for d in parse([written]) if isinstance(d, Draft) and d.text.startswith("- ")}
    assert listed == {"- One": False, "- Two": True, "- Three": True, "- Four": False}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with serving(STANDS["openai"].wire) as running:
        yield running


@pytest.fixture(scope="module")
def chat(server: ScriptedServer, tmp_path_factory: pytest.TempPathFactory) -> Chat:
    folder: Path = tmp_path_factory.mktemp("harbour")
    (folder / "documents").mkdir()
    (folder / "documents" / "harbour.txt").write_text(TEXT, "utf-8")
    where = {"documents": folder / "documents", "data": folder / "data", "show": "mark"}
    return open_chat(load_settings({**where, "retries": 0}, STANDS["openai"].environ(server.url)))


def said(chat: Chat, server: ScriptedServer, written: str) -> list[Statement]:
    """What becomes of an answer; `{sentence}` in it stands for the number of that sentence in the prompt."""
    server.rehearse(Reply(pieces=("NOT IN THE DOCUMENTS",)))
    backend = STANDS["openai"].spec
    for p, passage in enumerate(chat.ask("What does the harbour offer?", backend=backend).passages, 1):
        for s, sentence in enumerate(passage.chunk.sentences, 1):
            quote = passage.chunk.quote(sentence.start, sentence.end)
            written = written.replace(f"{{{quote}}}", f"[{p}.{s}]")
    assert "{" not in written
    server.rehearse(Reply(pieces=(written,)))
    return list(chat.ask("What does the harbour offer?", backend=backend).statements)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("Strategic Communication", FOG),
        ("- Strategic communication", FOG),
        ("In 1932.", OPENED),
        ("Ships and pilots", FOG),
    ],
)
def test_a_fragment_is_shown_as_partial_however_well_its_words_stand_in_the_cited_sentence(
    chat: Chat, server: ScriptedServer, words: str, sentence: str
) -> None:
    (statement,) = said(chat, server, f"{words} {{{sentence}}}")
    assert (statement.verdict, statement.reason) == (
        "partial",
        "a few words, not a whole statement; read the cited sentence",
    )


def test_a_fragment_whose_words_the_source_does_not_have_is_not_shown_as_a_finding(
    chat: Chat, server: ScriptedServer
) -> None:
    (statement,) = said(chat, server, f"Penguin migration {{{FOG}}}")
    assert statement.verdict == "unsupported"


def test_an_item_below_its_lead_in_and_a_whole_cited_sentence_stay_supported(
    chat: Chat, server: ScriptedServer
) -> None:
    written = f"{OFFERS} {{{OFFERS}}}\n- night pilotage {{{PILOTAGE}}}\n{FOG} {{{FOG}}}\n- {PILOTAGE} {{{PILOTAGE}}}"
    assert [s.verdict for s in said(chat, server, written)] == ["supported"] * 4


def test_a_label_is_shown_where_the_source_has_its_words_and_left_out_where_it_has_not(
    chat: Chat, server: ScriptedServer
) -> None:
    known = said(chat, server, f"## Safe ships\n{FOG} {{{FOG}}}")
    assert [(s.text, s.verdict) for s in known] == [(f"Safe ships: {FOG}", "supported")]
    invented = said(chat, server, f"## Costly failures\n{FOG} {{{FOG}}}")
    assert [(s.text, s.verdict) for s in invented] == [(FOG, "supported")]
