"""Receipts: what a saved answer still holds of, after its documents, or the receipt itself, have been edited."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from commands import SEEDS, alone_in, pincite
from hypothesis import given
from hypothesis import strategies as st
from scripted_chat import answered, cite, document

from rag.errors import PinciteError, ReadError
from rag.receipts.receipt import read_receipt, receipt
from rag.receipts.recheck import Finding, check, read_today
from rag.settings import Settings, load_settings
from rag.types import Answer, Citation, Document, Statement

SETTINGS = load_settings(environ={})
BRIDGE = document(
    "bridge.md", "# The bridge\n\nIt was opened in 1932. It is closed on Sundays. It carries two lanes.\n"
)
CLOSED = "It is closed on Sundays."
# The same words three times, under headings that tell them apart.
SHOPS = document(
    "shops.md",
    "".join(
        f"## {name}\n\nOpen from nine.\n\nPaid by the {name.lower()}.\n\n" for name in ("Baker", "Tailor", "Smith")
    ),
)
NINE = "Open from nine."


def saying(*citations: Citation) -> Answer:
    return answered("When?", *(Statement(c.quote, "supported", 0.9, citations=(c,)) for c in citations))


def cited_at(source: Document, start: int, end: int) -> Citation:
    return replace(cite(source, source.text[start:end]), start=start, end=end)


def saved(answer: Answer, *sources: Document) -> dict[str, Any]:
    """The receipt as it comes back from a file."""
    texts = {source.id: source.text for source in sources}
    return json.loads(json.dumps(receipt(answer, SETTINGS, texts.get)))  # type: ignore[no-any-return]


def findings(value: object, *texts_today: Document | ReadError, name: str = "bridge.md") -> list[Finding]:
    today = {one.id if isinstance(one, Document) else name: one for one in texts_today}
    return check(read_receipt(json.dumps(value).encode(), "receipt.json"), today)


def after(source: Document, quote: str, text: str) -> Finding:
    """What becomes of the first occurrence of a quote when the document's text is `text`."""
    [finding] = findings(saved(saying(cite(source, quote)), source), replace(source, text=text))
    return finding


def third(source: Document, quote: str) -> Citation:
    start = source.text.rindex(quote)
    return cited_at(source, start, start + len(quote))


def test_a_receipt_says_what_decided_the_answer_and_tells_no_secret_and_no_place(tmp_path: Path) -> None:
    settings = load_settings(
        {"documents": tmp_path / "private", "data": tmp_path, "compatible": "mine=http://hidden.example/v1"},
        environ={"OPENAI_API_KEY": "sk-secret", "PINCITE_COMPATIBLE_KEYS": "mine=sk-other"},
    )
    answer = saying(cite(BRIDGE, CLOSED))
    value = receipt(answer, settings, {"bridge.md": BRIDGE.text}.get, datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert (value["schema"], value["saved"]) == ("pincite.receipt/1", "2026-03-04T05:06:07+00:00")
    assert value["answer"] == json.loads(json.dumps(answer.record()))
    assert set(value["prompts"]) >= {"answer.md", "rewrite.md"}
    assert all(len(digest) == 64 for digest in (value["settings"], value["sha256"], *value["prompts"].values()))
    text = json.dumps(value)
    for secret in ("sk-secret", "sk-other", "hidden.example", str(tmp_path)):
        assert secret not in text
    elsewhere = receipt(answer, SETTINGS, {"bridge.md": BRIDGE.text}.get)
    fewer = receipt(answer, load_settings({"passages": 3}, environ={}), {"bridge.md": BRIDGE.text}.get)
    other = receipt(replace(answer, backend="openai:x"), SETTINGS, {"bridge.md": BRIDGE.text}.get)
    assert value["settings"] == elsewhere["settings"]
    assert len({value["settings"], fewer["settings"], other["settings"]}) == 3


def test_a_citation_of_an_unchanged_document_holds() -> None:
    assert after(BRIDGE, CLOSED, BRIDGE.text).state == "holds"


def test_a_citation_holds_when_only_what_comes_after_it_was_edited() -> None:
    assert after(BRIDGE, CLOSED, BRIDGE.text + "More.\n").state == "holds"


def test_a_quote_that_an_edit_before_it_has_shifted_is_found_at_its_new_offsets() -> None:
    text = BRIDGE.text.replace("1932", "the year 1932")
    finding = after(BRIDGE, CLOSED, text)
    assert (finding.state, finding.reason) == ("moved", None)
    assert finding.now is not None
    assert text[slice(*finding.now)] == CLOSED


def test_a_changed_number_or_a_flipped_negation_is_never_found_again() -> None:
    assert after(BRIDGE, "It was opened in 1932.", BRIDGE.text.replace("1932", "1933")).state == "stale"
    assert after(BRIDGE, CLOSED, BRIDGE.text.replace("is closed", "is not closed")).state == "stale"


def test_words_that_stand_several_times_are_told_apart_by_what_stands_around_them() -> None:
    value = saved(saying(third(SHOPS, NINE)), SHOPS)
    text = "# Opening hours\n\n" + SHOPS.text
    [finding] = findings(value, replace(SHOPS, text=text))
    assert finding.state == "moved"
    assert finding.now == (text.rindex(NINE), text.rindex(NINE) + len(NINE))


@pytest.mark.parametrize(("old", "new"), [("## Smith", "## Forge"), ("Paid by the smith.", "Paid in coin.")])
def test_one_side_that_is_as_it_was_is_enough(old: str, new: str) -> None:
    text = "# Hours\n\n" + SHOPS.text.replace(old, new)
    [finding] = findings(saved(saying(third(SHOPS, NINE)), SHOPS), replace(SHOPS, text=text))
    assert (finding.state, finding.now) == ("moved", (text.rindex(NINE), text.rindex(NINE) + len(NINE)))


def test_another_occurrence_never_stands_in_for_the_one_that_was_cited() -> None:
    baker, tailor, smith = SHOPS.text.split("## ")[1:]
    changed = f"# Hours\n\n## {baker}## {tailor}## {smith.replace('nine', 'ten')}"
    only_one_left = f"# Hours\n\n## {baker}## {smith.replace('nine', 'ten')}"
    for text in (changed, only_one_left):
        [finding] = findings(saved(saying(third(SHOPS, NINE)), SHOPS), replace(SHOPS, text=text))
        assert (finding.state, finding.now) == ("ambiguous", None)


def test_sides_that_point_to_different_places_decide_nothing() -> None:
    baker, tailor, smith = SHOPS.text.split("## ")[1:]
    torn = f"# Hours\n\n## {baker}## {tailor}## {smith.replace('Paid by the smith', 'Free')}\n{NINE}\n\nPaid by the smith.\n\n"
    [finding] = findings(saved(saying(third(SHOPS, NINE)), SHOPS), replace(SHOPS, text=torn))
    assert (finding.state, finding.now) == ("ambiguous", None)


def test_as_much_is_kept_of_what_stands_around_as_tells_one_place_from_the_other() -> None:
    same = "These are the terms on which every single one of our contracts is made. "
    source = document("terms.txt", f"Sale. {same}Pay at once. {same}Rent. {same}Pay at once. {same}Loan.")
    text = "Terms. " + source.text
    [finding] = findings(saved(saying(third(source, "Pay at once.")), source), replace(source, text=text))
    assert finding.now == (text.rindex("Pay at once."), text.rindex("Pay at once.") + 12)


def test_words_that_stand_everywhere_alike_are_ambiguous_once_they_shift() -> None:
    source = document("chorus.txt", "La la la.\n" * 400)
    citation = cited_at(source, 2000, 2009)
    [finding] = findings(saved(saying(citation), source), replace(source, text="Sing:\n" + source.text))
    assert finding.state == "ambiguous"


def test_a_document_that_is_not_there_or_cannot_be_read_is_gone() -> None:
    value = saved(saying(cite(BRIDGE, CLOSED)), BRIDGE)
    assert [f.state for f in findings(value)] == ["gone"]
    [finding] = findings(value, ReadError("bridge.md is empty."))
    assert (finding.state, finding.reason) == ("gone", "is empty")


def test_a_quote_that_was_edited_by_hand_never_holds_whatever_became_of_the_document() -> None:
    value = saved(saying(cite(BRIDGE, "It was opened in 1932.")), BRIDGE)
    shifted = replace(BRIDGE, text="Note.\n\n" + BRIDGE.text)
    for quote in (
        "It was opened in 1933.",
        "It was opened",
        "It carries two lanes.",
        CLOSED,
        "It was opened in 1932. ",
    ):
        forged = copy.deepcopy(value)
        forged["answer"]["statements"][0]["citations"][0]["quote"] = quote
        for today in (BRIDGE, shifted):
            assert [f.state for f in findings(forged, today)] == ["stale"]
            assert read_receipt(json.dumps(forged).encode(), "r").intact is False
            assert [f.state for f in findings(forged["answer"], today)] == ["stale"]


def test_a_quote_exchanged_for_other_words_of_the_document_is_not_found_as_if_it_had_been_cited() -> None:
    lanes = replace(BRIDGE, text=BRIDGE.text.replace("two lanes.", "two lanes!!"))
    value = saved(saying(cite(lanes, "It was opened in 1932.")), lanes)
    value["answer"]["statements"][0]["citations"][0]["quote"] = "It carries two lanes!!"
    assert [f.state for f in findings(value, lanes)] == ["stale"]
    assert [f.state for f in findings(value, replace(lanes, text="Note.\n" + lanes.text))] == ["ambiguous"]


def test_offsets_that_were_edited_by_hand_never_hold() -> None:
    forged = saved(saying(cite(BRIDGE, CLOSED)), BRIDGE)
    forged["answer"]["statements"][0]["citations"][0]["start"] += 1
    forged["answer"]["statements"][0]["citations"][0]["end"] += 1
    assert [f.state for f in findings(forged, BRIDGE)] == ["stale"]


def test_a_receipt_that_was_indented_anew_is_intact_and_one_with_another_statement_is_not() -> None:
    value = saved(saying(cite(BRIDGE, CLOSED)), BRIDGE)
    assert read_receipt(json.dumps(value, indent=7).encode("utf-8-sig"), "r").intact is True
    value["answer"]["statements"][0]["text"] = "It is never closed."
    assert read_receipt(json.dumps(value).encode(), "r").intact is False


def test_a_bare_answer_record_is_a_receipt_too() -> None:
    record = saying(cite(BRIDGE, CLOSED)).record()
    assert read_receipt(json.dumps(record).encode(), "r").intact is None
    assert [f.state for f in findings(record, BRIDGE)] == ["holds"]
    assert [f.state for f in findings(record, replace(BRIDGE, text="Oh.\n" + BRIDGE.text))] == ["moved"]
    assert [f.state for f in findings(record, replace(BRIDGE, text=f"Oh. {CLOSED}\n" + BRIDGE.text))] == ["ambiguous"]


def test_a_document_that_changed_since_it_was_cited_gives_no_surroundings() -> None:
    value = saved(saying(cite(BRIDGE, CLOSED)), replace(BRIDGE, text=BRIDGE.text.upper()))
    assert value["surroundings"] == []


TEXTS = st.text(st.sampled_from("ab. \n"), max_size=60)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.text(st.sampled_from("ab."), min_size=1, max_size=6))
def test_an_edit_elsewhere_never_makes_a_citation_stale(
    before: str, behind: str, new_before: str, new_behind: str, quote: str
) -> None:
    source = document("a.txt", before + quote + behind)
    citation = cited_at(source, len(before), len(before) + len(quote))
    text = new_before + quote + new_behind
    [finding] = findings(saved(saying(citation), source), replace(source, text=text))
    assert finding.state in ("holds", "moved", "ambiguous")
    assert finding.now is None or text[slice(*finding.now)] == quote
    if all(words.find(quote) == words.rfind(quote) for words in (source.text, text)):
        assert finding.state == ("holds" if len(before) == len(new_before) else "moved")


@given(TEXTS, TEXTS, TEXTS, st.text(st.sampled_from("ab. "), min_size=2, max_size=20), st.data())
def test_an_edit_inside_a_quote_always_makes_it_stale(
    before: str, behind: str, new_before: str, words: str, data: st.DataObject
) -> None:
    quote = f"x{words}y"  # which stands nowhere else
    source = document("a.txt", before + quote + behind)
    at = data.draw(st.integers(0, len(quote) - 1))
    cut = data.draw(st.integers(0, len(quote) - at))
    put = data.draw(st.text(st.sampled_from("ab. xy"), min_size=0 if cut else 1, max_size=5))
    edited = quote[:at] + put + quote[at + cut :]
    citation = cited_at(source, len(before), len(before) + len(quote))
    for start in (before, new_before):
        text = start + edited + behind
        [finding] = findings(saved(saying(citation), source), replace(source, text=text))
        assert (finding.state == "stale") is (quote not in text)
        assert quote in edited or finding.state == "stale"


@given(st.integers(0, 2), TEXTS, st.integers(0, len(NINE) - 1))
def test_an_edit_inside_a_quote_that_stands_elsewhere_too_never_finds_it_there(which: int, new: str, at: int) -> None:
    starts = [n for n in range(len(SHOPS.text)) if SHOPS.text.startswith(NINE, n)]
    start = starts[which]
    text = f"{new}\n{SHOPS.text[: start + at]}§{SHOPS.text[start + at + 1 :]}"
    value = saved(saying(cited_at(SHOPS, start, start + len(NINE))), SHOPS)
    [finding] = findings(value, replace(SHOPS, text=text))
    assert finding.state in ("ambiguous", "stale")


@pytest.fixture
def folder(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The documents folder that the commands look into."""
    alone_in(tmp_path, monkeypatch, PINCITE_DOCUMENTS=settings.documents, PINCITE_DATA=settings.data)
    (settings.documents / "bridge.md").write_text(BRIDGE.text, "utf-8")
    return settings.documents


def test_todays_documents_are_read_from_the_folder_rows_of_a_corpus_too(folder: Path) -> None:
    rows = [{"id": "a", "text": "First row."}, {"id": 2, "title": "Two", "text": "Second row."}]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nbroken\n", "utf-8")
    (folder / "empty.txt").write_bytes(b"")
    names = ["bridge.md", "corpus.jsonl#2", "corpus.jsonl#9", "empty.txt", "none.txt", "../documents/bridge.md"]
    found = read_today(folder, names)
    assert {name: one.text for name, one in found.items() if isinstance(one, Document)} == {
        "bridge.md": BRIDGE.text,
        "corpus.jsonl#2": "Two\n\nSecond row.",
    }
    assert str(found["empty.txt"]) == "empty.txt is empty."
    assert len(found) == 3


def test_an_answer_is_saved_and_verified_until_its_words_change(folder: Path) -> None:
    asked = pincite("ask", "When was the bridge opened?", "--receipt", "r.json")
    assert asked.code == 0
    same = pincite("verify", "r.json")
    assert (same.code, same.error) == (0, "")
    assert same.text.startswith("holds     bridge.md, characters 14-36: “It was opened in 1932.”\n")

    (folder / "bridge.md").write_text(BRIDGE.text.replace("# The bridge", "# The harbour bridge"), "utf-8")
    moved = pincite("verify", "r.json")
    assert moved.code == 0
    assert moved.text.startswith("moved     bridge.md, characters 14-36, now 22-44: “It was opened in 1932.”\n")

    (folder / "bridge.md").write_text(BRIDGE.text.replace("1932", "1934"), "utf-8")
    stale = pincite("verify", "r.json", "--json")
    assert stale.code == 1
    first = stale.json["citations"][0]
    assert (first["state"], first["now"], first["quote"]) == ("stale", None, "It was opened in 1932.")
    assert stale.json["counts"]["stale"] >= 1
    assert stale.json["intact"] is True


def test_what_ask_prints_as_json_can_be_verified_without_an_index(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(saying(cite(BRIDGE, CLOSED)).record()), "utf-8")
    ran = pincite("verify", "answer.json")
    assert (ran.code, ran.text.splitlines()[-1]) == (0, "1 of 1 citation still holds.")
    assert not (tmp_path / "data").exists()


def test_an_answer_that_cites_nothing_has_nothing_to_go_stale(folder: Path, tmp_path: Path) -> None:
    record = Answer("Who?", "Who?", "abstained", "The documents do not say.").record()
    (tmp_path / "answer.json").write_text(json.dumps(record), "utf-8")
    ran = pincite("verify", "answer.json")
    assert (ran.code, ran.text) == (0, "The answer cites nothing.\n")


def test_an_edited_receipt_is_said_to_be_one(folder: Path, tmp_path: Path) -> None:
    value = saved(saying(cite(BRIDGE, CLOSED)), BRIDGE)
    value["answer"]["statements"][0]["text"] = "It is never closed."
    (tmp_path / "r.json").write_text(json.dumps(value), "utf-8")
    ran = pincite("verify", "r.json")
    assert ran.code == 1
    assert ran.text.endswith("1 of 1 citation still holds. The receipt was edited after it was saved.\n")


GOOD = saying(cite(BRIDGE, CLOSED)).record()
BAD_CITATION = json.loads(json.dumps(GOOD))
BAD_CITATION["statements"][0]["citations"][0]["start"] = -1
EMPTY_QUOTE = json.loads(json.dumps(GOOD))
EMPTY_QUOTE["statements"][0]["citations"][0] |= {
    "quote": "",
    "end": EMPTY_QUOTE["statements"][0]["citations"][0]["start"],
}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"hello", b"\xff\xfe", b"[]", b"{}", b"null", b"7", b"[" * 100_000, b"1" * 5000,
        b'{"schema": "pincite.receipt/2", "answer": {}}', b'{"schema": "pincite.receipt/1"}',
        b'{"schema": "pincite.answer/1", "question": "?", "statements": [1]}',
        json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode(),
        json.dumps(BAD_CITATION).encode(), json.dumps(EMPTY_QUOTE).encode(),
    ],
)  # fmt: skip
def test_what_is_no_receipt_is_refused_in_one_line(folder: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r.json").write_bytes(data)
    ran = pincite("verify", "r.json")
    assert (ran.code, ran.out, len(ran.lines)) == (1, b"", 1)
    assert "'r.json' is not a receipt: " in ran.error


def test_a_receipt_that_is_not_there_or_cannot_be_written_is_one_line(folder: Path, tmp_path: Path) -> None:
    for ran in (pincite("verify", "none.json"), pincite("verify", tmp_path)):
        assert (ran.code, len(ran.lines)) == (1, 1)
    ran = pincite("ask", "When was the bridge opened?", "--receipt", tmp_path / "none" / "r.json")
    assert (ran.code, ran.lines[-1].startswith("pincite: The receipt "), ran.text) == (1, True, "")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_any_other_json_is_refused_in_words(value: object) -> None:
    for whole in (value, {**GOOD, "statements": value}, {"schema": "pincite.receipt/1", "answer": value}):
        try:
            read = read_receipt(json.dumps(whole).encode(), "r")
        except PinciteError as error:
            assert "is not a receipt" in str(error)
        else:
            assert read.citations == ()


def test_every_citation_of_the_seeds_holds_and_survives_an_edit_elsewhere() -> None:
    names = [path.name for path in sorted(SEEDS.iterdir())]
    today = read_today(SEEDS, names)
    sources = [one for one in today.values() if isinstance(one, Document)]
    assert len(sources) == len(names)
    citations = [
        cited_at(source, start, start + 120) for source in sources for start in range(0, len(source.text) - 120, 2000)
    ]
    value = saved(saying(*citations), *sources)
    assert {f.state for f in findings(value, *sources)} == {"holds"}
    edited = [replace(source, text=f"A new first line.\n{source.text}") for source in sources]
    found = findings(value, *edited)
    assert {f.state for f in found} == {"moved"}
    assert all(f.now == (f.cited.start + 18, f.cited.end + 18) for f in found)


def test_words_that_other_converters_read_otherwise_are_said_to_be_stale_for_that() -> None:
    value = saved(saying(cite(BRIDGE, CLOSED)), BRIDGE)
    del value["converters"], value["sha256"]  # as receipts were before converters were counted
    [finding] = findings(value, replace(BRIDGE, text=BRIDGE.text.replace("closed on", "closed\non")))
    assert finding.state == "stale"
    assert "read in another way" in (finding.reason or "")
    [finding] = findings(value, BRIDGE)
    assert finding.state == "holds"
