"""Numbers, dates, times and units of measurement in a text as values, for exact comparison.

Three, 3 and 3.0 are equal; so are 1.2bn and 1.2 billion, 250 mg and 0.25 g, 11:40 pm and 23:40. -18 and 18 are not.
"""

import math
import re
from dataclasses import dataclass

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_MONTHS = "january february march april may june july august september october november december"
SPELLED = {word: float(value) for value, word in enumerate(_ONES.split())}
SPELLED |= {word: 10.0 * value for value, word in enumerate(_TENS.split(), 2)}
ORDINALS = {word: float(value) for value, word in enumerate(_ORDINALS.split()) if value}
MONTHS = {word: value for value, word in enumerate(_MONTHS.split(), 1)}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
SHORT_SCALES = {"k": 1e3, "mn": 1e6, "bn": 1e9}
# Each unit's dimension, and how many of the dimension's base unit it is.
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("%", "percent", "per cent", "percentage points"), ("%", 1)),
    **dict.fromkeys(("$", "dollar", "usd"), ("$", 1)),
    **dict.fromkeys(("€", "euro", "eur"), ("€", 1)),
    **dict.fromkeys(("£", "gbp"), ("£", 1)),
    **dict.fromkeys(("µg", "μg", "mcg", "microgram"), ("mass", 1e-06)),
    **dict.fromkeys(("mg", "milligram"), ("mass", 0.001)),
    **dict.fromkeys(("g", "gram", "gramme"), ("mass", 1.0)),
    **dict.fromkeys(("kg", "kilogram", "kilo"), ("mass", 1000.0)),
    **dict.fromkeys(("t", "tonne"), ("mass", 1000000.0)),
    **dict.fromkeys(("mm", "millimetre", "millimeter"), ("length", 0.001)),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), ("length", 0.01)),
    **dict.fromkeys(("m", "metre", "meter"), ("length", 1.0)),
    **dict.fromkeys(("km", "kilometre", "kilometer"), ("length", 1000.0)),
    **dict.fromkeys(("mi", "mile"), ("length", 1609.344)),
    **dict.fromkeys(("ft", "foot", "feet"), ("length", 0.3048)),
    **dict.fromkeys(("inch", "inches"), ("length", 0.0254)),
    **dict.fromkeys(("ml", "millilitre", "milliliter"), ("volume", 0.001)),
    **dict.fromkeys(("l", "litre", "liter"), ("volume", 1.0)),
    "gallon": ("volume", 3.785),
    **dict.fromkeys(("°c", "celsius"), ("°C", 1)),
    **dict.fromkeys(("°f", "fahrenheit"), ("°F", 1)),
    **dict.fromkeys(("s", "sec", "second"), ("time", 1.0)),
    **dict.fromkeys(("min", "minute"), ("time", 60.0)),
    **dict.fromkeys(("h", "hour"), ("time", 3600.0)),
    **dict.fromkeys(("day",), ("time", 86400.0)),
    **dict.fromkeys(("week",), ("time", 7 * 86400.0)),
    "month": ("months", 1.0),
    **dict.fromkeys(("year", "yr"), ("months", 12.0)),
}

_NUMBER_WORD = "|".join([*SPELLED, *SCALES])
_NUMBER = re.compile(
    r"(?P<money>[$€£]\s?)?(?:(?<![\w.,])(?P<sign>[-−–]))?(?<![A-Za-z.,\d])"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:(?P<minutes>:[0-5]\d)(?!\d))?(?P<short>(?:k|mn|bn)\b)?(?P<tail>(?:st|nd|rd|th)\b|['’]?s\b)?"
    rf"|(?<![\w'’-])(?P<spelled>(?:{_NUMBER_WORD})(?:(?:[\s-]+(?:and[\s-]+)?)(?:{_NUMBER_WORD}))*)(?![\w'’])"
    rf"|(?<![\w'’-])(?P<ordinal>{'|'.join(ORDINALS)})(?![\w'’])"
    rf"|(?<![\w'’-])(?P<month>{'|'.join(MONTHS)})(?=\.?,?\s+\d)|(?<=\d\s)(?P<month_after>{'|'.join(MONTHS)})\b",
    re.IGNORECASE,
)
_SCALE_AFTER = re.compile(rf"[\s-]*({'|'.join(SCALES)})s?\b", re.IGNORECASE)
_HALF_OF_DAY = re.compile(r"\s*([ap])\.?\s?m\b\.?", re.IGNORECASE)
_UNIT_AFTER = re.compile(
    rf"[\s-]*({'|'.join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))})s?(?!\w)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number at `text[start:end]`, in the base unit of its dimension; `unit` is empty where none is given.

    `weak` ones may not be numbers at all: one, first, second.
    """

    value: float
    unit: str
    start: int
    end: int
    weak: bool = False


def quantities(text: str) -> list[Quantity]:
    """The quantities of a text, in order."""
    found: list[Quantity] = []
    for match in _NUMBER.finditer(text):
        if not found or match.start() >= found[-1].end:
            found.append(_quantity(match, text))
    return found


def equal(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities are the same, where a unit that one of them leaves out excludes nothing."""
    return math.isclose(one.value, other.value, rel_tol=1e-6) and (
        one.unit == other.unit or not (one.unit and other.unit)
    )


def unmatched(claim: str, source: str) -> list[Quantity]:
    """The quantities of a claim that are not in the source, without those that may not be numbers."""
    known = quantities(source)
    return [one for one in quantities(claim) if not one.weak and not any(equal(one, other) for other in known)]


def _quantity(match: re.Match[str], text: str) -> Quantity:
    if month := match["month"] or match["month_after"]:
        return Quantity(MONTHS[month.lower()], "month of the year", match.start(), match.end())
    end = match.end()
    if match["ordinal"]:
        value = ORDINALS[match["ordinal"].lower()]
        return Quantity(value, "", match.start(), end, weak=value <= 2)
    if match["spelled"]:
        value = _spelled(re.split(r"[\s-]+", match["spelled"].lower()))
    else:
        value = float(match["digits"].replace(",", "")) * SHORT_SCALES.get((match["short"] or "").lower(), 1)
        value *= -1 if match["sign"] else 1
        if scale := _SCALE_AFTER.match(text, end):
            value, end = value * SCALES[scale[1].lower()], scale.end()
    minutes = float(match["minutes"][1:]) if match["minutes"] else None
    if match["digits"] and (half := _HALF_OF_DAY.match(text, end)):
        value, minutes, end = value % 12 + (12 if half[1].lower() == "p" else 0), minutes or 0.0, half.end()
    if minutes is not None:
        return Quantity(value * 60 + minutes, "time of day", match.start(), end)
    money = (match["money"] or "").strip()
    unit, size = UNITS[money] if money else ("", 1.0)
    if not money and not match["tail"] and (after := _UNIT_AFTER.match(text, end)):
        (unit, size), end = UNITS[after[1].lower()], after.end()
    weak = not match["digits"] and value <= 1 and not unit
    return Quantity(value * size, unit, match.start(), end, weak)


def _spelled(words: list[str]) -> float:
    """The value of number words in a row: two hundred and five thousand -> 205000."""
    total = part = 0.0
    for word in words:
        scale = SCALES.get(word, 0.0)
        if scale > 100:
            total, part = total + (part or 1) * scale, 0.0
        elif scale:
            part = (part or 1) * scale
        else:
            part += SPELLED.get(word, 0.0)
    return total + part
