"""What a question asks for: which kind of thing, whether some words hold one, and which word says so."""

import pytest

from rag.answer.asked import lacks_what_is_asked
from rag.answer.asked_word import asked_word
from rag.answer.names import new_names

COURT = "The ferry accident was investigated for two years by engineers from Leith."


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("Which countries paid for it?", "Wales and the Welsh banks paid for it.", False),
        ("Which countries besides Wales paid for it?", "Wales and the Welsh banks paid for it.", True),
        ("Which countries were in the Leith Pact?", "NATO and the Leith Pact kept ships there.", True),
        ("Which countries share little?", "Small states keep their secrets.", False),
        ("Which mood led countries to build bridges?", "Pride led them to build.", False),
        ("In which Scottish towns did it stop?", "It stopped in Wormit, and in Leuchars.", False),
        ("In which Scottish towns did it stop?", "It stopped on the coast of Scotland, as the Taliban did.", True),
        ("Where was the pact signed?", "It was signed on a boat off Dundee.", False),
        ("Where was the pact signed?", "It was signed with a pen.", True),
        ("Which court heard the case?", COURT, True),
        ("Which court heard the case?", "The case went to the Court of Session.", False),
        ("What penalty does a late boat face?", "Late boats are frowned upon.", True),
        ("What penalty does a late boat face?", "Late boats are fined.", False),
        ("Which resolution named the bridge?", "The council named it in 1878.", True),
        ("What rank did the keeper hold?", "He was a captain.", False),
        ("How many trains crossed?", "On September 11, 1878, the first of the trains crossed.", True),
        ("How many guests came?", "The dinner was attended by 2000 guests.", False),
        ("How many of the 26 piers fell?", "Of 26 piers the sea took its share.", True),
        ("Who heads the Tay Board?", "The Tay Board keeps boats for NATO and the Fife Council in Wales.", True),
        ("Who heads the Tay Board?", "The Tay Board follows Ada Byron.", False),
        ("Which ship sank?", "In the United States it would be said to have sunk.", True),
        ("Which ship sank?", "The storm took the Mary.", False),
        ("Which treaty protects boats?", "The Treaty of Leith and the European Union protects them.", False),
        ("How many jets fly over it?", "In 1957, the 2014 summit, Article 5 and the F-16 were new to it.", True),
        ("How much did the last girder cost?", "It came to $1500.", False),
        ("How long a rail was laid?", "They laid 1500 km of it.", False),
        ("Who heads the board?", "that would be ada byron", False),
        ("How often is it painted?", "It is painted with care.", True),
        ("How often is it painted?", "It is painted every spring.", False),
    ],
)
def test_only_what_is_asked_for_and_not_named_in_the_question_counts_as_an_answer(
    question: str, text: str, lacks: bool
) -> None:
    assert lacks_what_is_asked(question, text) is lacks


@pytest.mark.parametrize(
    ("question", "text", "names"),
    [
        ("Who built it?", "Means are: Cyber Watch: Software reads. Steel Ropes: They hold.", []),
        ("Who founded the Global Bridge Council?", "Britons met in the Gobal Bridge Council.", []),
        ("Who pays for the Tay Mission in Fife?", "The Tay Mission in Fife (TAMIF) lasts.", []),
        ("Who runs the UN bridges?", "There the United Nations keeps bridges.", []),
        ("Which unmanned aerial vehicles fly there?", "There are many (UAVs) in the air.", []),
        ("Who reads it?", "In March an AI-driven reader in East Africa reads.", []),
        ("Who built it?", "It was built by Thomas Bouch's men.", ["Thomas", "Bouch"]),
    ],
)
def test_labels_slips_short_forms_months_and_regions_are_no_new_names(
    question: str, text: str, names: list[str]
) -> None:
    assert new_names(question, text) == names


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Which court tries keepers?", "court"),
        ("What encryption standard does the bridge use?", "standard"),
        ("Who first crossed the bridge?", "crossed"),
        ("What is the name of the engineer who built it?", "engineer"),
        ("Who was the owner of the ferry?", "owner"),
        ("Where are the keepers of the Tay Bridge buried?", "buried"),
        ("Why did the Tay Board leave Dundee?", "leave"),
        ("Which general mood was told?", "general"),
        ("Which general political mood was told?", None),
        ("Which article of the treaty names it?", "article"),
        ("Which article is about boats?", None),
        ("Who uses it?", None),
        ("Whose views were the president's?", None),
        ("What damages the bridge most?", None),
    ],
)
def test_the_word_that_says_what_is_asked_for_is_found(question: str, word: str | None) -> None:
    place = asked_word(question)
    assert (question[slice(*place)] if place else None) == word
