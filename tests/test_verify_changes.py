"""What the offline verifier says of a quotation in which one thing was changed, and of words that are not there at all."""

import pytest

from rag.models.minilm import MiniLM
from rag.verify import Verifier, open_verifier

CHANNELS = "Clear channels of communication reduce the likelihood of miscalculations that could lead to conflict."
DRILLS = "Joint training exercises improve the readiness of allied naval forces in the northern fjords."
RESCUE = "The coast guard keeps two rescue boats in the harbour and repaints them every winter."
LIGHT = "The lighthouse was automated in 1985."


@pytest.fixture(scope="module")
def verifier(model: MiniLM) -> Verifier:
    return open_verifier("offline", model)


@pytest.mark.parametrize(
    ("quote", "old", "new"),
    [
        (DRILLS, "naval", "retired"),
        (DRILLS, "readiness", "uniforms"),
        (CHANNELS, "miscalculations", "earthquakes"),
        (RESCUE, "boats", "dogs"),
        (RESCUE, "repaints", "insures"),
    ],
)
def test_another_word_that_means_something_else_contradicts_and_is_named(
    verifier: Verifier, quote: str, old: str, new: str
) -> None:
    check = verifier.check(quote.replace(old, new), [quote])
    assert check.verdict == "contradicted"
    assert check.score < 0.5
    assert (new, old, "word") in [(one.claim, one.source, one.kind) for one in check.disagreements]
    assert check.reason == f"the source says “{old}”, not “{new}”"


@pytest.mark.parametrize(
    ("quote", "old", "new"),
    [
        (CHANNELS, "reduce", "increase"),
        (DRILLS, "improve", "hinder"),
        (DRILLS, "northern", "southern"),
        (RESCUE, "winter", "summer"),
    ],
)
def test_an_opposite_in_a_quotation_contradicts_however_like_it_is(
    verifier: Verifier, quote: str, old: str, new: str
) -> None:
    assert verifier.check(quote.replace(old, new), [quote]).verdict == "contradicted"


@pytest.mark.parametrize(
    ("quote", "old", "new"),
    [
        (CHANNELS, "likelihood", "probability"),
        (CHANNELS, "conflict", "war"),
        (DRILLS, "improve", "enhance"),
        (DRILLS, "forces", "troops"),
        (RESCUE, "keeps", "maintains"),
    ],
)
def test_a_word_of_the_same_meaning_contradicts_nothing(verifier: Verifier, quote: str, old: str, new: str) -> None:
    assert verifier.check(quote.replace(old, new), [quote]).verdict in ("supported", "partial")


def test_a_negation_put_into_a_quotation_contradicts_though_the_quotation_turns_something_round_itself(
    verifier: Verifier,
) -> None:
    check = verifier.check(CHANNELS.replace("communication reduce", "communication do not reduce"), [CHANNELS])
    assert (check.verdict, check.disagreements[0].kind) == ("contradicted", "negation")
    said_otherwise = CHANNELS.replace("reduce the likelihood", "do not raise the likelihood")
    assert verifier.check(said_otherwise, [CHANNELS]).verdict != "contradicted"


def test_two_sentences_may_stand_side_by_side_but_not_as_cause_and_effect(verifier: Verifier) -> None:
    quotes = [LIGHT, RESCUE]
    beside = "The lighthouse was automated in 1985, and the coast guard keeps two rescue boats in the harbour."
    assert verifier.check(beside, quotes).verdict == "supported"
    because = "The lighthouse was automated in 1985, because the coast guard keeps two rescue boats in the harbour."
    assert verifier.check(because, quotes).verdict != "supported"


@pytest.mark.parametrize(
    "statement",
    [
        "The harbour overview uses metrics such as tonnage and waiting time to rank ports.",
        "Harbour pilots receive three weeks of instruction in radio procedure.",
        "Most fishing quotas are negotiated between the coastal states each spring.",
    ],
)
def test_an_invented_statement_on_the_topic_of_its_citation_is_withheld(verifier: Verifier, statement: str) -> None:
    check = verifier.check(statement, [RESCUE])
    assert (check.verdict, check.reason) == ("unsupported", "the cited words do not say this")
