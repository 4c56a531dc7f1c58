"""What the verifier says of statements and the words they cite."""

from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.calibrate import load_rows
from rag.errors import SettingsError
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.verify import Verifier, attribute, idle, narrow, open_verifier

NATO = "NATO’s training exercises in Eastern Europe serve as a form of military diplomacy among 28 member states."
COUNCIL = "The council met on 11 September 2001 and agreed to spend 1.2 billion dollars on schools over three years."
HEDGED = "Countries may hesitate to share intelligence if they perceive some risks to their autonomy."
CHANGES = Path(__file__).parent.parent / "eval" / "calibration" / "changes.jsonl"


def opened(spec: str, model: MiniLM) -> Verifier:
    def no_model(spec: str) -> NoReturn:
        raise AssertionError(f"nobody asks {spec}")

    return open_verifier(spec, model, open_reader("bundled"), no_model)


@pytest.fixture(scope="module")
def verifier(model: MiniLM) -> Verifier:
    return opened("reader", model)


@pytest.mark.parametrize(
    "statement",
    [
        NATO,
        NATO.replace("’", "'"),
        f"- {NATO}",
        f"  {NATO.upper().rstrip('.')} ",
        f"“{NATO}”",
    ],
)
def test_a_quoted_statement_is_supported_with_full_score(verifier: Verifier, statement: str) -> None:
    check = verifier.check(statement, ["Something else.", NATO])
    assert (check.verdict, check.score, check.disagreements) == ("supported", 1.0, ())


@pytest.mark.parametrize("quotes", [[], [""], ["  \n"]])
def test_a_statement_without_citation_is_unsupported_and_says_so(verifier: Verifier, quotes: list[str]) -> None:
    check = verifier.check(NATO, quotes)
    assert (check.verdict, check.score, check.reason) == ("unsupported", 0.0, "no citation")


@pytest.mark.parametrize(
    ("old", "new", "claim", "source"),
    [
        ("1.2 billion", "2.1 billion", "2.1 billion dollars", "1.2 billion dollars"),
        ("2001", "2003", "2003", "2001"),
        ("11 September", "11 March", "March", "September"),
        ("dollars", "euros", "1.2 billion euros", "1.2 billion dollars"),
        ("three years", "three months", "three months", "three years"),
    ],
)
def test_another_number_date_or_unit_in_the_same_place_contradicts_and_is_named(
    verifier: Verifier, old: str, new: str, claim: str, source: str
) -> None:
    statement = COUNCIL.replace(old, new)
    check = verifier.check(statement, [COUNCIL])
    assert check.verdict == "contradicted"
    assert check.score < 0.5
    assert [(one.claim, one.source) for one in check.disagreements] == [(claim, source)]
    assert [statement[start:end] for start, end in check.unsupported_words] == [claim]


def test_a_number_the_source_does_not_give_is_never_supported_and_is_named(verifier: Verifier) -> None:
    statement = HEDGED.replace("Countries", "17 countries")
    check = verifier.check(statement, [HEDGED])
    assert check.verdict != "supported"
    assert [statement[start:end] for start, end in check.unsupported_words] == ["17"]


@pytest.mark.parametrize(
    ("statement", "quote"),
    [
        (NATO.replace("28", "twenty-eight"), NATO),
        (COUNCIL.replace("1.2 billion dollars", "$1.2bn"), COUNCIL),
        (COUNCIL.replace("1.2 billion dollars", "1,200 million dollars"), COUNCIL),
        (COUNCIL.replace("three years", "3.0 years"), COUNCIL),
        ("Forty percent of the budget goes to schools.", "40% of the budget goes to schools."),
        ("The U.S. signed the treaty with Canada.", "The United States signed the treaty with Canada."),
    ],
)
def test_another_spelling_of_the_same_thing_disagrees_with_nothing(
    verifier: Verifier, statement: str, quote: str
) -> None:
    check = verifier.check(statement, [quote])
    assert check.verdict in ("supported", "partial")
    assert not [one for one in check.disagreements if one.kind == "number"]


def test_a_statement_about_something_else_is_unsupported(verifier: Verifier) -> None:
    check = verifier.check("Penguins eat mostly fish and krill.", [NATO])
    assert check.verdict == "unsupported"
    assert check.score < 0.5


def test_the_same_question_always_gets_the_same_answer(model: MiniLM) -> None:
    statements = [NATO.replace("28", "30"), HEDGED, "Penguins eat fish.", "NATO trains soldiers in Europe."]
    first = [opened("reader", model).check(s, [NATO, HEDGED]) for s in statements]
    again = opened("reader", model)
    for other in ("Warm up.", "Another sentence entirely."):
        again.check(other, [COUNCIL])
    assert [again.check(s, [NATO, HEDGED]) for s in reversed(statements)] == first[::-1]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=3))
def test_any_text_at_all_gets_a_verdict_and_a_score_between_none_and_one(
    verifier: Verifier, statement: str, quotes: list[str]
) -> None:
    check = verifier.check(statement, quotes)
    assert 0 <= check.score <= 1
    assert check.verdict == "supported" or check.reason


def test_all_cited_words_together_must_support_the_statement(verifier: Verifier) -> None:
    first, second = "The bridge was opened in 1932.", "The harbour was closed in 1990."
    both = "The bridge was opened in 1932, and the harbour was closed in 1990."
    assert verifier.check(both, [first, second]).verdict in ("supported", "partial")
    assert verifier.check(both, [first]).verdict != "supported"
    assert verifier.check(both, [second]).verdict != "supported"
    assert idle(first, [first, "Penguins eat mostly fish."], verifier) == {1}
    assert idle(first, [first], verifier) == set()


def test_a_passage_is_narrowed_to_the_sentences_that_carry_the_statement(model: MiniLM) -> None:
    sentences = [
        "Penguins eat fish.",
        "The bridge was opened in 1932.",
        "It rained.",
        "The harbour was closed in 1990.",
    ]
    assert narrow("The bridge opened in 1932.", sentences, model) == [1]
    assert narrow("The bridge opened in 1932 and the harbour closed in 1990.", sentences, model) == [1, 3]
    assert narrow("", sentences, model) == []


def test_a_statement_is_attributed_only_to_sentences_that_match_it(model: MiniLM) -> None:
    sentences = ["Penguins eat fish.", "The bridge was opened in 1932."]
    assert attribute("In 1932 the bridge was opened.", sentences, model) == [1]
    assert attribute("Interest rates rose sharply in Brazil.", sentences, model) is None
    assert attribute("Anything.", [], model) is None


def test_near_copies_with_one_word_reversed_are_rarely_shown_as_supported_and_faithful_ones_are_shown(
    verifier: Verifier,
) -> None:
    verdicts: dict[str, Counter[str]] = {}
    for row in load_rows(CHANGES):
        if row["split"] == "reporting":
            check = verifier.check(row["claim"], row["passages"])
            verdicts.setdefault(row["kind"], Counter())[check.verdict] += 1
    share = {kind: {name: n / found.total() for name, n in found.items()} for kind, found in verdicts.items()}
    assert share["copy"]["supported"] == 1
    assert share["one_word_reversed"].get("supported", 0) < 0.05
    assert share["paraphrase"].get("supported", 0) + share["paraphrase"].get("partial", 0) >= 0.8


def test_a_wrong_verifier_is_refused_with_what_can_be_written(model: MiniLM) -> None:
    with pytest.raises(SettingsError, match=r"No verifier called 'oracle'.*reader"):
        opened("oracle", model)
    with pytest.raises(SettingsError, match="judge:BACKEND"):
        opened("judge", model)
    with pytest.raises(SettingsError, match="reader takes nothing"):
        opened("reader:x", model)


def test_the_page_is_told_which_verifier_judged_and_how_good_it_is(verifier: Verifier, model: MiniLM) -> None:
    assert verifier.name == opened("offline", model).name == "reader"
    assert "AUC" in verifier.quality


def test_without_a_verifier_everything_cited_is_to_be_checked_by_the_person_who_reads(model: MiniLM) -> None:
    check = opened("none", model).check(NATO, [NATO])
    assert (check.verdict, check.reason) == ("partial", "not checked")
    assert opened("none", model).check(NATO, []).verdict == "unsupported"
