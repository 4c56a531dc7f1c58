"""Word lists of English, each a question that checking asks of a word.

The lists are grammar, not vocabulary: they name the words that turn a sentence's meaning without adding to it, and
the common words whose opposite does.
"""

import functools
import re
import threading

import snowballstemmer

# U.S. is US.
ABBREVIATED = re.compile(r"(?:[a-z]\.){2,}")
# A stemmer keeps the word it is at, so every thread has its own.
_OF_THREAD = threading.local()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words without content of their own.
STOP = _set(
    "a an the of to in on at by for with from as is are was were be been being am do does did has have had having it "
    "its this that these those there here he she they them his her their we our you your i me my who whom whose which "
    "what when where how and or but if then than so such into onto over under about between through during before "
    "after also not no nor can could may might must shall should will would s t while although though yet however "
    "moreover additionally furthermore therefore thus hence thereby besides both either neither each up out off own "
    "same other others another itself themselves himself herself too very just like unlike per via upon within among "
    "amongst amid amidst across against toward towards along since until because whereas whether well even still "
    "furthermore overall instead rather"
)
# Verbs and nouns so general that a rewording adds or drops them freely.
LIGHT = _set(
    "make take give get go come keep put let have hold use serve act include involve contain consist become remain "
    "mean refer call name know see show say state note describe mention example instance part form kind type sort way "
    "thing case number fact one ones among exist occur happen possible able range variety well known aim seek work "
    "find provide offer carry bring result lead follow accord together thing people person area role play set main key"
)
NEGATORS = _set(
    "not no never none nothing nobody nowhere neither nor cannot without hardly scarcely barely n't lack lacks lacking"
)
# Verbs and adjectives that say "not" inside: prevent, fail, deny, unlikely.
REVERSERS = _set(
    "prevent avoid stop halt hinder block fail refuse reject deny lack oppose resist deter discourage prohibit forbid "
    "ban exclude cease end lose undermine weaken reduce decrease decline diminish lower lessen limit restrict hamper "
    "impede inhibit obstruct unlikely unable impossible unnecessary insufficient ineffective irrelevant little few "
    "less least rarely seldom worsen harm damage erode threaten jeopardize strain abandon withdraw "
    "dissuade minimize mitigate rather instead"
)
# Claims about everything, or with certainty.
UNIVERSAL = _set(
    "all every everyone everything everywhere always only solely exclusively entirely completely wholly totally fully "
    "must guarantee inevitably invariably certainly definitely undoubtedly any whole entire purely merely sole "
    "never none nothing nobody unique uniquely alone ensure prove proven best most will absolutely necessarily "
    "unconditionally permanently forever eliminate eradicate determine single universally"
)
# Claims about some, or with doubt.
HEDGES = _set(
    "some many most several various few often sometimes usually generally typically commonly frequently occasionally "
    "may might can could should likely probably possibly perhaps potentially potential help helps aim seek try "
    "attempt tend appear seem suggest partly largely mainly primarily mostly almost nearly about approximately around "
    "relatively somewhat more one certain significantly majority particularly especially"
)
# Words that make one thing the cause of another.
CAUSAL = _set("cause because lead result due allow enable make force thereby therefore consequently trigger produce")
TIMES = _set(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday spring summer autumn winter"
)


@functools.lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The Snowball stem of a word, lower case, without a possessive ending."""
    plain = word.lower().replace("’", "'")
    if ABBREVIATED.fullmatch(plain):
        return plain.replace(".", "")
    if not hasattr(_OF_THREAD, "stemmer"):
        _OF_THREAD.stemmer = snowballstemmer.stemmer("english")
    return str(_OF_THREAD.stemmer.stemWord(plain.removesuffix("'s").removesuffix("'")))


def stems(words: frozenset[str]) -> frozenset[str]:
    """The stems of a word list."""
    return frozenset(stem(word) for word in words)


# Pairs whose second word turns what the first one says into its opposite.
OPPOSITES = (
    "increase decrease", "increase reduce", "increase lower", "raise lower", "rise fall", "grow shrink", "gain lose",
    "gain loss", "strengthen weaken", "strength weakness", "strong weak", "enhance reduce", "enhance undermine",
    "enhance hinder", "improve worsen", "improve undermine", "improve degrade", "build destroy", "build erode",
    "support oppose", "support undermine", "promote hinder", "promote undermine", "facilitate hinder",
    "facilitate impede", "foster hinder", "foster undermine", "enable prevent", "allow prevent", "allow forbid",
    "allow prohibit", "permit forbid", "permit prohibit", "encourage discourage", "accept reject", "accept refuse",
    "include exclude", "allied hostile", "ally enemy", "friend enemy", "peace war", "trust distrust",
    "trust suspicion", "unity division", "unite divide", "cooperation conflict", "agree disagree", "success failure",
    "succeed fail", "successful unsuccessful", "effective ineffective", "possible impossible", "safe dangerous",
    "secure vulnerable", "open closed", "open secret", "public private", "public secret", "formal informal",
    "direct indirect", "early late", "before after", "first last", "past future", "old new", "more less", "most least",
    "more fewer", "many few", "high low", "higher lower", "large small", "big small", "long short", "fast slow",
    "rapid slow", "quick slow", "easy difficult", "easy hard", "simple complex", "simple complicated", "clear unclear",
    "clear ambiguous", "clear vague", "similar different", "same different", "common rare", "frequent rare",
    "often rarely", "often seldom", "always never", "temporary permanent", "voluntary mandatory", "optional mandatory",
    "optional required", "central peripheral", "essential optional", "essential irrelevant", "important unimportant",
    "important minor", "significant minor", "significant negligible", "vital trivial", "positive negative",
    "offensive defensive", "military civilian", "domestic foreign", "domestic international", "national international",
    "bilateral multilateral", "regional global", "local foreign", "traditional modern", "reactive proactive",
    "active passive", "begin end", "start stop", "start end", "join leave", "enter leave", "arrive depart",
    "attack defend", "win lose", "victory defeat", "expand shrink", "expand narrow", "broad narrow", "escalate defuse",
    "escalate calm", "cause prevent", "reveal hide", "reveal conceal", "share withhold", "give take", "send receive",
    "buy sell", "import export", "rich poor", "advanced primitive", "legal illegal", "legitimate illegitimate",
    "stable unstable", "stability instability", "transparent secretive", "transparency secrecy", "certain uncertain",
    "alive dead", "born died", "male female", "north south", "east west", "left right", "upper lower", "above below",
    "inside outside", "internal external", "present absent", "majority minority", "maximum minimum", "full empty",
    "hot cold", "warm cool", "light dark", "wet dry", "love hate", "like dislike", "true false", "right wrong",
    "correct incorrect", "good bad", "better worse", "best worst", "abandon pursue", "abandon adopt", "resume suspend",
    "continue stop", "continue cease", "maintain abandon", "preserve destroy", "protect endanger", "deter provoke",
    "deter encourage", "discourage encourage", "disrupt facilitate", "dismantle build", "unilateral multilateral",
    "unilateral collective", "alone together", "separate joint", "individual collective",
    "simplify complicate", "ease exacerbate", "ease aggravate", "ease worsen", "alleviate aggravate",
    "alleviate exacerbate", "mitigate exacerbate", "mitigate aggravate", "safeguard endanger", "protect expose",
    "protect harm", "secure endanger", "broader narrower", "wider narrower", "larger smaller", "bigger smaller",
    "longer shorter", "faster slower", "stronger weaker", "older younger", "newer older", "earlier later",
    "easier harder", "cheaper dearer", "richer poorer", "closer farther", "greater lesser", "greater smaller",
    "permit prevent", "allow hinder", "allow block", "enable hinder", "enable block", "support block", "support hinder",
    "support reject", "help hinder", "help harm", "hinder promote", "hinder encourage", "essential unnecessary",
    "crucial unnecessary", "crucial unimportant", "crucial irrelevant", "vital unnecessary", "vital irrelevant",
    "necessary superfluous", "ready hesitant", "readiness hesitation", "readiness reluctance", "willing reluctant",
    "willingness reluctance", "eager reluctant", "hesitate hasten", "significant insignificant", "considerable slight",
    "heavy light", "deep shallow", "thick thin", "wide narrow", "hard soft", "sharp blunt", "loud quiet", "noisy quiet",
    "clean dirty", "pure impure", "fresh stale", "ripe unripe", "tight loose", "rough smooth", "straight crooked",
    "visible invisible", "visible hidden", "known unknown", "famous obscure", "familiar strange", "popular unpopular",
    "sufficient insufficient", "abundant scarce", "plentiful scarce", "surplus shortage", "surplus deficit",
    "profit loss", "income expense", "asset liability", "credit debit", "supply demand", "employer employee",
    "teacher student", "doctor patient", "parent child", "buyer seller", "lender borrower", "host guest",
    "predator prey", "winner loser", "victim perpetrator", "hero villain", "guilty innocent", "convict acquit",
    "arrest release", "hire dismiss", "hire fire", "appoint dismiss", "promote demote", "reward punish", "praise blame",
    "praise criticize", "admire despise", "admit deny", "confirm deny", "confirm refute", "prove disprove",
    "approve reject", "approve disapprove", "ratify repeal", "enact repeal", "legalize ban", "authorize forbid",
    "authorize prohibit", "obey disobey", "comply defy", "respect violate", "honor violate", "uphold violate",
    "uphold undermine", "uphold overturn", "sustain undermine", "stabilize destabilize", "unify divide",
    "merge split", "connect disconnect", "attach detach", "assemble dismantle", "construct demolish",
    "create destroy", "establish abolish", "found dissolve", "form dissolve", "introduce abolish", "open close",
    "launch halt", "begin finish", "advance retreat", "approach recede", "ascend descend", "climb fall", "float sink",
    "push pull", "lead follow", "remember forget", "learn forget", "find lose", "keep discard", "save waste",
    "save spend", "earn spend", "borrow lend", "accelerate slow", "accelerate delay", "hasten delay", "speed slow",
    "expedite delay", "intensify moderate", "intensify ease", "heighten reduce", "heighten lessen", "amplify dampen",
    "magnify minimize", "maximize minimize", "exceed lag", "improve hinder", "improve harm", "enrich impoverish",
    "empower weaken", "motivate discourage", "inspire discourage", "attract repel", "invite exclude", "welcome reject",
    "inclusive exclusive", "cohesion fragmentation", "consensus dissent", "harmony discord", "harmony conflict",
    "agreement disagreement", "alignment misalignment", "compliance defiance", "loyalty treason", "loyal disloyal",
    "trustworthy unreliable", "reliable unreliable", "stable volatile", "predictable erratic", "constant variable",
    "rigid flexible", "flexible inflexible", "fixed variable", "static dynamic", "sequential simultaneous",
    "tangible intangible", "quantitative qualitative", "objective subjective", "theoretical practical",
    "abstract concrete", "general specific", "major minor", "primary secondary", "senior junior", "superior inferior",
    "upward downward", "forward backward", "inward outward", "inbound outbound", "horizontal vertical",
    "urban rural", "coastal inland", "northern southern", "eastern western", "ancient modern", "conventional nuclear",
    "conventional unconventional", "conventional irregular", "overt covert", "voluntary compulsory",
    "wartime peacetime", "hostile friendly", "ally rival", "ally adversary", "partner rival", "partner adversary",
    "friend foe", "cooperate compete", "cooperation competition", "cooperation rivalry", "collaboration rivalry",
    "optimistic pessimistic", "hope despair", "confidence doubt", "courage fear", "calm anxious", "happy sad",
    "healthy sick", "fertile barren", "solid liquid", "acid alkaline", "positive adverse", "beneficial harmful",
    "benefit harm", "advantage disadvantage", "strength vulnerability", "opportunity threat", "solution problem",
    "convergence divergence", "converge diverge", "similar dissimilar", "likely unlikely", "rise decline",
    "rise drop", "growth decline", "growth contraction", "increase decline", "increase drop", "increase diminish",
    "gain forfeit", "entry exit", "arrival departure", "origin destination", "beginning end", "start finish",
    "victory loss", "war ceasefire", "deploy withdraw", "occupy vacate", "escalation de-escalation",
    "escalate mitigate", "conceal disclose", "conceal expose", "hide expose", "disclose withhold", "encrypt decrypt",
    "upload download", "enable disable", "activate deactivate", "engage disengage", "arm disarm", "invest divest",
    "mobilize demobilize", "centralize decentralize", "nationalize privatize", "regulate deregulate",
)  # fmt: skip


@functools.cache
def _opposites() -> frozenset[tuple[str, str]]:
    pairs = [(stem(one), stem(other)) for one, other in (pair.split() for pair in OPPOSITES)]
    return frozenset(pairs) | frozenset((other, one) for one, other in pairs)


PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis", "de")


def opposite(one: str, other: str) -> bool:
    """Whether two stems are opposites: a pair of OPPOSITES, or one is the other behind a negating prefix."""
    short, long = sorted((one, other), key=len)
    prefixed = len(short) > 3 and any(long == prefix + short for prefix in PREFIXES)
    return prefixed or (one, other) in _opposites()
