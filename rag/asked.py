"""What kind of thing a question asks for, a number, a date or a name, and whether some words hold one.

"How many took part?" is not answered by a sentence without a number, however near its meaning lies. English, by
rules; what a question names itself is no answer to it.
"""

import re

_SMALL = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|hundred|thousand|"
    "million|billion|half|third|quarter|percent|century|decades?"
)
_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|old|far|tall|high|big|large)|"
    r"what (?:percentage|percent|proportion|share|number|amount|sum|budget|cost|price|size|age)|"
    r"(?:which|what) (?:year|date|day|month|decade|century)|since when|"
    r"what (?:is|was) the (?:budget|cost|price|population|number))\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(rf"\d|\b(?:{_SMALL})\b", re.IGNORECASE)
_ASKS_DATE = re.compile(r"\bwhen (?:did|was|were|will|is|has|had)\b", re.IGNORECASE)
_DATE = re.compile(
    r"\d|\b(?:january|february|march|april|june|july|august|september|october|november|december|century|decades?|"
    r"war|during|after|since|before|until|following|era|age)\b",
    re.IGNORECASE,
)
# Nouns for things that have a name of their own.
_NAMED = (
    r"countr(?:y|ies)|nations?|governments?|compan(?:y|ies)|firms?|generals?|presidents?|(?:prime )?ministers?|courts?|"
    r"cit(?:y|ies)|towns?|villages?|provinces?|person|people|man|woman|officers?|leaders?|universit(?:y|ies)|banks?|"
    r"newspapers?|teams?|players?|authors?|scientists?|kings?|queens?|apps?|software|programs?|brands?|models?|"
    r"treat(?:y|ies)|resolutions?|laws?|articles?|ships?|aircraft|weapons?|missiles?|tanks?|standards?|protocols?|"
    r"books?|films?|songs?|albums?|platforms?"
)
_PLAIN = (
    r"(?!between\b|of\b|in\b|for\b|to\b|by\b|that\b|is\b|are\b|was\b|were\b|do\b|does\b|did\b|has\b|have\b|from\b|"
    r"with\b|type\b|kind\b|sort\b|makes?\b|made\b)[\w-]+"
)
_ASKS_NAME = re.compile(
    r"\bwho (?:leads|led|founded|heads|headed|chairs|commands|commanded|runs|ran|directs|signed|wrote|invented|won|"
    r"pays|paid|made|created|built|discovered|owns|killed|defeated|designed|proposed|published|played|sang|introduced|"
    r"established|started|appointed|named|owned|held|taught|bought|sold|hired|elected|ordered|painted|composed|directed|"
    r"produced|coined|opened|launched|funded|is the|was the)\b|"
    r"\b(?:the )?names? of\b|\b(?:is|are|was|were) \w+ called\b|\bnamed\b|"
    rf"\bwhich (?:{_PLAIN} ){{0,2}}(?:{_NAMED})\b(?!['’])|\bwhat (?:(?-i:[A-Z]\w+) )?(?:{_NAMED})\b(?!['’])",
    re.IGNORECASE,
)
# Articles of a treaty, resolutions and models are named by numbers too.
_NUMBERED = re.compile(r"\b(?:articles?|resolutions?|models?)\b", re.IGNORECASE)
_NAME_INSIDE = re.compile(r"(?<=[\w,;:—–(-] )[A-Z][\w.’'-]*|(?<=\()[A-Z][\w.’'-]*")
_NAME_FIRST = re.compile(r"(?:^|[.!?] )((?:[A-Z][\w’'-]+ )+[A-Z][\w’'-]+|[A-Z]{2,})\b")
_TITLE = re.compile(r"[A-Z][\w’'-]*(?:\s+(?:(?:of|in|the|and|for|on)\s+)*[A-Z][\w’'-]*)+")


def lacks_what_is_asked(question: str, text: str) -> bool:
    """Whether the question asks for a number, a date or a name and `text` has none that the question does not name."""
    if _ASKS_NUMBER.search(question) and not _NUMBER.search(text):
        return True
    if _ASKS_DATE.search(question) and not _DATE.search(text):
        return True
    if not _ASKS_NAME.search(question) or (_NUMBERED.search(question) and re.search(r"\d", text)):
        return False
    return not _new_names(question, text)


def names_in(question: str) -> list[str]:
    """Capitalised words of a question that do not begin it."""
    return re.findall(r"(?<!^)(?<![.?!] )\b[A-Z][\w-]+", question)


def numbers_in(text: str) -> list[str]:
    """Numbers written with digits."""
    return re.findall(r"\d[\d,.]*", text)


def _new_names(question: str, text: str) -> list[str]:
    known, acronyms = question.lower(), _acronyms(question)
    inside = [re.sub(r"[’']s$", "", name.strip(".’'-")) for name in _NAME_INSIDE.findall(" " + text)]
    names = [*inside, *_NAME_FIRST.findall(text)]
    return [name for name in names if name.lower() not in known and name.upper() not in acronyms]


def _acronyms(question: str) -> set[str]:
    """How the long names of a question are written short: African Union Mission in Somalia, AUMIS and AMS."""
    found = set[str]()
    for name in _TITLE.findall(question):
        words = name.split()
        found |= {"".join(w[0] for w in words if w[0].isupper()), "".join(w[0] for w in words).upper()}
    return found
