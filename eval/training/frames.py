"""Sentences made from frames, for kinds of statements that encyclopedias seldom hold: doses, rules, opening hours.

A frame is several ways of saying one thing, with slots. Two ways with the same values say the same; a way in which one
slot has another value, or two values of a kind have changed places, says something else.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from eval.training.rows import CONTRADICTED, NOT_SUPPORTED, SUPPORTED, Span

# A slot lists values that exclude each other; "|" parts spellings of one value.
SLOTS: dict[str, list[list[str]]] = {
    name: [value.split("|") for value in values.split("/")]
    for name, values in {
        "order": "before|prior to/after|following",
        "bound": "at least|no fewer than|no less than|a minimum of/at most|no more than|up to|a maximum of/exactly|precisely",
        "limit": "more than|over|in excess of/less than|under|fewer than",
        "may": "must|have to|are required to/may|can|are allowed to|are permitted to/must not|may not|are not allowed to",
        "needed": "required|mandatory|compulsory|obligatory/optional|voluntary/forbidden|prohibited|not allowed",
        "junction": "and/or",
        "clock": "6 am|6 a.m./6 pm|6 p.m./8:30 am|8.30 a.m./8:30 pm|8.30 p.m./11 am|11 a.m./11 pm|11 p.m./noon|midday/midnight",
        "part": "morning/evening/afternoon/night",
        "day": "Monday/Tuesday/Wednesday/Thursday/Friday/Saturday/Sunday",
        "month": "January/March/April/June/August/October/December",
        "every": "every day|daily/every week|weekly/every month|monthly/every year|yearly/every hour|hourly",
        "mass": "5 mg|5 milligrams/5 g|5 grams/50 mg|50 milligrams/0.5 mg|0.5 milligrams/250 mg|250 milligrams/2.5 mg|2.5 milligrams/25 g|25 grams",
        "volume": "20 litres|20 liters/20 gallons/20 ml|20 millilitres/2 litres|2 liters/200 litres|200 liters/1.5 litres|1.5 liters/15 litres|15 liters",
        "length": "3 km|3 kilometres/3 miles/30 km|30 kilometres/3 metres|3 m/0.3 metres|30 cm|30 centimetres/3.5 km|3.5 kilometres/35 km|35 kilometres",
        "heat": "8 °C|8 degrees Celsius/8 °F|8 degrees Fahrenheit/-8 °C|minus 8 °C|minus 8 degrees Celsius/25 °C|25 degrees Celsius/-25 °C|minus 25 degrees Celsius/2.5 °C|2.5 degrees Celsius/0.8 °C|0.8 degrees Celsius",
        "time": "10 minutes|ten minutes/10 hours|ten hours/10 seconds|ten seconds/10 days|ten days/2 weeks|two weeks|14 days/2 months|two months/30 minutes|half an hour/24 hours|one day",
        "money": "40 dollars|$40/40 euros|€40/40 pounds|£40/4 dollars|$4/400 dollars|$400/4,000 dollars|$4,000/14 dollars|$14",
        "amount": "3 million|3,000,000/3 billion/30 million|30,000,000/3 thousand|3,000/1.3 million|1,300,000/13 million|13,000,000",
        "rate": "2.4 %|2.4 percent/24 %|24 percent/0.24 %|0.24 percent/4.2 %|4.2 percent/12 %|12 percent/1.2 %|1.2 percent",
        "count": "2|two/3|three/5|five/8|eight/10|ten/12|twelve/20|twenty/50|fifty",
        "safe": "safe/unsafe|not safe", "known": "known/unknown|not known", "legal": "legal|lawful/illegal|unlawful",
        "complete": "complete/incomplete|not complete", "fit": "suitable/unsuitable|not suitable",
        "valid": "valid/invalid|not valid", "stable": "stable/unstable|not stable", "wise": "advisable/inadvisable|not advisable",
        "moved": "rose|increased|went up/fell|decreased|went down/remained the same|did not change",
        "because": "because/although|even though", "due": "because of|due to|owing to/despite|in spite of",
        "unless": "unless/if", "with": "with/without", "where": "inside/outside", "side": "left/right",
        "turn": "clockwise/anticlockwise|counterclockwise", "always": "always/never/sometimes",
        "quant": "all|every one of/none of/some of/most of", "edge": "the minimum|the lowest/the maximum|the highest",
        "incl": "including/except|apart from|but not", "way": "upstream/downstream", "sign": "above/below",
        "beat": "defeated|beat/lost to", "owns": "acquired|took over|bought/sold|divested", "dir": "imports/exports",
        "person": "Ms Okafor/Mr Lindgren/Dr Patel/Mrs Duarte/Mr Nakamura/Ms Keller/Dr Osei/Mr Brennan",
        "firm": "Norvik/Calder Mills/Astrel/Pinewood Energy/Tamar Foods/Helix Systems/Rowan Bank/Vantor",
        "town": "Kessel/Aldbury/Port Maren/Tirana/Lyme/Ostrava/Bergen/Cork/Salta",
        "group": "the nurses/the drivers/the students/the members/the tenants/the visitors/the engineers/the guards",
        "role": "the manager/the auditor/the tenant/the landlord/the supplier/the customer/the union/the council/the bank/the insurer",
        "thing": "the pump/the boiler/the sensor/the battery/the valve/the printer/the generator/the freezer/the tank",
        "drug": "the tablet/the syrup/the vaccine/the ointment/the injection/the capsule",
        "meal": "breakfast/lunch/dinner/bedtime", "animal": "wolves/otters/hares/owls/bees/trout/deer",
        "plant": "wheat/barley/clover/rice/maize/oak/pine",
        "place": "the library/the museum/the office/the harbour/the clinic/the canteen/the pool/the workshop",
        "trouble": "the fire/the flood/the strike/the shortage/the outage/the drought/the delay/the recall",
        "doc": "the form/the contract/the invoice/the report/the certificate/the licence/the receipt",
        "colour": "red/blue/green/white/black/yellow", "use": "cleaning/repair/transport/storage/heating",
        "year": "1871/1904/1923/1956/1987/1994/2003/2011",
    }.items()
}  # fmt: skip
# Slots where another value says less, more or something about another thing, without denying what is said.
UNDENIED = frozenset(
    "may junction needed quant always bound drug thing place group firm person town animal plant doc role trouble".split()
)
FRAMES = [
    "Take {drug} {order} {meal}.|{drug} is taken {order} {meal}.|{order} {meal}, take {drug}.",
    "Each dose of {drug} holds {mass} of the substance.|{mass} of the substance are in each dose of {drug}.",
    "Adults take {mass} of {drug} every {count} hours.|Every {count} hours, adults take {mass} of {drug}.",
    "{drug} is {safe} during pregnancy.|During pregnancy {drug} is {safe}.",
    "{drug} is {fit} for children under {count} years.|For children under {count} years {drug} is {fit}.",
    "Store {drug} {sign} {heat}.|{drug} should be stored {sign} {heat}.|{drug} is kept {sign} {heat}.",
    "Wait {bound} {time} between two doses.|Between two doses, wait {bound} {time}.",
    "Use {drug} within {time} of opening.|Once opened, {drug} is used within {time}.",
    "{place} opens at {clock}.|At {clock} {place} opens.|The opening time of {place} is {clock}.",
    "{place} closes at {clock} on {day}s.|On {day}s {place} closes at {clock}.|On {day}s, {place} is shut from {clock}.",
    "{place} is open in the {part}.|In the {part} {place} is open.",
    "{place} opens on {day} and closes on {day2}.|{place} closes on {day2}; it opens on {day}.",
    "Tours of {place} start at {clock} and end at {clock2}.|Starting at {clock}, tours of {place} end at {clock2}.",
    "{thing} is inspected {every}.|{every}, {thing} is inspected.|There is an inspection of {thing} {every}.",
    "{group} {may} wear a badge in {place}.|In {place}, {group} {may} wear a badge.",
    "{group} {may} use the lift {junction} the stairs.|The lift {junction} the stairs: this is what {group} {may} use.",
    "{group} {may} sign {doc} {order} work starts.|{order} work starts, {group} {may} sign {doc}.",
    "A deposit is {needed} for {doc}.|For {doc} a deposit is {needed}.",
    "Gloves are {needed} in {place}.|In {place} gloves are {needed}.|The wearing of gloves is {needed} in {place}.",
    "{group} bring {doc} {junction} a photo.|A photo {junction} {doc} are brought by {group}.",
    "{thing} stops when it is hot {junction} empty.|When it is hot {junction} empty, {thing} stops.",
    "The lift carries {bound} {count} people.|{bound} {count} people are carried by the lift.",
    "{bound} {count} of {group} are in {place} at night.|At night {bound} {count} of {group} are in {place}.",
    "Fees of {limit} {money} are approved by {role}.|{role} approves fees of {limit} {money}.",
    "{role} pays {money} for {use}.|{money} for {use} is paid by {role}.|For {use}, {role} pays {money}.",
    "{role} sued {role2} in {year}.|In {year} {role2} was sued by {role}.|{role2} was sued by {role} in {year}.",
    "{role} owes {role2} {money}.|{money} is owed to {role2} by {role}.|{role2} is owed {money} by {role}.",
    "{role} informs {role2} about {trouble}.|{role2} is informed about {trouble} by {role}.",
    "{role} warned {role2} about {trouble}.|{role2} was warned about {trouble} by {role}.",
    "{person} hired {person2} in {month}.|{person2} was hired by {person} in {month}.|In {month} {person} hired {person2}.",
    "{person} taught {person2}.|{person2} was taught by {person}.|{person2} was a student of {person}.",
    "{person} replaced {person2} in {year}.|{person2} was replaced by {person} in {year}.|In {year} {person} took the place of {person2}.",
    "{person} reports to {person2}.|{person2} receives the reports of {person}.",
    "{person} {beat} {person2} in the final.|In the final {person} {beat} {person2}.",
    "{firm} acquired {firm2} in {year}.|{firm2} was acquired by {firm} in {year}.|In {year}, {firm} bought {firm2}.",
    "{firm} supplies {firm2} with steel.|{firm2} is supplied with steel by {firm}.|{firm2} gets its steel from {firm}.",
    "{firm} sold its mill to {firm2} for {amount} euros.|{firm2} bought the mill of {firm} for {amount} euros.",
    "{firm} is larger than {firm2}.|{firm2} is smaller than {firm}.|Of the two, {firm} is the larger and {firm2} the smaller.",
    "{firm} {dir} {plant}.|What {firm} {dir} is {plant}.",
    "{firm} spent {amount} dollars on {use}.|{amount} dollars were spent on {use} by {firm}.",
    "Sales of {firm} {moved} by {rate} in {month}.|In {month} sales of {firm} {moved} by {rate}.",
    "Prices {moved} from {money} to {money2}.|From {money} to {money2}: prices {moved}.",
    "Unemployment in {town} stood at {rate}.|In {town}, {rate} of people were without work.|{rate} were unemployed in {town}.",
    "{trouble} caused {trouble2}.|{trouble2} was caused by {trouble}.|{trouble2} was a result of {trouble}.|{trouble} led to {trouble2}.",
    "{trouble} prevented {trouble2}.|{trouble2} was prevented by {trouble}.|Because of {trouble}, {trouble2} did not happen.",
    "{place} was closed {due} {trouble}.|{due} {trouble}, {place} was closed.",
    "{group} stayed {because} it rained.|{because} it rained, {group} stayed.",
    "{thing} stops {unless} the lamp is {colour}.|{unless} the lamp is {colour}, {thing} stops.",
    "{trouble} came {order} {trouble2}.|{order} {trouble2} came {trouble}.",
    "Trains run from {town} to {town2}.|To {town2} trains run from {town}.|From {town}, trains run to {town2}.",
    "{town} lies {length} from the coast.|{length} is the distance between {town} and the coast.",
    "{town} lies {way} of {town2}.|It is {way} of {town2} that {town} lies.",
    "The temperature in {town} was {heat}.|In {town} it was {heat}.|{heat} was measured in {town}.",
    "The gauge of {thing} must stay {sign} zero.|{sign} zero is where the gauge of {thing} must stay.",
    "{thing} holds {volume}.|{volume} is what {thing} holds.|The capacity of {thing} is {volume}.",
    "{thing} runs on {volume} of oil {every}.|{every}, {thing} runs on {volume} of oil.",
    "{thing} is on the {side} of the door.|On the {side} of the door is {thing}.|To find {thing}, look on the {side} of the door.",
    "Turn the knob of {thing} {turn}.|The knob of {thing} is turned {turn}.",
    "{thing} is opened from {where}.|From {where}, {thing} is opened.",
    "{thing} is sold {with} a cable.|It is {with} a cable that {thing} is sold.",
    "{thing} is {stable} at {heat}.|At {heat} {thing} is {stable}.",
    "{thing} is {colour} and {thing2} is {colour2}.|{thing2} is {colour2} and {thing} is {colour}.|{thing2} is {colour2}, while {thing} is {colour}.",
    "{thing} costs {money} and {thing2} costs {money2}.|{thing2} costs {money2}; the price of {thing} is {money}.|You pay {money2} for {thing2} and {money} for {thing}.",
    "{plant} is sown in {month} and {plant2} in {month2}.|In {month2} {plant2} is sown, in {month} {plant}.",
    "{place} dates from {year}, {place2} from {year2}.|{place2} dates from {year2} and {place} from {year}.|{place2} was built in {year2}, {place} in {year}.",
    "{group} get {count} days and {group2} {count2}.|{count2} days are for {group2} and {count} for {group}.",
    "{animal} hunt in the {part}, {animal2} in the {part2}.|{animal2} hunt in the {part2} and {animal} in the {part}.",
    "{animal} eat {animal2}.|{animal2} are eaten by {animal}.",
    "There are more {animal} than {animal2} in the park.|In the park {animal} outnumber {animal2}.|The park has fewer {animal2} than {animal}.",
    "{doc} is {valid} {with} a stamp.|{with} a stamp, {doc} is {valid}.",
    "{doc} is {complete}.|What we have is {doc}, which is {complete}.",
    "{doc} is kept for {bound} {count} years.|For {bound} {count} years {doc} is kept.",
    "{doc} is due {order} {month}.|{order} {month}, {doc} is due.",
    "{doc} arrives within {time}.|Within {time}, {doc} arrives.|It takes no longer than {time} for {doc} to arrive.",
    "{quant} the rooms are heated in {month}.|In {month} {quant} the rooms are heated.",
    "{group} {always} lock {place}.|{place} is {always} locked by {group}.",
    "{edge} age is {count}.|An age of {count} is {edge}.",
    "The price covers everything {incl} {use}.|Everything {incl} {use} is covered by the price.",
    "It is {legal} to fish near {town}.|Near {town} it is {legal} to fish.|Fishing near {town} is {legal}.",
    "It is {wise} to clean {thing} {with} water.|Cleaning {thing} {with} water is {wise}.",
    "The cause of {trouble} is {known}.|What caused {trouble} is {known}.",
    "{town} has {amount} inhabitants.|{amount} people live in {town}.|The population of {town} is {amount}.",
    "{firm} was founded in {year} and closed in {year2}.|Closed in {year2}, {firm} had been founded in {year}.",
    "Rinse {thing} for {time} {order} use.|{order} use, {thing} is rinsed for {time}.",
]  # fmt: skip
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
        spelled = {slot: values[slot] if number == numbers[slot] and rng.random() < 0.7 else word
                   for (slot, word), number in zip(_spelled(changed, rng).items(), changed.values(), strict=True)}  # fmt: skip
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
