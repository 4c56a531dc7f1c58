"""Whether two numbers may stand for the same amount: rounded, hedged, or given as a bound."""

from rag.verify.quantities import Placed, equal
from rag.verify.wording import Outline

# What stands before a number that is only near the truth, at the lower end of it, or at the upper end.
NEARLY = frozenset("about approximately around roughly nearly almost some circa ca estimated".split())
AT_LEAST = frozenset("least over above exceeding exceeded minimum".split())
AT_MOST = frozenset("most under below up maximum within".split())
# How far two amounts may lie apart when one of them is said to be rough.
ROUGH = 0.1
WORDS_BEFORE = 3


def may_be_same(one: Placed, other: Placed, its_text: Outline, other_text: Outline) -> bool:
    """Whether two numbers, each in its sentence, may be of one amount. Years are exact."""
    if equal(one.quantity, other.quantity):
        return True
    a, b = one.quantity, other.quantity
    if a.unit != b.unit or _is_year(one) or _is_year(other):
        return False
    before, other_before = _before(one, its_text), _before(other, other_text)
    if any(before & side and other_before & side for side in (AT_LEAST, AT_MOST)):
        return False  # two bounds of one kind
    if _bounds(before, a.value, b.value) or _bounds(other_before, b.value, a.value):
        return True
    far = abs(a.value - b.value) / max(abs(a.value), abs(b.value), 1e-9)
    if (before | other_before) & NEARLY and far <= ROUGH:
        return True
    return _rounded(a.value, b.value) or _rounded(b.value, a.value)


def _is_year(number: Placed) -> bool:
    return number.words.isdigit() and len(number.words) == 4


def _before(number: Placed, text: Outline) -> set[str]:
    """The few words before a number."""
    words = [word.lower() for word in text.words[max(0, number.first - WORDS_BEFORE) : number.first]]
    return set(words) | ({"over"} if words[-2:] == ["more", "than"] else set()) | (
        {"under"} if words[-2:] in (["less", "than"], ["fewer", "than"]) else set()
    )  # fmt: skip


def _bounds(before: set[str], bound: float, value: float) -> bool:
    """Whether a number that such words precede is a bound that `value` keeps."""
    return bool((before & AT_LEAST and value >= bound) or (before & AT_MOST and value <= bound))


def _rounded(short: float, exact: float) -> bool:
    """Whether `exact`, from 100 on, becomes `short` when it is written with as few digits as that."""
    digits = len(f"{short:.15g}".replace(".", "").strip("0"))
    longer = len(f"{exact:.15g}".replace(".", "").strip("0")) > digits
    return abs(exact) >= 100 and longer and float(f"{exact:.{max(digits, 1)}g}") == short
