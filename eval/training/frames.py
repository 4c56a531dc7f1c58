"""Sentences made from frames, for kinds of statements that encyclopedias seldom hold: doses, rules, opening hours.

A frame is several ways of saying one thing, with slots. Two ways with the same values say the same; a way in which one
slot has another value, or two values of a kind have changed places, says something else.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.training.rows import CONTRADICTED, NOT_SUPPORTED, SUPPORTED, Span

_FOLDER = Path(__file__).parent
# A slot lists values that exclude each other, parted by "/"; "|" parts spellings of one value.
SLOTS = {
    name: [value.strip().split("|") for value in values.split(" / ")]
    for name, values in (line.split(": ", 1) for line in (_FOLDER / "slots.txt").read_text("utf-8").splitlines())
}
FRAMES = (_FOLDER / "frames.txt").read_text("utf-8").splitlines()
# Slots where another value says less, more or something about another thing, without denying what is said.
UNDENIED = frozenset(
    "may junction needed quant always bound drug thing place group firm person town animal plant doc role "
    "trouble".split()
)
_SLOT = re.compile(r"\{([a-z]+)(\d?)\}")


@dataclass(frozen=True, slots=True)
class Example:
    """A statement beside its evidence, with `label` and the unsupported characters."""

    statement: str
    evidence: str
    label: int
    spans: tuple[Span, ...]


def _filled(form: str, values: dict[str, str], marked: frozenset[str]) -> tuple[str, tuple[Span, ...]]:
    """The sentence, and where the marked slots lie in it."""
    text, at, spans = "", 0, []
    for match in _SLOT.finditer(form):
        text += form[at : match.start()]
        value = values[match[1] + match[2]]
        if not text:
            value = value[0].upper() + value[1:]
        if match[1] + match[2] in marked:
            spans.append((len(text), len(text) + len(value)))
        text, at = text + value, match.end()
    return text + form[at:], tuple(spans)


def sentence(rng: random.Random) -> str:
    """One sentence alone, as a neighbour."""
    form = rng.choice(FRAMES).split("|")[0]
    return _filled(form, _draw(form, rng)[1], frozenset())[0]


def _draw(form: str, rng: random.Random) -> tuple[dict[str, int], dict[str, str]]:
    numbers: dict[str, int] = {}
    for kind, suffix in sorted(set(_SLOT.findall(form))):
        taken = {number for slot, number in numbers.items() if slot.rstrip("0123456789") == kind}
        numbers[kind + suffix] = rng.choice([n for n in range(len(SLOTS[kind])) if n not in taken])
    return numbers, _spelled(numbers, rng)


def _spelled(numbers: dict[str, int], rng: random.Random) -> dict[str, str]:
    return {slot: rng.choice(SLOTS[slot.rstrip("0123456789")][number]) for slot, number in numbers.items()}


def examples(rng: random.Random) -> Iterator[Example]:
    """One frame filled once: a copy or another way of saying it, and one or two reversals."""
    forms = rng.choice(FRAMES).split("|")
    numbers, values = _draw(forms[0], rng)
    evidence_form = rng.choice(forms)
    evidence = _filled(evidence_form, values, frozenset())[0]

    def said(changed: dict[str, int], marked: frozenset[str], label: int) -> Example:
        same = rng.random() < 0.55
        form = evidence_form if same else rng.choice(forms)
        spelled = {
            slot: values[slot] if changed[slot] == numbers[slot] and rng.random() < 0.7 else word
            for slot, word in _spelled(changed, rng).items()
        }
        text, spans = _filled(form, spelled, marked)
        return Example(text, evidence, label, spans)

    yield said(numbers, frozenset(), SUPPORTED)
    pairs = [slot for slot in numbers if slot[-1] == "2"]
    if pairs and rng.random() < 0.6:
        second = rng.choice(pairs)
        first = second[:-1]
        yield said(numbers | {first: numbers[second], second: numbers[first]}, frozenset({first, second}), CONTRADICTED)
    slots = list(numbers)
    # The slot that the frame is about comes more often than the names that fill it.
    slot = rng.choices(slots, [1 if len(SLOTS[s.rstrip("2")]) > 6 else 3 for s in slots])[0]
    kind = slot.rstrip("0123456789")
    taken = {number for other, number in numbers.items() if other.rstrip("0123456789") == kind}
    free = [number for number in range(len(SLOTS[kind])) if number not in taken]
    if free:
        label = NOT_SUPPORTED if kind in UNDENIED else CONTRADICTED
        yield said(numbers | {slot: rng.choice(free)}, frozenset({slot}), label)
