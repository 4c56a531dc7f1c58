"""Edits of one sentence: reversals, which change what it says, and rewordings, which keep it.

A phrase table drives most of them: a row names sides that exclude each other, a side names phrases that mean the same.
A phrase exchanged for one of another side is a reversal, for one of its own side a rewording. So whatever the model
learns to call a contradiction, it also sees as a harmless change of words.
"""

import functools
import itertools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.training.rows import CONTRADICTED, NOT_SUPPORTED, Span


@dataclass(frozen=True, slots=True)
class Edit:
    """`spans`: the changed characters, in the new text. `label`: what the statement is against the old text."""

    text: str
    spans: tuple[Span, ...]
    kind: str
    label: int = CONTRADICTED


@dataclass(frozen=True, slots=True)
class Phrases:
    """One row of the table. `near`: a pattern that has to stand directly before the phrase."""

    kind: str
    sides: tuple[tuple[str, ...], ...]
    near: str = ""
    label: int = CONTRADICTED


_FOLDER = Path(__file__).parent


def _read_phrases(text: str) -> list[Phrases]:
    """`[kind FLAGS]` opens a kind; a row's sides are parted by " / ", phrases of one side by "|"."""
    rows = []
    kind, flags = "", frozenset[str]()
    for line in text.splitlines():
        if line.startswith("["):
            kind, *given = line.strip("[]").split()
            flags = frozenset(given)
            continue
        near = r"(?<=\d)\s?" if "after-number" in flags else ""
        label = NOT_SUPPORTED if "undenied" in flags else CONTRADICTED
        rows.append(Phrases(kind, tuple(tuple(side.split("|")) for side in line.split(" / ")), near, label))
    return rows


PHRASES = _read_phrases((_FOLDER / "phrases.txt").read_text("utf-8"))
PREFIXES = ("un", "in", "im", "ir", "dis", "non-", "non", "il")
# Words that begin like a negated one and are not.
NOT_NEGATED = frozenset(
    "union united unity until under invest index indeed inform income increase industry inside instance intend "
    "interest "
    "invent involve impact import important improve issue display distance district discover discuss disease disaster "
    "unit units unless unique universe university universal internal instead illness imply impress inland input".split()
)


@functools.lru_cache(maxsize=4096)
def _pattern(phrase: str, near: str) -> re.Pattern[str]:
    body = r"\s+".join(re.escape(word) for word in phrase.split())
    start = r"(?<!\w)" if phrase[0].isalnum() and not near else ""
    return re.compile(
        near + f"(?P<phrase>{start}{body})" + (r"(?!\w)" if phrase[-1].isalnum() else ""), 0 if near else re.I
    )


@functools.cache
def _index() -> dict[str, list[tuple[Phrases, int, str]]]:
    """The table by the first word of a phrase, so that a sentence is compared with few phrases only."""
    index: dict[str, list[tuple[Phrases, int, str]]] = {}
    for row in PHRASES:
        for number, side in enumerate(row.sides):
            for phrase in side:
                index.setdefault(phrase.split()[0].lower(), []).append((row, number, phrase))
    return index


_TOKEN = re.compile(r"[A-Za-z][A-Za-z.-]*[A-Za-z]|[a-zA-Z]\.[a-z]\.|[%°µ]\w*|[A-Za-z]")


def _found(text: str) -> list[tuple[Phrases, int, Span]]:
    index = _index()
    words = {word.lower() for word in _TOKEN.findall(text)}
    hits = []
    for word in words:
        for row, side, phrase in index.get(word, ()):
            for match in _pattern(phrase, row.near).finditer(text):
                hits.append((row, side, match.span("phrase")))
    hits = [hit for hit in hits if not any(_inside(hit[2], other[2]) for other in hits)]
    return sorted(hits, key=lambda hit: (hit[2], hit[0].kind, hit[1]))


def _inside(span: Span, other: Span) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def replace(text: str, span: Span, new: str) -> tuple[str, tuple[Span, ...]]:
    """The text with `new` at the span, and where `new` lies; a capital at the start is kept."""
    start, end = span
    if text[start : start + 1].isupper() and start == 0:
        new = new[:1].upper() + new[1:]
    return text[:start] + new + text[end:], ((start, start + len(new)),)


def reverse_phrase(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """A phrase of the table becomes one of another side. Rare kinds are as likely as frequent ones."""
    hits = _found(text)
    if not hits:
        return None
    kind = rng.choice(sorted({row.kind for row, _, _ in hits}))
    row, side, span = rng.choice([hit for hit in hits if hit[0].kind == kind])
    other = rng.choice([number for number in range(len(row.sides)) if number != side])
    changed, spans = replace(text, span, rng.choice(row.sides[other]))
    return Edit(changed, spans, kind, row.label)


def reword_phrase(text: str, rng: random.Random) -> str | None:
    """A phrase of the table becomes one of its own side."""
    hits = [hit for hit in _found(text) if len(hit[0].sides[hit[1]]) > 1]
    if not hits:
        return None
    row, side, span = rng.choice(hits)
    old = text[slice(*span)].lower()
    return replace(text, span, rng.choice([phrase for phrase in row.sides[side] if phrase.lower() != old]))[0]


_WORD = re.compile(r"(?<![\w-])[a-z]{5,}(?![\w-])")


def reverse_prefix(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """ "unsafe" becomes "safe" and the other way round, where `pool` knows both words."""
    known = _vocabulary(tuple(pool))
    options: list[tuple[Span, str]] = []
    for match in _WORD.finditer(text):
        word = match[0]
        if word in NOT_NEGATED:
            continue
        for prefix in PREFIXES:
            bare = word.removeprefix(prefix)
            if bare != word and len(bare) >= 4 and bare in known:
                options.append((match.span(), bare))
            elif prefix + word in known and prefix + word not in NOT_NEGATED:
                options.append((match.span(), prefix + word))
    if not options:
        return None
    span, new = rng.choice(options)
    return Edit(*replace(text, span, new), "prefix")


@functools.lru_cache(maxsize=4)
def _vocabulary(pool: tuple[str, ...]) -> frozenset[str]:
    return frozenset(pool)


NUMBER = re.compile(r"(?<![\w.,-])[-−+]?\d[\d,]*(?:\.\d+)?(?![\w])")


def reverse_number(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """Another value: shifted point, lost or added zero, exchanged digits, other sign, or a near number."""
    found = list(NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    options = [new for new in _other_numbers(match[0], rng) if new != match[0]]
    if not options:
        return None
    return Edit(*replace(text, match.span(), rng.choice(options)), "number")


def _other_numbers(raw: str, rng: random.Random) -> list[str]:
    digits = raw.replace(",", "").lstrip("-−+")
    sign = raw[: len(raw) - len(raw.lstrip("-−+"))]
    options = [raw[1:]] if sign and sign != "+" else []
    if "." in digits:
        whole, part = digits.split(".")
        options += [sign + whole + part, f"{sign}{whole}{part[0]}.{part[1:] or '0'}", f"{sign}0.{whole}{part}"]
        options += [
            f"{sign}{whole}.{rng.randrange(1, 9)}{part[1:]}",
            f"{sign}{whole}.0{part}",
            f"{sign}{int(whole) + 1}.{part}",
        ]
        if len(part) > 1 and part[0] != part[1]:
            options.append(f"{sign}{whole}.{part[1]}{part[0]}{part[2:]}")
        return [new for new in options if _value(new) != _value(raw)]
    value = int(digits)
    near = [value + 1, value + rng.choice([2, 3, 5, 10]), max(0, value - rng.choice([1, 2, 5, 10]))]
    if not 1000 <= value <= 2100:
        near += [value * 10, value * 2] + ([value // 10] if value >= 10 and value % 10 == 0 else [])
        options.append(f"{digits[:-1]}.{digits[-1]}" if len(digits) > 1 else f"0.{digits}")
        if value < 100:
            options.append(f"-{digits}" if not sign else digits)
    swapped = digits[:-2] + digits[-1] + digits[-2] if len(digits) > 1 else digits
    near += [int(swapped)] if swapped[0] != "0" and int(swapped) != value else []
    return options + [f"{number:,}" if "," in raw else str(number) for number in near if number != value]


def _value(raw: str) -> float:
    return float(raw.replace(",", "").replace("−", "-"))


NAME = re.compile(r"(?<![.!?\"“(] )(?<!^)\b[A-Z][\w'’-]*[a-z](?: (?:of |the )?[A-Z][\w'’-]*)*")


def names(text: str) -> list[tuple[Span, str]]:
    """Runs of capitalised words inside a sentence, and at its start when they are two or more words."""
    found = [(match.span(), match[0]) for match in NAME.finditer(text)]
    opening = re.match(r"[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)+", text)
    return ([(opening.span(), opening[0])] if opening else []) + [name for name in found if len(name[1]) > 2]


def reverse_name(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """Another name of the same document."""
    found = names(text)
    if not found or not pool:
        return None
    span, old = rng.choice(found)
    others = [name for name in pool if name not in text and old not in name and name[:1].isupper()]
    same = [name for name in others if len(name.split()) == len(old.split())]
    if not same:
        return None
    return Edit(*replace(text, span, rng.choice(same)), "name")


def _swap(text: str, first: Span, second: Span, kind: str) -> Edit:
    (a, b), (c, d) = first, second
    x, y, between = text[a:b], text[c:d], text[b:c]
    start = a + len(y) + len(between)
    return Edit(text[:a] + y + between + x + text[d:], ((a, a + len(y)), (start, start + len(x))), kind)


def swap_names(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """ "A acquired B" becomes "B acquired A"."""
    found = [name for name in names(text) if text.count(name[1]) == 1]
    pairs = [
        (first, second)
        for (first, x), (second, y) in itertools.pairwise(found)
        if x not in y
        and y not in x
        and re.search(r"[a-z]{3,}", text[first[1] : second[0]])
        and not re.fullmatch(r"\W*(?:and|or|with)\W*", text[first[1] : second[0]])
    ]
    return _swap(text, *rng.choice(pairs), "roles") if pairs else None


_NOUNS = re.compile(
    r"^(?P<a>(?:The|A|An) [a-z]+(?: [a-z]+)?) (?P<v>[a-z]+ed|[a-z]+s|was [a-z]+ed by|is [a-z]+ed by|were [a-z]+ed by) "
    r"(?P<b>(?:the|a|an) [a-z]+)\b"
)


def swap_nouns(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """ "The mayor sued the paper" becomes "The paper sued the mayor"."""
    match = _NOUNS.match(text)
    if not match or match["a"].lower() == match["b"]:
        return None
    new = f"{match['b'][0].upper()}{match['b'][1:]} {match['v']} {match['a'][0].lower()}{match['a'][1:]}"
    second = len(match["b"]) + len(match["v"]) + 2
    spans = ((0, len(match["b"])), (second, len(new)))
    return Edit(new + text[match.end() :], spans, "roles")


def swap_values(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """Two numbers of one sentence change places."""
    found = [match.span() for match in NUMBER.finditer(text)]
    pairs = [
        (first, second)
        for first, second in itertools.pairwise(found)
        if text[slice(*first)] != text[slice(*second)] and re.search(r"[a-z]{2,}", text[first[1] : second[0]])
    ]
    return _swap(text, *rng.choice(pairs), "values") if pairs else None


_FROM_TO = re.compile(
    r"\bfrom (?P<a>(?:the )?[\w.,%$€£°-]+(?: [A-Z]\w+)?) to (?P<b>(?:the )?[\w%$€£°-]+(?: [A-Z]\w+)?)"
)
_SIDES = re.compile(
    r"^(?P<a>[^,;]{10,110}?) (?P<link>because of|because|led to|leads to|caused|causes|resulted in|results in|"
    r"was caused by|"
    r"before|after|prior to|following|rather than|instead of|due to|results from|depends on|replaced|precedes|follows|"
    r"exceeds|outnumber|is larger than|is smaller than|is older than) (?P<b>[^,;]{6,110})(?P<end>[.!])$"
)
_PARALLEL = re.compile(
    r"\b(?P<s1>[A-Z]?\w+) (?P<v>is|are|was|were|has|have|had) (?P<x>[^,;.]{2,40}),? "
    r"(?:and|while|whereas|but) (?P<s2>(?:the )?\w+) "
    r"(?P=v) (?P<y>[^,;.]{2,40})(?=[.;,])"
)


def swap_from_to(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    match = _FROM_TO.search(text)
    return _swap(text, match.span("a"), match.span("b"), "values") if match and match["a"] != match["b"] else None


def swap_parallel(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """ "A is x and B is y" becomes "A is y and B is x"."""
    match = _PARALLEL.search(text)
    return _swap(text, match.span("x"), match.span("y"), "values") if match and match["x"] != match["y"] else None


def swap_sides(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """Cause and effect, or what came first and what came after, change places."""
    match = _SIDES.match(text)
    if not match:
        return None
    new = f"{match['b'][0].upper()}{match['b'][1:]} {match['link']} {_lower(match['a'])}{match['end']}"
    return Edit(new, ((0, len(new)),), "cause")


_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|have|had|can|could|will|would|should|may|might|must|does|do|did)\b(?! not\b|n't)"
)
_NEGATED = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would|should|may|might|must|does|do|did) not\b")


def reverse_negation(text: str, rng: random.Random, pool: Sequence[str] = ()) -> Edit | None:
    """A "not" comes or goes."""
    if match := _NEGATED.search(text):
        return Edit(*replace(text, match.span(), match[1]), "negation")
    found = list(_AUXILIARY.finditer(text))[:2]
    if not found:
        return None
    match = rng.choice(found)
    return Edit(
        *replace(text, match.span(), f"{match[0]} {rng.choice(['not', 'not', 'never', 'no longer'])}"), "negation"
    )


Reversal = Callable[[str, random.Random, Sequence[str]], Edit | None]
REVERSALS: dict[Reversal, int] = {
    reverse_phrase: 10,
    reverse_prefix: 3,
    reverse_number: 4,
    reverse_name: 2,
    reverse_negation: 2,
    swap_names: 4,
    swap_nouns: 3,
    swap_values: 4,
    swap_from_to: 3,
    swap_parallel: 4,
    swap_sides: 4,
}


def reverse(text: str, rng: random.Random, pool: Sequence[str] = (), vocabulary: Sequence[str] = ()) -> Edit | None:
    """One reversal of the sentence, or None where none applies. `pool`: names of the document."""
    for _ in range(6):
        kind = rng.choices(list(REVERSALS), list(REVERSALS.values()))[0]
        done = kind(text, rng, vocabulary if kind is reverse_prefix else pool)
        if done and done.text != text:
            return done
    return None


# ---------------------------------------------------------------- rewordings


def _lower(text: str) -> str:
    """Lower case at the start, unless a name stands there."""
    return text if re.match(r"[A-Z]\w* [A-Z]|[A-Z]{2}|I\b", text) else text[:1].lower() + text[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


_VOICE = re.compile(
    r"^(?P<s>(?:The |A |An )?[A-Z]?[\w' -]{3,50}?) (?P<v>[a-z]+ed) "
    r"(?P<o>(?:the|a|an|its|his|her) [\w' -]{3,60}?|[A-Z][\w' -]{2,40}?)"
    r"(?P<t>(?: (?:in|on|at|during|by|with|from|for|to) [^,.;]+)?)(?P<e>[.!])$"
)
_PASSIVE = re.compile(
    r"^(?P<o>(?:The |A |An )?[\w' -]{3,60}?) (?:was|were) (?P<v>[a-z]+ed) by (?P<s>(?:the |a |an )?[\w' -]{3,50}?)"
    r"(?P<t>(?: (?:in|on|at|during|with|from|for|to) [^,.;]+)?)(?P<e>[.!])$"
)
_SMALL = re.compile(r"\b(and|that|which|who|was|were|is|are|had|has|have|been|not|never)\b")
_PLURAL = re.compile(r"^(?:the |its |his |her )?(?:[\w-]+ )*\w+[^s]s$")


def change_voice(text: str, rng: random.Random) -> str | None:
    """Active to passive, and back."""
    if (match := _VOICE.match(text)) and not _SMALL.search(match["s"] + " " + match["o"]):
        be = "were" if _PLURAL.match(match["o"]) else "was"
        return f"{_upper(match['o'])} {be} {match['v']} by {_article(match['s'])}{match['t']}{match['e']}"
    if (match := _PASSIVE.match(text)) and not _SMALL.search(match["s"] + " " + match["o"]):
        return f"{_upper(match['s'])} {match['v']} {_article(match['o'])}{match['t']}{match['e']}"
    return None


def _article(text: str) -> str:
    return text[0].lower() + text[1:] if text.startswith(("The ", "A ", "An ")) else text


_OPENING = re.compile(
    r"^((?:In|On|At|During|After|Before|By|For|Since|Because|When|While|Although|If|Unless|Until|Despite|From|Under) "
    r"[^,]{4,70}), "
    r"([^.]+)\.$"
)
_CLOSING = re.compile(
    r"^([^,.;]{15,120}?) ((?:in|during|after|before|since|because|when|while|although|if|unless|until|despite) "
    r"[^,.;]{6,70})\.$"
)


def move_opening(text: str, rng: random.Random) -> str | None:
    """An adverbial moves from the front to the end, or from the end to the front."""
    if match := _OPENING.match(text):
        return f"{_upper(match[2])} {_lower(match[1])}."
    if match := _CLOSING.match(text):
        return f"{_upper(match[2])}, {_lower(match[1])}."
    return None


def drop_adjunct(text: str, rng: random.Random) -> str | None:
    """Leaves out a parenthesis, a relative clause or an opening."""
    options = [
        re.sub(r",? (?:which|who|where|although|while|whereas|including|such as) [^,]{8,}?(?=[.!?]$)", "", text),
        re.sub(r", [^,]{6,80}?,(?= (?:is|are|was|were|has|have|had|can|will|would|may|[a-z]+(?:s|ed)) )", "", text),
        re.sub(
            r"^(?:In|On|At|However|Moreover|Furthermore|Additionally|Also|Thus|Finally|Overall)\b[^,]{0,40}, "
            r"(?=[A-Za-z])",
            "",
            text,
        ),
        re.sub(r" ?\([^()]{2,80}\)", "", text),
        re.sub(r", [a-z]+ing [^,]{8,}?(?=[.!?]$)", "", text),
    ]
    kept = [_upper(new) for new in options if new != text and len(new) > max(25, 0.35 * len(text))]
    return rng.choice(kept) if kept else None


_SHORT = (
    (" is not ", " isn't "), (" are not ", " aren't "), (" was not ", " wasn't "), (" did not ", " didn't "),
    (" does not ", " doesn't "), (" cannot ", " can't "), (" will not ", " won't "), (" percent", "%"),
    (" per cent", "%"),
)  # fmt: skip


def contract(text: str, rng: random.Random) -> str | None:
    """Short forms for long ones."""
    new = functools.reduce(lambda done, pair: done.replace(*pair), _SHORT, text)
    return new if new != text else None


_DIGITS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def respell_number(text: str, rng: random.Random) -> str | None:
    """The same value written otherwise: 3 and three, 1500 and 1,500, 1.5 million and 1,500,000, -5 and minus 5."""
    options: list[str] = []
    for match in NUMBER.finditer(text):
        raw, (start, end) = match[0], match.span()
        plain = raw.replace(",", "")
        if plain.isdigit() and int(plain) < len(_DIGITS):
            options.append(text[:start] + _DIGITS[int(plain)] + text[end:])
        if plain.isdigit() and int(plain) >= 1000 and ("," in raw or int(plain) > 2100):
            options.append(text[:start] + (plain if "," in raw else f"{int(plain):,}") + text[end:])
        if raw[0] in "-−":
            options.append(f"{text[:start]}minus {raw[1:]}{text[end:]}")
        if text.startswith(" million", end) and "." in plain:
            options.append(f"{text[:start]}{round(float(plain) * 1e6):,}{text[end + 8 :]}")
        if re.fullmatch(r"\d+\.\d0", plain):
            options.append(text[:start] + raw[:-1] + text[end:])
    for match in re.finditer(r"\b(?:" + "|".join(_DIGITS[2:]) + r")\b", text):
        options.append(text[: match.start()] + str(_DIGITS.index(match[0])) + text[match.end() :])
    return rng.choice(options) if options else None


_NEGATIVE = re.compile(r"\b(is|are|was|were) (?:un|in|im|dis)(\w{4,})\b")


def unfold_prefix(text: str, rng: random.Random, vocabulary: Sequence[str] = ()) -> str | None:
    """ "is unsafe" becomes "is not safe"."""
    match = _NEGATIVE.search(text)
    if not match or match[2] not in _vocabulary(tuple(vocabulary)):
        return None
    return f"{text[: match.start()]}{match[1]} not {match[2]}{text[match.end() :]}"


def frame(text: str, rng: random.Random) -> str | None:
    """Says who says it."""
    if text.startswith(("It is stated", "According to", "The document", "The passage")):
        return None
    openings = ("It is stated that", "According to the text,", "The document says that", "The passage notes that")
    return f"{rng.choice(openings)} {_lower(text)}"


_SYNONYMS = [line.split("|") for line in (_FOLDER / "synonyms.txt").read_text("utf-8").splitlines()]
_SYNONYM_OF = {word: [other for other in group if other != word] for group in _SYNONYMS for word in group}


def use_synonyms(text: str, rng: random.Random) -> str | None:
    """Every second word that has a synonym in the list is exchanged."""

    def exchanged(match: re.Match[str]) -> str:
        others = _SYNONYM_OF.get(match[0])
        return rng.choice(others) if others and rng.random() < 0.5 else match[0]

    new = re.sub(r"\b[a-z][a-z-]+\b", exchanged, text)
    return new if new != text else None


Rewording = Callable[[str, random.Random], str | None]
REWORDINGS: tuple[Rewording, ...] = (
    use_synonyms, use_synonyms, drop_adjunct, drop_adjunct, change_voice, change_voice, change_voice, move_opening,
    move_opening, contract, respell_number, respell_number, reword_phrase, reword_phrase, reword_phrase, frame,
)  # fmt: skip


def reword(text: str, rng: random.Random, steps: int = 2) -> str:
    """Up to `steps` rewordings one after the other; the text itself where none applies."""
    for _ in range(steps):
        for _ in range(5):
            new = rng.choice(REWORDINGS)(text, rng)
            if new and new != text:
                text = new
                break
    return text
