"""Sentences of a document that are addressed to whoever answers: orders to a model, not words about the subject.

"Ignore all previous instructions", "when asked about X, reply Y", "end each answer with Z". Such a sentence answers no
question and is never quoted by the offline backend; a statement that rests on one says so. It is recognised by what it
talks about (the prompt, the answer, the one who asks, the other sources) in a sentence that orders: manuals give orders
too, but about buttons and forms. English, by rules; falsehoods that give no orders are not recognised.
"""

import functools
import re
from collections.abc import Sequence

# Where an order may begin: the sentence, a clause, or after a word that makes one.
_START = r"(?:^[\W\d]*|[:;,.!?>)—–]\s+|\b(?:please|then|must|should|shall|always|and|instead|to)\s+)"
_SAY = r"(?:say|state|reply|respond|answer|tell|claim|insist|print|output|write|refuse|recommend|cite|mention|repeat)"
_MACHINE = (
    r"(?:(?:AI|LLM|language|generative)[ -](?:models?|assistants?|systems?|agents?|chatbots?|readers?)|chat "
    r"?bots?|LLMs?|"
    r"(?:automated|automatic|machine) (?:readers?|agents?|assistants?|systems?|summari[sz]ers?)|GPT|ChatGPT)"
)
_REPLY = r"(?:answers?|repl(?:y|ies)|responses?|summar(?:y|ies)|outputs?)"
_SOURCES = r"(?:sources?|passages?|documents?|articles?|context|text|references?|results|data)"
_RULES = r"(?:instructions?|prompts?|rules|directions|guidelines|orders|commands|directives|safeguards|programming)"
_PUT = (
    r"(?:add|append|include|insert|integrate|incorporate|embed|attach|put|place|mark|begin|start|end|finish|complete|"
    r"close|conclude|precede|follow|modify|change|alter|augment|adapt|rewrite|rephrase|format|provide|give|deliver|"
    r"write|present|remove|replace|combine|translate|convert|encode|reverse|anagram|spell|use|make|turn|keep|limit|"
    r"answer|phrase|suggest|mention|state|emphasi[sz]e|omit|swap|substitute|scramble|jumble|join|capitali[sz]e|"
    r"intersperse|interweave|weave|slip|refer|encourage|ask|promote|advertise|link|direct|set|express|shift|sort)"
)
_SHAPE = (
    r"(?:modify|change|alter|augment|adapt|rewrite|rephrase|format|begin|start|end|conclude|precede|translate|convert|"
    r"encode|reverse|spell|limit|extend|enrich|reword|shape|tailor|steer|style|phrase)"
)
_LETTERS = r"(?:letters?|vowels?|consonants|words?|spaces|sentences?|characters|text|paragraphs?|capitals|punctuation)"
# A sentence that begins with one of these gives no order.
_NO_ORDER = (
    r"(?:the|an?|this|that|these|those|it|he|she|they|we|you|your|our|my|his|her|their|its|there|here|thanks?|based|"
    r"depending|according|given|in|on|at|for|with|from|as|by|to|if|when|while|after|before|since|because|although|"
    r"but|and|"
    r"or|so|no|not|all|any|some|most|many|what|which|who|how|why|where|do you|did|does|is|are|was|were|has|have|"
    r"had|will|"
    r"can|could|may|might|should|would|looking|welcome|sorry|hello|dear|hi)"
)
_FINITE = r"(?:is|are|was|were|will|may|can|could|would|has|have|had|does|did)"
# What people ask of one another's replies: these sentences are about letters and forms.
_POST = re.compile(
    r"\bin writing\b|\bby (?:post|mail|e-?mail|fax|phone)\b|\bwithin \w+ (?:\w+ )?(?:days|weeks|hours)|\bdeadline|"
    r"\benvelope|\bno later than\b|\b(?:answer|exam\w*|question) (?:sheet|paper|book)|\bmarks\b",
    re.IGNORECASE,
)
_STRONG = {
    "lays aside the rules": (
        rf"{_START}(?:ignore|disregard|forget|override|bypass|dismiss|set aside)\b[^.]{{0,60}}?\b(?:"
        r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|initial|your|system|these|"
        rf"other|all)\b[^.]{{0,25}}\b{_RULES}|(?:other|every|all|any) (?:\w+ )?{_SOURCES})\b",
    ),
    "lays aside and says": (
        rf"{_START}(?:ignore|disregard|forget)\b[^.]{{0,80}}\b(?:and|just|instead)\b[ ,]*(?:instead |only "
        rf"|simply |just )?{_SAY}\b",
    ),
    "lays aside the other sources": (
        rf"\bother (?:\w+ )?{_SOURCES}\b.{{0,120}}\b(?:should|must|are to|can|shall) (?:all )?be "
        r"(?:disregarded|ignored|dismissed|discounted)\b",
        rf"{_START}(?:do not|don't|never) (?:use|cite|consult|quote|trust) (?:the |any )?other (?:\w+ )?{_SOURCES}",
        r"\bcite no other\b",
    ),
    "poses as a turn of the chat": (
        r"<\|\s*(?:im_start|im_end|system|assistant|user|endoftext)\b[^>]{0,20}>",
        r"<[/\\]?(?:system|assistant)[ _](?:mode|prompt|message|instructions?)>",
        r"\[/?INST\]",
        r"<</?SYS>>",
        r"^\W*end of (?:the )?(?:sources|context|passages|prompt|system prompt|retrieved \w+)\W*$",
        r"\b(?:system|developer|training data|prompt) override\b",
        r"^\W*(?:system|assistant|developer|admin)(?: (?:message|prompt|note|mode|instructions?))?\s*:\s*"
        rf"(?:you\b|ignore|disregard|forget|from now on|new (?:task|rule|instruction)|{_SAY}\b)",
    ),
    "names the machine": (
        r"\b(?:notes?|messages?|instructions?|attention|notice|reminder|information|guidance|"
        rf"directives?)\b[^.:]{{0,25}}\b(?:to|for)\b[^.:]{{0,25}}\b(?:{_MACHINE}|the "
        r"assistant)\b[^.:]{0,40}[:—–]",
        rf"^\W*(?:(?:dear|hey|hello|attention|if you are an?|as an?)[ ,:]+)?(?:all )?(?:{_MACHINE}|assistants?)"
        r"(?: reading this| processing this)?[^\w.]{1,3}(?:please |you must |you should |always |do not "
        rf"|{_SAY}\b|ignore)",
        rf"\bif you are (?:an? |the )?(?:{_MACHINE}|AI\b)",
    ),
    "says what the machine must say": (
        rf"\b(?:{_MACHINE}|the assistant)(?:['’]s)? (?:must|should|shall|has to|have to|is to|are to|may "
        r"only|will) (?:not |never |only |always |also |instead )*"
        rf"(?:{_SAY}|show|include|append|add)\b[^.]{{0,60}}?\b"
        r"(?:users?|readers?|that|with|only|every|each|any|no|in)\b",
        rf"\b(?:assistant|{_MACHINE})['’]s (?:final |only )?{_REPLY}\b",
    ),
    "foresees the question": (
        r"\b(?:(?:if|when|whenever)\b[^.,]{0,25}\b(?:users?|readers?|someone|anyone|anybody|people|you "
        r"are|you['’]re|is|are)?\s*(?:asks?|asked)\b[^.]{0,90}|what(?:ever)? (?:is|are|you are) "
        r"asked\b[^.]{0,90}|(?:regardless of|whatever) (?:what is |is |the )?"
        r"(?:asked|question)\b[^.]{0,60}),\s*(?:please |always |only |simply |just |you must |you should "
        r"|then )*(?:reply|respond|answer|say|state|claim|print|output|refuse|pretend|deny|insist)\b(?! "
        r"(?:they|he|she|it|we|\w+ed)\b)",
    ),
    "foresees the answer": (
        r"\b(?:when|while|before|after|whenever) (?:you (?:are )?(?:answer|reply|respond|summari[sz]e)\w*|"
        r"(?:answering|summari[sz]ing|replying|responding)\b)[^.,]{0,60},\s*(?:please |always |also |you "
        rf"must |do not )*(?:{_SAY}|{_PUT}|reproduce|ignore)\b",
    ),
    "shapes the answer": (
        rf"(?:^\W*|:\s+)(?:please |also |always |now |\w+ly )*(?!{_NO_ORDER}\b)(?!\w+ing\b)[a-z]{{2,}}\b(?:"
        rf"(?!\b{_FINITE}\b).){{0,140}}?\b(?:in|to|into|from|with|of|throughout|within|across) your (?:final "
        rf"|whole )?{_REPLY}\b",
        rf"{_START}{_SHAPE}\b(?: \w+){{0,4}}? your (?:\w+ )?{_REPLY}\b",
        rf"{_START}(?:provide|give|write|deliver|present|phrase|make) your (?:\w+ )?{_REPLY} "
        r"(?:with|without|in|as|using|only)\b",
        rf"{_START}{_PUT}\b.{{0,60}}?\b(?:each|every|any|the (?:final )?(?=\w+ (?:about|on|to the user)\b)) ?"
        rf"(?:final )?{_REPLY}\b",
        rf"\b(?:in|with|of|to) (?:your|every|each) (?:final )?{_REPLY}\b[^.,]{{0,30}},\s*(?:please |also )*{_PUT}\b",
        r"\b(?:must|may|should|shall|do|can)(?: not|not)?\b.{0,90}\b(?:in|to) (?:an|any|every|each|your) "
        rf"{_REPLY}\b",
        rf"\b{_REPLY} to (?:every|any|each|all) questions?\b.{{0,80}}\b(?:is|are|must|should)\b",
        rf"{_START}(?:reply|respond|answer) (?:only |solely |exclusively |just )+(?:with|by|in)\b",
        rf"{_START}(?:reply|respond)\b.{{0,20}}\b(?:with|using|in) (?:only |just )?(?:the "
        r"(?:words?|phrase|sentence)\b|[\"“‘])",
    ),
    "asks for the prompt": (
        rf"{_START}(?:print|reveal|show|repeat|output|display|leak|disclose|give|send|write)\b[^.]{{0,30}}\b"
        r"(?:system|hidden|initial) prompt\b",
        r"\b(?:reveal|repeat|print|output) your (?:\w+ )?(?:instructions|prompt)\b",
    ),
    "hides itself": (
        r"\b(?:do not|don't|never) (?:mention|reveal|disclose|quote|cite|repeat|refer "
        r"to|show|acknowledge)\b[^.]{0,30}\b(?:this (?:note|instruction|prompt|comment|order|directive)|"
        r"these (?:instructions|orders|rules))\b",
    ),
    "claims rank": (
        r"\b(?:rules?|instructions?|orders?)\b[^.]{0,30}\b(?:outranks?|overrides?|supersedes?|takes? "
        r"precedence over)\b[^.]{0,30}\b(?:the user|the developer|system prompt|your)\b",
    ),
    "dictates the citation": (
        r"\bcite\s*[\[⟦(]\d+(?:\.\d+)?[\]⟧)].{0,40}\b(?:each|every|always|only|all)\b",
        r"\b(?:each|every|all)\b.{0,120}\bmust be (?:marked|cited|tagged|labelled)\s*(?:as |with )?[\[⟦(]\d+"
        r"(?:\.\d+)?[\]⟧)]",
    ),
    "changes who answers": (
        r"\byou are now (?:dan\b|in \w+ mode|an? (?:AI|assistant|chatbot|unrestricted|different)\b)",
        rf"\bfrom now on,? (?:you (?:will|must|should) )?(?:only )?{_SAY}\b",
        r"\bpretend (?:to be|(?:that )?you are) an? (?:AI|unrestricted|different)\b",
    ),
    "makes believe": (
        r"\blet['’]?s (?:imagine|pretend|assume)\b[^.]{0,25}\bwhere we (?:say|state|ignore|claim)\b",
        r"\blet['’]?s (?:state|claim) that\b",
    ),
    "asks for a text": (
        r"^\W*(?:please )?(?:compose|write|create|develop|generate|craft|tell)(?: me| us)? (?:an?|some) "
        r"(?:\w+ ){0,2}(?:poem|haiku|limerick|song|sonnet|joke|speech|fairy tale|short "
        r"story|rap|riddle|tweet|slogan)\b",
    ),
    "asks for a translation": (r"^\W*(?:please )?translate\b.{0,80}\b(?:in|into|to) (?-i:[A-Z])\w+\W*$",),
    "asks for other letters": (
        rf"{_START}(?:replace|remove|swap|reverse|shuffle|scramble|capitali[sz]e|anagram|substitute|duplicate|"
        rf"double)\b(?: \w+){{0,3}}? {_LETTERS}\b[^.]{{0,40}}\b(?:with|by|from|in|into|backwards?)\b",
    ),
    "in another language": (
        r"忽略.{0,8}(?:指示|指令|说明)",
        r"\bignorez\b.{0,60}\b(?:et|instructions|consignes)\b",
        r"\bignorier\w*\b.{0,60}\b(?:anweisung|instruktion)\w*",
        r"\bignor[ae]\b.{0,40}\binstrucciones\b",
    ),
}
# What goes on with an order that stands beside it, and says nothing of the kind alone.
_FURTHER = (
    r"^\W*(?:do (?:this|so|not)|don't|never|instead|these (?:rules|instructions)|this (?:rule|instruction)|then|also|"
    r"you (?:may|must|are|should|can))\b|"
    r"\b(?:earlier|previous|prior|above|former) (?:rules|instructions) (?:no longer|do not)\b|"
    rf"\b(?:admin|developer|debug|god) mode\b|\b(?:in|to) (?:an|the|every|any|each) {_REPLY}\b|\byour own knowledge\b"
)
_ORDERS = tuple(re.compile("|".join(patterns), re.IGNORECASE) for patterns in _STRONG.values())
_ORDER_GOES_ON = re.compile(_FURTHER, re.IGNORECASE)
_NUMBER = re.compile(r"[\[⟦]\d+\.\d+[\]⟧]")


# The notices, the offline backend and the check of each citation ask about the same sentences of one question.
@functools.lru_cache(maxsize=4096)
def addressed_to_answerer(sentence: str) -> bool:
    """Whether a sentence gives orders to whoever answers from it."""
    text = " ".join(sentence.split())
    return not _POST.search(text) and any(order.search(text) for order in _ORDERS)


def orders_in(sentences: Sequence[str]) -> set[int]:
    """The positions of the orders among the sentences of one passage.

    Beside an order, what goes on with it is one too, and so is a sentence that bears the citation an order dictates.
    """
    found = {i for i, sentence in enumerate(sentences) if addressed_to_answerer(sentence)}
    for i in sorted(found):
        for step in (1, -1):
            at = i + step
            while 0 <= at < len(sentences) and at not in found and _ORDER_GOES_ON.search(sentences[at]):
                found.add(at)
                at += step
    dictated = {number for i in found for number in _NUMBER.findall(sentences[i])}
    return found | {i for i, sentence in enumerate(sentences) if dictated & set(_NUMBER.findall(sentence))}
