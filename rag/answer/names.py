"""Names in some words that a question does not hold itself, and whether they are those of countries or places.

English, by capital letters. What begins a sentence, an item or a label is no name for its capital alone.
"""

import functools
import importlib.resources
import re

# "Cyber Intelligence: …" before the words of a list item.
_LABEL = re.compile(
    r"(?:^|(?<=[.:;!?] ))[A-Z][\w’'/-]*(?: (?:(?:and|of|the|for|in|to|on|&) )?[A-Z][\w’'/-]*){0,5}"
    r"(?: (?:(?:and|of|the|for|in|to|on|&) )?)?:(?= )"
)
_NAME = r"[A-Z][\w.’'-]*"
_INSIDE = re.compile(rf"(?<=[\w,;—–(/“\"-] ){_NAME}|(?<=[(“\"/]){_NAME}")
_OPENING = (
    "(?:A|After|An|As|At|Before|By|During|For|From|In|It|On|Since|Such|That|The|There|These|This|To|When|While|With)"
)
_FIRST = re.compile(rf"(?:^|[.:!?] )(?:{_OPENING} )*+((?:[A-Z][\w’'-]+ )+[A-Z][\w’'-]+|[A-Z]{{2,}})\b")
_TITLE = re.compile(r"[A-Z][\w’'-]*+(?:\s+(?:(?:of|in|the|and|for|on)\s+)*[A-Z][\w’'-]*+)+")
_WITH_ARTICLE = re.compile(r"\b[Tt]he(?:(?: (?:of|and|for|in))* [A-Z][\w’'-]*)+")
# In the names of bodies, and of undertakings, which are no persons either.
_BODY = re.compile(
    r"\b(?:Agency|Alliance|Assembly|Bank|Coalition|College|Command|Commission|Committee|Community|Congress|Corps|Council|"
    r"Department|Forces?|Forum|Foundation|Institute|League|Ministry|Nations|Office|Organi[sz]ation|Parliament|Party|"
    r"Senate|States|Union|University|ASEAN|AU|ECOWAS|EU|IMF|NATO|OSCE|UN|WHO|WTO)\b"
)
_UNDERTAKING = re.compile(
    r"\b(?:Conference|Convention|Court|Group|Initiative|Mission|Network|Operation|Pact|Partnership|Program(?:me)?|"
    r"Strategy|Systems?|Treaty|War)\b"
)
_SHORT = re.compile(r"[A-Z]{2}|[A-Z]\.[A-Z]")
# Capitalised, and neither a person nor a body nor a thing.
_NO_NAMES = frozenset(
    "I Africa African America Arab Asia Asian Atlantic Balkan Baltic Caribbean Central East Eastern Europe European "
    "Gulf Latin Mediterranean Middle North Northern Pacific Sahel South Southeast Southern West Western January "
    "February March April May June July August September October November December Monday Tuesday Wednesday Thursday "
    "Friday Saturday Sunday".split()
)
_LONGEST_ACRONYM, _MOST_WORDS, _LONG = 5, 12, 6


def new_names(question: str, text: str) -> list[str]:
    """The names in `text` that the question does not hold, neither misspelt by a letter nor written short or long."""
    text = _LABEL.sub(" ", text)
    words = {word.lower() for word in re.findall(r"[\w-]+", question)}
    known = {name.lower() for name in _written_otherwise(question, text, words)}
    found = [re.sub(r"[’']s$", "", name.strip(".’'-")) for name in _INSIDE.findall(" " + text) + _FIRST.findall(text)]
    return [name for name in found if _is_name(name) and not _all_known(name, question.lower(), words | known)]


def new_countries(question: str, text: str) -> set[str]:
    """The countries that `text` names, itself or by its people, and the question does not."""
    return _countries_in(text) - _countries_in(question)


def new_bodies(question: str, text: str) -> list[str]:
    """The new names that are no country's."""
    return new_names(question, _countries()[0].sub("it", text))


def new_things(question: str, text: str) -> list[str]:
    """The new names that are no country's and no body's."""
    return new_bodies(question, _without(text, _BODY, unless=_UNDERTAKING))


def new_places(question: str, text: str) -> list[str]:
    """The new names that may be those of towns: no country's, and without an article."""
    return new_bodies(question, _WITH_ARTICLE.sub("the", text))


def new_persons(question: str, text: str) -> list[str]:
    """The new names that may be those of persons: no country's, no body's, and without an article."""
    apart = _without(_without(text, _BODY), _UNDERTAKING)
    return [name for name in new_places(question, apart) if not _SHORT.match(name)]


def _without(text: str, words: re.Pattern[str], unless: re.Pattern[str] | None = None) -> str:
    """The text with the names that hold such a word in small letters, unless they hold one of the others."""

    def small(title: re.Match[str]) -> str:
        return title[0].lower() if words.search(title[0]) and not (unless and unless.search(title[0])) else title[0]

    return words.sub(lambda word: word[0].lower(), _TITLE.sub(small, text))


def _is_name(name: str) -> bool:
    """Whether a capitalised word names something: no month, no region, no "AI-driven"."""
    return bool(name) and name not in _NO_NAMES and not re.search(r"-[a-z]", name)


def _all_known(name: str, question: str, known: set[str]) -> bool:
    return name.lower() in question or all(
        any(_same_but_a_letter(word, other) for other in known) for word in name.lower().split()
    )


def _written_otherwise(question: str, text: str, words: set[str]) -> set[str]:
    """Names of the text that the question has in another form: short, long, or before "(SHORT)"."""
    initials = _initials(question)
    short = {word for word in re.findall(r"\b[A-Z][\w-]*\b", text) if word.upper().removesuffix("S") in initials}
    behind = {found[2] for found in re.finditer(rf"({_NAME}) \(([A-Z][\w-]*)\)", text) if found[1].lower() in words}
    acronyms = set(re.findall(r"\b[A-Z]{2,}\b", question))
    titles = [name.split()[:_MOST_WORDS] for name in _TITLE.findall(text)]
    long = [name[start:] for name in titles for start in range(len(name)) if _title_initials(name[start:]) & acronyms]
    return short | behind | {word for name in long for word in name}


def _initials(question: str) -> set[str]:
    """How the names of a question, and any few words of it in a row, may be written short, in capitals."""
    found = {short.upper() for name in _TITLE.findall(question) for short in _title_initials(name.split())}
    letters = [word[0].upper() for word in re.findall(r"[^\W\d_]+", question)]
    sizes = range(3, _LONGEST_ACRONYM + 1)
    return found | {"".join(letters[i : i + size]) for size in sizes for i in range(len(letters) - size + 1)}


def _title_initials(words: list[str]) -> set[str]:
    """African Union Mission in Somalia: AUMIS and AUMS."""
    return {"".join(word[0] for word in words if word[0].isupper()), "".join(word[0] for word in words).upper()}


def _same_but_a_letter(one: str, other: str) -> bool:
    """Whether two words are the same, or long and one letter apart."""
    short, long = sorted((one, other), key=len)
    if one == other or len(long) < _LONG or len(long) - len(short) > 1:
        return one == other
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[same + (len(short) == len(long)) :] == long[same + 1 :]


def _countries_in(text: str) -> set[str]:
    pattern, of = _countries()
    return {of[found] for found in pattern.findall(text)}


@functools.cache
def _countries() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern for every way to name a country or its people, and which country each way means."""
    lines = (importlib.resources.files("rag") / "data" / "countries.txt").read_text("utf-8").splitlines()
    of = {name: names[0] for names in (line.split(", ") for line in lines) for name in names}
    ways = "|".join(re.escape(name) for name in sorted(of, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{ways})(?=s?\b|\W|$)"), of
