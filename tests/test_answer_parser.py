"""Reading markers and statements out of whatever a model writes, however the stream was cut."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.answer.markers import Marker, markers_in
from rag.answer.parser import Draft, Refused, parse

ONE_ONE = Marker(1, 1)
ONE_TWO = Marker(1, 2)


def drafts(text: str) -> list[tuple[str, list[str]]]:
    return [(d.text, [str(m) for m in d.markers]) for d in parse([text]) if isinstance(d, Draft)]


@pytest.mark.parametrize(
    "written",
    [
        "[1.1]", "[1.1][1.1]", "[[1.1]]", "【1.1】", "［１．１］", "(1.1)", "[ 1.1 ]", "[^1.1]", "[sentence 1.1]", "[Source 1.1]",
    ],
)  # fmt: skip
def test_every_spelling_of_one_marker_points_at_the_same_sentence(written: str) -> None:
    assert markers_in(f"Blue {written}.") == (ONE_ONE,)


@pytest.mark.parametrize("written", ["[1.1, 1.2]", "[1.1; 1.2]", "[1.1-1.2]", "[1.1–1.2]", "[1.1][1.2]", "[1.1 and 1.2]", "(1.1, 1.2)"])  # fmt: skip
def test_lists_and_ranges_point_at_each_sentence(written: str) -> None:
    assert markers_in(written) == (ONE_ONE, ONE_TWO)


def test_a_number_alone_stands_for_the_passage_and_a_range_of_them_for_each() -> None:
    assert markers_in("[2]") == (Marker(2, None),)
    assert markers_in("[2-4]") == (Marker(2, None), Marker(3, None), Marker(4, None))


@pytest.mark.parametrize(
    "text", ["(1)", "(2021)", "[x]", "[see 1.1 below]", "[]", "[1.1", "1.1]", "[1.a]", "a[i]", "⟦1.1⟧"]
)
def test_other_brackets_are_text(text: str) -> None:
    assert markers_in(text) == ()


def test_a_range_without_end_is_not_spelled_out() -> None:
    assert len(markers_in("[1.1-1.9999]")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Blue. [1.1] Green. [2.1]", [("Blue.", ["1.1"]), ("Green.", ["2.1"])]),
        ("Blue [1.1]. Green [2.1].", [("Blue.", ["1.1"]), ("Green.", ["2.1"])]),
        ("It is 3.5 km long. [1.1]", [("It is 3.5 km long.", ["1.1"])]),
        ("The U.S. Army met Dr. No. [1.1] It left.", [("The U.S. Army met Dr. No.", ["1.1"]), ("It left.", [])]),
        ("Blue.\n[1.1]\nGreen. [1.2]", [("Blue.", ["1.1"]), ("Green.", ["1.2"])]),
        ("“Stop!” he said. [1.1] Then he left.", [("“Stop!” he said.", ["1.1"]), ("Then he left.", [])]),
        ("Kinds:\n- One [1.1]\n* Two [1.2]\n3. Three. [1.3]", [("Kinds:", []), ("- One", ["1.1"]), ("- Two", ["1.2"]), ("- Three.", ["1.3"])]),
        ("## Title\n**Bold** claim. [1.1]", [("Bold claim.", ["1.1"])]),
        ("Sentences: [1.1] [2.1]\nBlue. [1.1]", [("Blue.", ["1.1"])]),
        ("Sentences: 1.1, 2.1\n\nBlue. [1.1]", [("Blue.", ["1.1"])]),
        ("Sentences can be long. [1.1]", [("Sentences can be long.", ["1.1"])]),
        ("The text says ⟦1.1⟧ here. [1.2]", [("The text says [1.1] here.", ["1.2"])]),
        ("No end [1.", [("No end [1.", [])]),
        ("", []),
        ("[1.1]", []),
    ],
)  # fmt: skip
def test_statements_end_where_a_reader_would_end_them(text: str, expected: list[tuple[str, list[str]]]) -> None:
    assert drafts(text) == expected


@pytest.mark.parametrize("text", ["NOT IN THE DOCUMENTS", "not in the documents.", "Sentences: none\nNOT IN THE DOCUMENTS", "Sentences: none", '"NOT IN THE DOCUMENTS"'])  # fmt: skip
def test_a_refusal_is_recognised(text: str) -> None:
    assert list(parse([text])) == [Refused()]


PIECES = st.lists(
    st.one_of(
        st.sampled_from(["[1.1]", "[1.", "1]", "【2】", "(1.2)", ". ", "?\n", "\n- ", "Sentences: ", "**Answer:** ", "Question: ", "<1.1>", "(Source: [1.1])", "sentence 1.2", "[NOT IN THE DOCUMENTS", "U.S. ", "[9.9-9.12]", "**", " "]),
        st.text(max_size=12),
    ),
    max_size=20,
)  # fmt: skip


@given(PIECES)
@example(["Blue", ".", " ", "[", "1", ".", "1", "]", "\n", "Green"])
def test_where_the_stream_is_cut_makes_no_difference(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = list(parse([text]))
    assert list(parse(pieces)) == whole
    assert list(parse(list(text))) == whole


@given(PIECES)
def test_no_statement_shows_a_marker_or_is_longer_than_what_was_written(pieces: list[str]) -> None:
    text = "".join(pieces)
    for draft in parse(pieces):
        if isinstance(draft, Draft):
            assert len(draft.text) <= len(text) + 2
            assert "[1.1]" not in draft.text


def test_a_statement_waits_for_the_first_character_after_its_markers_and_for_nothing_later() -> None:
    seen: list[str] = []

    def pieces():  # type: ignore[no-untyped-def]
        for piece in ["Blue. ", "[1.1]", " ", "G", "reen is the tree."]:
            seen.append(piece)
            yield piece

    first = next(iter(parse(pieces())))
    assert first == Draft("Blue.", (ONE_ONE,))
    assert seen[-1] == "G"


def test_a_model_that_never_stops_is_cut_into_statements_in_linear_time() -> None:
    assert len(list(parse(["word " * 400_000]))) > 1_000
