"""Whether words assert something, or only name it: "Strategic communication", "In 1947", "France and India".

A fragment has no finite verb. English, by word lists: an auxiliary, a past tense, a common verb in the place of one.
What is in doubt is taken for a statement.
"""

import functools
import re

# Longer than this hardly anything is without a verb.
LONGEST_WORDS = 14

_WORD = re.compile(r"[^\W_]+(?:[-'’.,][^\W_]+)*")
_NEGATED = re.compile(r"n['’]t$")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SUBJECTS = _set("it they he she we i you there it's they're he's she's we're i'm you're there's that's")
_AUXILIARIES = _set(
    "is are was were am has have had do does did can could may might must shall should will would cannot ain't"
)
_PAST = _set(
    "said made took gave led held found built began became came went saw knew grew rose fell brought thought told "
    "left kept met ran sent won wrote spoke broke chose drew drove fought lost paid sold stood understood "
    "withdrew undertook sought taught caught bought felt heard lay lent meant overcame oversaw rebuilt spent "
    "struck swore threw underwent wore arose ate flew forbade forgot froze hid rode sang sank shook shot slept "
    "slid swam swept swung tore woke"
)
# Verbs that are hardly ever nouns.
_VERBS = _set(
    "absorb accelerate accept accommodate accompany accumulate achieve acquire adapt add adhere adopt advise "
    "affect afford aggravate agree align alleviate allow alter analyze anticipate appear apply appoint appreciate "
    "argue arise arrange arrive assemble assert assess assign assist assume attach attain attend attract "
    "authorize avoid become begin believe belong bolster bring broaden build calculate carry catch choose "
    "circumvent clarify collaborate collect combine come commit communicate compare compete complement complicate "
    "comprise compromise concern conclude conduct confer confine confirm confront confuse connect consider "
    "consist constitute constrain construct consult contain continue contribute convert convey convince cooperate "
    "coordinate correspond create cultivate customize deal decide declare dedicate deepen defend define delegate "
    "deliver demand demonstrate deny depend depict deploy derive describe deserve design designate destroy deter "
    "determine develop devise differ diminish disappear discourage discover discuss dismantle dispatch "
    "distinguish distribute diversify divide dominate earn eat educate elevate eliminate embody embrace emerge "
    "emigrate emphasize employ empower enable encompass encourage endanger enforce engage enhance enjoy enlarge "
    "enlist enrich ensure entail equip eradicate erode establish evade evaluate evolve examine exceed exclude "
    "exemplify exist expand expect explain exploit explore expose express extend facilitate fail feel focus "
    "follow forbid foresee forge foster found fulfil fulfill function gather generate get give go govern grow "
    "guarantee handle happen hear help highlight hinder hold identify ignore illustrate impede implement impose "
    "improve include incorporate indicate inform inhibit initiate inspire integrate intend interact interpret "
    "intersect intervene introduce invest investigate invite involve join justify keep know learn let leverage "
    "liberate maintain make manage meet merge mitigate modernize monitor motivate navigate necessitate negotiate "
    "normalize notify nurture observe obtain occupy occur oppose organize originate overcome oversee participate "
    "perform permit persuade pertain portray pick possess precede predict prefer prepare preserve prevail prevent "
    "prioritize proceed prohibit promote prompt propose protect prove provide provoke publish pursue put qualify "
    "reach react reaffirm realize reassure rebuild receive recognize recommend reconcile reduce refer reflect "
    "refuse regulate relate reinforce reject rely remain remember remind remove render replace represent require "
    "resemble reside resist resolve respect respond restore restrict retain reveal revise safeguard satisfy say "
    "secrete see seek seem select send separate serve settle shape shoot showcase signify simplify sing solve "
    "speak specify spend stabilize stem stimulate streamline strengthen strive submit succeed suffer suggest "
    "supervise surround survive sustain take teach tell tend think threaten transcend transform transmit "
    "underline undermine underpin underscore understand undertake unify unite uphold utilize validate vary verify "
    "violate weaken weigh welcome win withdraw withstand yield write"
)
# Verbs that are nouns as well.
_BOTH = _set(
    "access account act address advance aid aim answer approach ask attack attempt attribute balance bar base "
    "bear benefit bind block break bridge burden call cause center centre challenge change charge claim close "
    "combat control cost counter cover cross damage decline defeat delay demand detail display disrupt divide "
    "double draw drive drop end estimate exchange exercise experience export extract face fall feature fight "
    "figure fill fire fit flow force form frame fuel gain grant group guide harm host impact import increase "
    "influence interest issue label lack land last launch lead leave lie like limit link list live look lose "
    "lower mark match matter mean measure mirror move name need note offer open operate order outline own pass "
    "pay place plan play point position present press process produce profile program progress project protest "
    "purchase push question raise range rate read rebel record release report request rescue reserve rest result "
    "return review ride rise risk run sanction save schedule score search secure sell set share shelter shift "
    "ship show sign signal sink slow sound spark speed split sponsor spread stage stand start state stay stop "
    "store strain stress stretch strike struggle study supply support surge survey talk target test threat touch "
    "trace track trade trail train transfer transport travel treat trigger trust try turn update upgrade use "
    "value view visit voice vote wait walk want warn waste watch wave witness work worry"
)
# With the word after them, verbs also where they could be nouns.
_LED_TO = re.compile(
    r"\b(?:aims? to|leads? to|tends? to|serves? as|acts? as|counts? as|stands? for|works? (?:with|on|to|as)|aids? in|"
    r"results? (?:in|from)|rises? (?:in|to|from)|lives? in|dates? (?:back|from)|falls? (?:in|to|under)|goes to)\b"
)
_DETERMINERS = _set("the a an another its their his her our my your each every no any")
_POINTING = _set("this these those that some all many most both none others")
_OBJECTS = _DETERMINERS | _POINTING | _set("it them him us me you")
_JOINING = _set(
    "of in on at by for with from as to into onto over under about between through during before after and or but "
    "nor than per via upon within among against toward towards across along since until without"
)
_ADVERBS = _set("also often still never always now then even only just not ever sometimes thus therefore")
_NO_PAST = _set(
    "need speed indeed hundred breed seed feed deed greed creed steed weed kindred sacred naked embed unaided"
)


def asserts(text: str) -> bool:
    """Whether a text has a finite verb, or is too long to tell."""
    words = _WORD.findall(text)
    if not words or len(words) > LONGEST_WORDS:
        return bool(words)
    if words[0].lower().replace("’", "'") in _SUBJECTS or _LED_TO.search(" ".join(words[1:])):
        return True
    return any(_is_finite(words, i) for i in range(len(words)))


def _is_finite(words: list[str], i: int) -> bool:
    """Whether word i is a finite verb where it stands."""
    word = words[i].lower()
    if word in _AUXILIARIES or _NEGATED.search(word):
        return not (words[i] == "May" and (i > 0 or len(words) < 4))  # the month
    kind, only_verb = _forms().get(word, ("past" if word.endswith("ed") and word not in _NO_PAST else "", True))
    if i == 0:
        return kind == "base" and only_verb and len(words) > 1
    subject = _before(words, i)
    if subject in _SUBJECTS or (subject and subject != words[i - 1].lower() and kind == "third"):
        return True
    if words[i][0].isupper() or not subject or subject in _DETERMINERS | _JOINING:
        return False
    after = words[i + 1].lower() if i + 1 < len(words) else ""
    if word in _PAST or kind == "past":
        return subject not in _POINTING or word in _PAST or bool(after)
    plural = subject in _POINTING or (subject.endswith("s") and not subject.endswith("ss"))
    if kind == "third":
        return only_verb or after in _OBJECTS or (bool(after) and after not in _JOINING)
    return kind == "base" and (only_verb or (plural and bool(after) and after not in _JOINING))


def _before(words: list[str], i: int) -> str:
    """The word before word i, adverbs left out; empty when there is none."""
    kept = (w for w in (word.lower() for word in reversed(words[:i])) if w not in _ADVERBS and not w.endswith("ly"))
    return next(kept, "")


@functools.cache
def _forms() -> dict[str, tuple[str, bool]]:
    """The base and third person of the listed verbs, and whether each is only ever a verb."""
    found: dict[str, tuple[str, bool]] = {}
    for verbs, only_verb in ((_BOTH, False), (_VERBS, True)):
        for verb in verbs:
            soft = verb.endswith("y") and verb[-2] not in "aeiou"
            ending = "es" if soft or re.search(r"(?:s|x|z|ch|sh|o)$", verb) else "s"
            found[verb] = "base", only_verb
            found[(verb[:-1] + "i" if soft else verb) + ending] = "third", only_verb
    return found
