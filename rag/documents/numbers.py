"""Numbers as a workbook shows them: 0.875 under the format 0.0% is 87.5%."""

import datetime
import decimal
import re
from fractions import Fraction

# The formats that a workbook names by number alone, where they are not dates.
BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 48: "##0.0E+0",
}  # fmt: skip
# A literal in a format: quoted, escaped, or a currency sign in brackets; what only makes room is dropped.
LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]|\[[^\]]*\]|[_*].')
DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]+)?(?:E[+-]0+)?,*")
SHARE = re.compile(r"(?:#\s*)?\?+/(?:\?+|\d+)")
MOST_DIGITS = 15  # as many as a workbook itself tells apart


def as_shown(value: object, code: str = "") -> str:
    """A cell's value as text, by its number format."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, code)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    return str(value)


def _number(value: float, code: str) -> str:
    sections = code.split(";")
    section = sections[1] if value < 0 and len(sections) > 1 and sections[1] else sections[0]
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[1] or match[2] or match[3] or "")
        return "\0"

    bare = LITERAL.sub(keep, section)
    digits = SHARE.search(bare) or DIGITS.search(bare)
    if digits is None or abs(value) >= 10**MOST_DIGITS:
        return f"{value:.{MOST_DIGITS}g}"
    sign = "-" if value < 0 and section is sections[0] else ""
    shown = bare[: digits.start()] + _digits(abs(value) * 100 ** bare.count("%"), digits[0]) + bare[digits.end() :]
    return sign + " ".join(re.sub("\0", lambda _: literals.pop(0), shown).split())


def _digits(value: float, mask: str) -> str:
    """The number under a mask of #, 0 and ?, with a point, an exponent, thousands or a fraction."""
    if "/" in mask:
        whole = int(value) if mask.startswith("#") else 0
        part = Fraction(value - whole).limit_denominator(10 ** mask.rsplit("/", 1)[1].count("?") or 1)
        return f"{whole or ''} {part or ''}".strip() or "0"
    value /= 1000 ** (len(mask) - len(mask.rstrip(",")))
    mask = mask.rstrip(",")
    places = re.search(r"\.([#0?]+)", mask)
    most = len(places[1]) if places else 0
    if "E" in mask:
        return f"{value:.{most}E}"
    exact = decimal.Decimal(f"{value:.{MOST_DIGITS}g}")
    exact = exact.quantize(decimal.Decimal(1).scaleb(-most), decimal.ROUND_HALF_UP)
    text = f"{exact:,f}" if "," in mask else f"{exact:f}"
    least = len(places[1].rstrip("#")) if places else 0
    while most > least and text.endswith("0"):
        text, most = text[:-1], most - 1
    return text.rstrip(".") if most == 0 else text
