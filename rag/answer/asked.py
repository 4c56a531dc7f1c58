"""What kind of thing a question asks for, a number, a date, a country, a name …, and whether some words hold one.

"How many took part?" is not answered by a sentence without a number, however near its meaning lies. English, by
rules; what a question names itself is no answer to it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from rag.answer.names import new_bodies, new_countries, new_names, new_persons, new_places, new_things
from rag.answer.things import ADJECTIVE, BODIES, COUNTRIES, DID, PLAIN, ROLES, THINGS, TOWNS, which


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing: the questions that ask for it, and whether some words hold one, by question and words."""

    asks: re.Pattern[str]
    holds: Callable[[str, str], object]


def lacks_what_is_asked(question: str, text: str) -> bool:
    """Whether the question asks for a kind of thing, and `text` has none that the question does not name itself."""
    return any(kind.asks.search(question) and not kind.holds(question, text) for kind in KINDS)


def names_in(question: str) -> list[str]:
    """Capitalised words of a question that do not begin it."""
    return re.findall(r"(?<!^)(?<![.?!] )\b[A-Z][\w-]+", question)


def numbers_in(text: str) -> list[str]:
    """Numbers written with digits."""
    return re.findall(r"\d[\d,.]*", text)


def _pattern(*ways: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{way})" for way in ways), re.IGNORECASE)


def _has(*words: str) -> Callable[[str, str], object]:
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE)
    return lambda _, text: pattern.search(text)


def _by_capitals(find: Callable[[str, str], object]) -> Callable[[str, str], object]:
    """Names are found by their capitals; words without any may hold one."""
    return lambda question, text: text.islower() or find(question, text)


def _holds_thing(question: str, text: str) -> bool:
    # Models are named by numbers too.
    return bool(new_things(question, text) or (_NUMBERED.search(question) and re.search(r"\d", text)))


def _holds_amount(question: str, text: str) -> bool:
    """Whether there is a number that is no date and does not stand in the question."""
    found = re.findall(rf"\d[\d,.]*|\b(?:{_SMALL})\b", _DATED.sub(" ", text), re.IGNORECASE)
    return any(number.lower().strip(",.") not in question.lower() for number in found)


_NUMBERED = re.compile(r"\bmodels?\b", re.IGNORECASE)
_AMOUNTS = (
    "number|amount|sum|budget|cost|price|size|age|salary|salaries|wages?|percentage|percent|proportion|share|fraction|"
    "distance|speed|weight|height|length|temperature|score|total|toll|turnout"
)
_SMALL = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|twenty|thirty|forty|fifty|hundreds?|thousands?|"
    "millions?|billions?|twice|half|thirds|third of|quarters?|percent"
)
_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
_COUNTED = r" (?:\w+ )?(?:[a-z]+s|people|men|women|children|km|kg|m|percent)\b|%"
# Days, years, centuries, and numbers that name something: "the 2014 summit", "F-16", "Article 5".
_DATED = re.compile(
    rf"\b(?:9/11|24/7)\b|\b(?:{_MONTHS}) \d+(?:, \d{{4}})?|\b\d+ (?:{_MONTHS})\b|\b\d+(?:st|nd|rd|th)\b|"
    rf"(?:\b(?:in|since|from|until|before|after|during|between|the|by|early|late|post|pre|{_MONTHS})[ -]|\(|, )"
    rf"(?:1\d|20)\d\ds?\b(?!{_COUNTED})(?![,.]\d)|"
    r"\b[a-z]+-?\d+\b|\b(?:articles?|chapters?|resolutions?|rules?|sections?|phases?) \d+",
    re.IGNORECASE,
)
# What only a person does, or is.
_LEADS = (
    "leads|led|heads|headed|chairs|chaired|commands|commanded|directs|directed|wrote|invented|coined|sang|sings|painted"
)
_HEADS = (
    "heads?|leaders?|chiefs?|commanders?|presidents?|directors?|founders?|chair\\w*|ministers?|secretary|authors?|kings?|"
    "queens?|owners?|mayors?|governors?|generals?|ambassadors?|inventors?|winners?"
)

KINDS = (
    Kind(
        _pattern(
            r"how (?:many|much)\b",
            rf"what (?:(?:is|was|are|were) the )?(?:{ADJECTIVE} )?(?:{_AMOUNTS})\b",
            r"what (?:is|was) the population\b",
        ),
        _holds_amount,
    ),
    Kind(
        _pattern(
            r"how (?:long|old|far|tall|high|big|large|heavy|fast|deep|wide)\b",
            r"(?:which|what) (?:year|date|day|time|month|decade|century|version)\b(?! of (?:day|year)\b)",
            r"since when\b",
        ),
        _has(r"\w*\d\w*", _SMALL, "century|decades?|third"),
    ),
    Kind(
        _pattern(r"when (?:did|was|were|will|is|has|had)\b"),
        _has(r"\w*\d\w*", _MONTHS, "century|decades?|war|during|after|since|before|until|following|era|age"),
    ),
    Kind(
        _pattern(
            r"when (?:did|was|were)\b.* (?:founded|established|created|signed|launched|set up|born|formed|begin|start|"
            r"adopted|introduced|built|opened)\b"
        ),
        _has(r"\w*\d\w*", _MONTHS, "century|decades?|wars?"),
    ),
    Kind(
        _pattern(r"how (?:often|frequently)\b"),
        _has(
            r"\w*\d\w*|\w*annual\w*|years?|yearly|month(?:ly)?|week(?:ly)?|daily|days?|hour(?:ly)?|every|each|once|twice|"
            r"times|regular(?:ly)?|periodic\w*|biennial\w*|frequent\w*|often|rare(?:ly)?|seldom|always|usually|sometimes|"
            r"quarter(?:ly)?|constant(?:ly)?|continu\w+|never"
        ),
    ),
    Kind(
        _pattern(
            # "Which countries share little?" is answered by "small ones".
            rf"{which(COUNTRIES, between=1)}(?=.{{0,200}}(?:\b(?:{DID}|was|were|did|has|had)\b|(?-i: [A-Z])))",
            rf"which (?:two|three|four|five|other|(?-i:[A-Z]\w+)) {PLAIN} (?:{COUNTRIES})\b(?!['’])",
        ),
        _by_capitals(new_countries),
    ),
    Kind(
        _pattern(
            which(TOWNS),
            r"what (?:is|was) the capital\b",
            r"where (?:is|are|was|were|do|does|did|has|have|will)\b.{0,200} "
            r"(?:signed|founded|headquarter\w*|born|based|stationed)\b",
        ),
        _by_capitals(new_places),
    ),
    Kind(_pattern(which("courts?|tribunals?")), _has("courts?|tribunals?|judges?|ICC|ICJ")),
    Kind(_pattern(which("resolutions?", between=3)), _has("resolutions?")),
    Kind(
        _pattern(which("penalt(?:y|ies)|fines?|punishments?")),
        _has("penalt(?:y|ies)|fine[sd]?|punish(?:ments?|ed)|sentenced?|sentences|sanctions?|prison|imprisonment|jail"),
    ),
    Kind(
        _pattern("(?:which|what) ranks?"),
        _has("ranks?|generals?|admirals?|colonels?|majors?|captains?|lieutenants?|sergeants?|corporals?|privates?"),
    ),
    Kind(
        _pattern(which(r"(?:articles?|clauses?|paragraphs?|chapters?|annex(?:es)?)(?= of\b)")),
        _has(r"articles?|clauses?|sections?|paragraphs?|chapters?|annex(?:es)?|\d+"),
    ),
    Kind(
        _pattern(
            rf"who (?:{DID})\b",
            r"by whom\b",
            r"(?:the |code ?)?names? of\b",
            r"(?:is|are|was|were) (?:\w+ ){1,4}called\b(?! a\b| the\b)",
            r"what (?:is|was|are|were) .{1,200} named\b|named (?:after|for)\b",
        ),
        _by_capitals(new_names),
    ),
    Kind(_pattern(which(BODIES)), _by_capitals(new_bodies)),
    Kind(_pattern(which(THINGS)), _by_capitals(_holds_thing)),
    Kind(
        _pattern(
            which(ROLES),
            rf"who (?:{_LEADS}|(?:is|was) (?:in charge|the (?:\w+ ){{0,2}}(?:{_HEADS})))\b",
            rf"names? of (?:the|its) (?:\w+ )?(?:{_HEADS})\b",
        ),
        _by_capitals(new_persons),
    ),
)
"""The kinds of things that can be told apart. Asking for a new one is adding a row."""
