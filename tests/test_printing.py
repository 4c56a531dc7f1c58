"""An answer in plain text: marks and their places, lists, cautions, what was withheld, and refusals."""

import dataclasses

import pytest
from scripted_chat import answered, cite, document, passage

from rag.types import Answer, Disagreement, Notice, Statement
from ui.cli.ask import print_answer

BRIDGE = document("bridge.md", "The bridge was opened in 1932. It is 503 metres long. It is grey.")
OPENED = cite(BRIDGE, "The bridge was opened in 1932.", ("The bridge", "History"))
LONG = cite(BRIDGE, "It is 503 metres long.")


def printed(answer: Answer, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    print_answer(answer)
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_the_same_words_keep_their_number_and_are_quoted_when_the_answer_says_them_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = answered(
        "How old is it?",
        Statement("It has stood since 1932.", "supported", 0.9, citations=(OPENED,)),
        Statement("It is 503 metres long.", "supported", 0.9, citations=(LONG, OPENED)),
    )
    assert printed(answer, capsys)[0] == (
        "It has stood since 1932. [1] It is 503 metres long. [2][1]\n\n"
        "[1] bridge.md › History, characters 0-30\n"
        "    “The bridge was opened in 1932.”\n"
        "[2] bridge.md, characters 31-53\n"
    )


def test_lists_are_printed_as_lists_and_what_was_withheld_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    answer = answered(
        "What is known?",
        Statement("Two things are known:", "supported", 0.9),
        Statement("- It was opened in 1932.", "supported", 0.9),
        Statement("- It is 503 metres long.", "supported", 0.9),
        Statement("That is all.", "supported", 0.9),
        withheld=(Statement("It is red.", "contradicted", 0.1), Statement("It hums.", "unsupported", 0.1)),
    )
    assert printed(answer, capsys)[0] == (
        "Two things are known:\n- It was opened in 1932.\n- It is 503 metres long.\nThat is all.\n\n"
        "1 contradicted and 1 unsupported statements withheld; --json shows what and why.\n"
    )


def test_a_statement_to_be_careful_with_says_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    changed = Disagreement("1933", "1932", "number")
    unknown = Disagreement("Tuesday", None, "name")
    answer = answered(
        "When?", Statement("Opened on a Tuesday in 1933.", "partial", 0.5, None, (changed, unknown), (OPENED,))
    )
    assert printed(answer, capsys)[0].startswith(
        "Opened on a Tuesday in 1933. [1] (check this: “1933” here, “1932” in the source; "
        "“Tuesday” is not in the cited words)\n"
    )


def test_a_refusal_offers_the_nearest_passages_as_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer("Who?", "Who?", "abstained", "The documents do not say who.", passages=(passage(BRIDGE, 0, 65),))
    out, error = printed(answer, capsys)
    assert out.startswith("The documents do not say who.\n\nNearest passages (not an answer):\n- bridge.md, ")
    assert "characters 0-65: The bridge was opened in 1932." in out
    assert error == ""


def test_notices_go_to_standard_error_and_a_greeting_needs_none(capsys: pytest.CaptureFixture[str]) -> None:
    cut = answered("x", Statement("Y.", "supported", 1.0), notices=(Notice("stream_cut", "It broke\noff."),))
    assert printed(cut, capsys)[1] == "Note: It broke off.\n"
    hello = Answer("hi", "hi", "abstained", "Hello.", notices=(Notice("greeting", "No answer."),))
    assert printed(hello, capsys) == ("Hello.\n", "")


def test_what_was_searched_for_instead_of_the_question_is_said_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slip = answered("What is hybird?", Statement("Y.", "supported", 1.0))
    out, error = printed(dataclasses.replace(slip, search_question="What is\nhybrid?"), capsys)
    assert (out, error) == ("Y.\n", "Searched for: What is hybrid?\n")
