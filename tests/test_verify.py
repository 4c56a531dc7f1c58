"""What the offline verifier says of statements and the words they cite."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.verify.words import opposite, stem

from rag.errors import SettingsError
from rag.models.minilm import MiniLM
from rag.verify import Verifier, attribute, idle, narrow, open_verifier

NATO = "NATO’s training exercises in Eastern Europe serve as a form of military diplomacy among 28 member states."
COUNCIL = "The council met on 11 September 2001 and agreed to spend 1.2 billion dollars on schools over three years."
HEDGED = "Countries may hesitate to share intelligence if they perceive some risks to their autonomy."
WORDS = ["the", "a", "Paris", "12", "not", "river", "stands", "by", "old", "May"]
PLATFORM = "Encrypted tools prevent interception and protect sensitive data from theft."


@pytest.fixture(scope="module")
def verifier(model: MiniLM) -> Verifier:
    return open_verifier("offline", model)


@pytest.mark.parametrize(
    "statement",
    [
        NATO,
        NATO.replace("’", "'"),
        f"- {NATO}",
        f"  {NATO.upper().rstrip('.')} ",
        "serve as a form of military diplomacy",
        f"“{NATO}”",
    ],
)
def test_a_quoted_statement_is_supported_with_full_score(verifier: Verifier, statement: str) -> None:
    check = verifier.check(statement, ["Something else.", NATO])
    assert (check.verdict, check.score, check.disagreements) == ("supported", 1.0, ())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=3, max_size=12), st.data())
def test_any_stretch_of_whole_words_of_the_source_is_supported(
    verifier: Verifier, words: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(words) - 3))
    end = data.draw(st.integers(start + 3, len(words)))
    check = verifier.check(" ".join(words[start:end]), [" ".join(words)])
    assert (check.verdict, check.score) == ("supported", 1.0)


@pytest.mark.parametrize("quotes", [[], [""], ["  \n"]])
def test_a_statement_without_citation_is_unsupported_and_says_so(verifier: Verifier, quotes: list[str]) -> None:
    check = verifier.check(NATO, quotes)
    assert (check.verdict, check.score, check.reason) == ("unsupported", 0.0, "no citation")


@pytest.mark.parametrize(
    ("statement", "quote", "kind", "claim", "source"),
    [
        (NATO.replace("28", "thirty"), NATO, "number", "thirty", "28"),
        (
            COUNCIL.replace("1.2 billion", "2.1 billion"),
            COUNCIL,
            "number",
            "2.1 billion dollars",
            "1.2 billion dollars",
        ),
        (COUNCIL.replace("2001", "2003"), COUNCIL, "date", "2003", "2001"),
        (COUNCIL.replace("1.2 billion dollars", "1.2 billion euros"), COUNCIL, "unit", "1.2 billion euros", None),
        (COUNCIL.replace("September", "March"), COUNCIL, "date", "March", "September"),
        (NATO.replace("Eastern Europe", "North Africa"), NATO, "name", "North Africa", "Eastern Europe"),
        (NATO.replace("serve", "do not serve"), NATO, "negation", "do not serve", None),
        (PLATFORM.replace("protect", "never protect"), PLATFORM, "negation", "and never protect", None),
    ],
)
def test_another_word_in_the_same_place_contradicts_and_is_named(
    verifier: Verifier, statement: str, quote: str, kind: str, claim: str, source: str | None
) -> None:
    check = verifier.check(statement, [quote])
    assert check.verdict == "contradicted"
    assert check.score < 0.5
    found = {one.kind: one for one in check.disagreements}
    assert found[kind].claim == claim
    assert found[kind].source is not None
    assert source is None or found[kind].source == source
    assert check.reason


def test_a_dropped_negation_contradicts(verifier: Verifier) -> None:
    source = "The treaty does not allow member states to test weapons in the open sea."
    check = verifier.check("The treaty does allow member states to test weapons in the open sea.", [source])
    assert check.verdict == "contradicted"
    assert check.disagreements[0].kind == "negation"


def test_an_opposite_in_the_same_place_contradicts(verifier: Verifier) -> None:
    check = verifier.check(
        "Joint exercises increase the cost of peacekeeping missions abroad.",
        ["Joint exercises decrease the cost of peacekeeping missions abroad."],
    )
    assert (check.verdict, check.disagreements[0].kind) == ("contradicted", "opposite")
    assert (check.disagreements[0].claim, check.disagreements[0].source) == ("increase", "decrease")


def test_two_things_that_trade_places_contradict(verifier: Verifier) -> None:
    check = verifier.check(
        "Germany exported machines worth a fortune to Brazil.", ["Brazil exported machines worth a fortune to Germany."]
    )
    assert (check.verdict, check.disagreements[0].kind) == ("contradicted", "order")


def test_saying_all_where_the_source_says_some_is_partial_not_contradicted(verifier: Verifier) -> None:
    check = verifier.check(HEDGED.replace("some risks", "all risks"), [HEDGED])
    assert check.verdict == "partial"
    assert [(one.claim, one.source, one.kind) for one in check.disagreements] == [("all", "some", "scope")]


def test_a_number_the_source_does_not_give_is_at_most_partial(verifier: Verifier) -> None:
    check = verifier.check(HEDGED.replace("Countries", "17 countries"), [HEDGED])
    assert check.verdict == "partial"
    assert check.disagreements[0].claim == "17"
    assert check.disagreements[0].source is None


@pytest.mark.parametrize(
    ("statement", "quote"),
    [
        (NATO.replace("28", "twenty-eight"), NATO),
        (COUNCIL.replace("1.2 billion dollars", "$1.2bn"), COUNCIL),
        (COUNCIL.replace("1.2 billion dollars", "1,200 million dollars"), COUNCIL),
        (COUNCIL.replace("three", "3.0"), COUNCIL),
        ("Forty percent of the budget goes to schools.", "40% of the budget goes to schools."),
        ("The U.S. signed the treaty with Canada.", "The United States signed the treaty with Canada."),
    ],
)
def test_another_spelling_of_the_same_thing_disagrees_with_nothing(
    verifier: Verifier, statement: str, quote: str
) -> None:
    check = verifier.check(statement, [quote])
    assert check.verdict == "supported"
    assert check.disagreements == ()


def test_a_light_rewording_is_supported(verifier: Verifier) -> None:
    statement = (
        "Bilateral relations, which foster partnerships between nations confronting terrorism, are one key element."
    )
    quote = "One key element is bilateral relations, which foster partnerships between nations confronting terrorism."
    assert verifier.check(statement, [quote]).verdict == "supported"


def test_a_quotation_with_something_put_in_is_partial(verifier: Verifier) -> None:
    check = verifier.check(PLATFORM.replace("tools", "tools sold by foreign vendors"), [PLATFORM])
    assert check.verdict == "partial"
    assert check.reason


def test_a_quotation_that_jumps_to_another_sentence_is_partial(verifier: Verifier) -> None:
    quotes = [
        "Different rules of engagement can create friction during joint operations.",
        "Concerns regarding human rights may strain relationships between military entities.",
    ]
    statement = "Different rules of engagement can create concerns regarding human rights."
    assert verifier.check(statement, quotes).verdict == "partial"


def test_a_statement_about_something_else_is_unsupported(verifier: Verifier) -> None:
    check = verifier.check("Penguins eat mostly fish and krill.", [NATO])
    assert check.verdict == "unsupported"
    assert check.score < 0.1


def test_the_same_question_always_gets_the_same_answer(model: MiniLM) -> None:
    statements = [NATO.replace("28", "30"), HEDGED, "Penguins eat fish.", "NATO trains soldiers in Europe."]
    first = [open_verifier("offline", model).check(s, [NATO, HEDGED]) for s in statements]
    again = open_verifier("offline", model)
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
    assert verifier.check(both, [first, second]).verdict == "supported"
    assert verifier.check(both, [first]).verdict != "supported"
    assert verifier.check(both, [second]).verdict != "supported"
    assert idle(both, [first, second], verifier) == set()
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


def test_opposites_are_told_from_other_words() -> None:
    assert opposite(stem("increases"), stem("decrease"))
    assert opposite(stem("effective"), stem("ineffective"))
    assert not opposite(stem("increase"), stem("grow"))


def test_an_unknown_verifier_is_refused_with_the_ones_there_are(model: MiniLM) -> None:
    with pytest.raises(SettingsError, match=r"No verifier called 'oracle'.*offline"):
        open_verifier("oracle", model)
    with pytest.raises(SettingsError, match="judge:BACKEND"):
        open_verifier("judge", model)
    with pytest.raises(SettingsError, match="offline verifier takes nothing"):
        open_verifier("offline:x", model)


def test_the_page_is_told_which_verifier_judged_and_how_good_it_is(verifier: Verifier) -> None:
    assert verifier.name == "offline"
    assert "AUC" in verifier.quality
    assert "word overlap" in verifier.quality


def test_threads_do_not_get_in_each_others_way_over_a_words_stem() -> None:
    endings = ("ation", "ing", "fulness", "ically", "ments", "ied", "s", "ousness")
    words = [f"{a}{b}{ending}" for a in "bcdfgklmnprst" for b in ("arn", "ol", "ith", "ount") for ending in endings]
    alone = [stem.__wrapped__(word) for word in words]
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(lambda _: [stem.__wrapped__(word) for word in words], range(8)))
    finally:
        sys.setswitchinterval(switching)
    assert together == [alone] * 8
