"""The numbers that Word puts before paragraphs by itself: 2., (a), 3.1.4."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
MAX_LEVEL = 9


class _Level(NamedTuple):
    start: int
    form: str
    text: str
    restarts: bool
    legal: bool
    style: str


class Numbering:
    """The lists of one document, each with how far it has counted."""

    def __init__(self, root: "Element | None") -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._links: dict[str, str] = {}
        self._lists: dict[str, tuple[str, dict[int, _Level], dict[int, int]]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        if root is None:
            return
        styled = {}
        for one in root.iterfind(f"{W}abstractNum"):
            name = one.get(f"{W}abstractNumId") or ""
            self._levels[name] = {_number(level, "ilvl"): _level(level) for level in one.iterfind(f"{W}lvl")}
            if (style := _value(one, "styleLink")) is not None:
                styled[style] = name
        for one in root.iterfind(f"{W}abstractNum"):
            if (style := _value(one, "numStyleLink")) in styled:
                self._links[one.get(f"{W}abstractNumId") or ""] = styled[style or ""]
        for one in root.iterfind(f"{W}num"):
            own, starts = {}, {}
            for override in one.iterfind(f"{W}lvlOverride"):
                number = _number(override, "ilvl")
                if (level := override.find(f"{W}lvl")) is not None:
                    own[number] = _level(level)
                if (start := _value(override, "startOverride")) is not None and start.isdecimal():
                    starts[number] = int(start)
            self._lists[one.get(f"{W}numId") or ""] = (_value(one, "abstractNumId") or "", own, starts)

    def level_of(self, name: str, style: str) -> int:
        """The level of a list that belongs to a paragraph style."""
        abstract = self._lists.get(name, ("", {}, {}))[0]
        levels = self._levels.get(self._links.get(abstract, abstract), {})
        return next((number for number, level in levels.items() if level.style == style), 0)

    def next(self, name: str, number: int) -> str:
        """Count one paragraph on; returns what Word writes before it, empty for a bullet."""
        if name not in self._lists or not 0 <= number < MAX_LEVEL:
            return ""
        abstract, own, starts = self._lists[name]
        abstract = self._links.get(abstract, abstract)
        levels = {**self._levels.get(abstract, {}), **own}
        level = levels.get(number)
        if level is None:
            return ""
        counts = self._counts.setdefault(abstract, {})
        if number in starts and (name, number) not in self._begun:
            counts[number] = starts[number]
        else:
            counts[number] = counts[number] + 1 if number in counts else level.start
        self._begun.add((name, number))
        for deeper in [n for n in counts if n > number and (n not in levels or levels[n].restarts)]:
            del counts[deeper]
        if level.form in ("bullet", "none"):
            return ""
        text = level.text
        for n in range(MAX_LEVEL):
            if f"%{n + 1}" in text:
                shown = levels.get(n, level)
                count = counts.setdefault(n, shown.start)
                text = text.replace(f"%{n + 1}", str(count) if level.legal else written(count, shown.form))
        return text


def _level(level: "Element") -> _Level:
    start = _value(level, "start") or "0"
    return _Level(
        int(start) if start.isdecimal() else 0,
        _value(level, "numFmt") or "decimal",
        _value(level, "lvlText") or "",
        _value(level, "lvlRestart") != "0",
        level.find(f"{W}isLgl") is not None,
        _value(level, "pStyle") or "",
    )


def _value(parent: "Element", name: str) -> str | None:
    child = parent.find(f"{W}{name}")
    return None if child is None else child.get(f"{W}val")


def _number(element: "Element", name: str) -> int:
    text = element.get(f"{W}{name}") or "0"
    return int(text) if text.isdecimal() else 0


def written(count: int, form: str) -> str:
    """A count in letters, Roman numerals or figures."""
    if form in ("lowerLetter", "upperLetter") and count > 0:
        text = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 % 20 + 1)
    elif form in ("lowerRoman", "upperRoman") and 0 < count < 5000:
        text = ""
        for value, letters in ROMAN:
            text += letters * (count // value)
            count %= value
    else:
        text = f"{count:02}" if form == "decimalZero" else str(count)
    return text.upper() if form.startswith("upper") else text
