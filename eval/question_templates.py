"""Questions made from sentences without a language model: one function of the material a kind of question.

Each gives cases as JSON, without id and split, in the order of the documents. `made_by` and what the checks need
(`absent`: words that must not occur in the documents) are added by the function's row in TEMPLATES.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from eval.material import Line, Material
from rag.types import JSON

GAP = "____"
SUBJECT = re.compile(
    r"(?:An? |The )?([A-Z][\w’-]*(?: [\w’-]+){0,4}?) (?:(?:is|are) (?:an?|the|any|when|where)|refers? to|means?) "
)
# A subject that begins like this is about the sentence before it.
LEANING = re.compile(
    r"(?:this|these|those|that|such|it|its|they|their|there|one|another|both|here|what|key)\b", re.IGNORECASE
)
# What joins a sentence to the one before it.
JOINING = re.compile(
    r"\A(?:Moreover|Additionally|Furthermore|However|Ultimately|Also|Lastly|Finally|In addition|In essence|"
    r"For example|For instance|As a result|Consequently|Therefore|Thus), (\w)"
)
VERB = re.compile(r" (is|are|was|were|can|must|will|should|has|have) (?!not\b|no\b|n’t|been\b)")
# Names of nothing, for questions that no document answers.
INVENTED = (
    "the Velmora Compact",
    "Operation Quillfern",
    "the Ostrava-Lindqvist Protocol",
    "the Marrowgate Institute",
    "General Tamsin Okwuosa",
    "the Brindlemere Declaration",
    "the Zephyrine Fund",
    "Project Halcyonix",
    "the Korvath Brigade",
    "the Nyström Doctrine",
    "the Pellworm Agency",
    "the Dovrefjell Accords",
)
ELSEWHERE = (
    "How do I keep basil alive on a windowsill?",
    "Which chess opening begins with the pawns to e4 and c5?",
    "What makes sourdough bread rise?",
    "How many moons does Jupiter have?",
    "Who painted the Mona Lisa?",
    "How is a bicycle tyre patched?",
    "What is the boiling point of ethanol?",
    "Which key is Beethoven's fifth symphony in?",
    "How do penguins keep their eggs warm?",
    "What is the recipe for guacamole?",
)
MOST_WORDS, FEWEST_WORDS = 40, 8
MOST_ALTERNATIVES = 4


def gold(*lines: Line, group: int = 1) -> list[JSON]:
    """These sentences as alternative gold quotes of one group."""
    return [{"document": line.document, "quote": line.quote, "group": group} for line in lines]


def name_gap(material: Material) -> Iterator[JSON]:
    """A sentence with a name left out."""
    for line in _sentences(material):
        for name in line.names[:1]:
            if line.text.count(name) == 1:
                question = f"Which name fills the gap: “{line.text.replace(name, GAP)}”?"
                yield {
                    "kind": "fact",
                    "question": question,
                    "gold": gold(line),
                    "answers": [name],
                    "nuggets": _vital(name),
                }


def about_name(material: Material) -> Iterator[JSON]:
    """What is said about a name that few sentences have."""
    for name, lines in material.by_name.items():
        if len(name) > 3 and len(lines) <= MOST_ALTERNATIVES:
            yield {"kind": "fact", "question": f"What is said about {name}?", "gold": gold(*lines)}


def definition(material: Material) -> Iterator[JSON]:
    """What something is, where sentences begin by saying so and the thing is spoken of elsewhere too."""
    subjects: dict[str, list[Line]] = {}
    for line in _sentences(material):
        found = SUBJECT.match(line.text)
        if found and not LEANING.match(found[1]) and not re.search(r"^\w+ing\b| to ", found[1]):
            subjects.setdefault(found[1], []).append(line)
    for subject, lines in subjects.items():
        if sum(subject.lower() in other.text.lower() for other in material.lines) > len(lines):
            is_name = any(subject.split()[0] in name for name in lines[0].names)
            called = subject if is_name else subject[0].lower() + subject[1:]
            yield {"kind": "definition", "question": f"What is meant by {called}?", "gold": gold(*lines)}


def listed(material: Material) -> Iterator[JSON]:
    """The items after a lead-in, each a group of its own."""
    for lead in material.lines:
        if lead.kind != "lead_in":
            continue
        key = (lead.document, lead.unit)
        items = [one for one in material.lines if (one.document, one.unit) == key and one.kind == "item"]
        if len(items) > 1:
            question = f"Under “{lead.heading}”, what follows “{lead.text.rstrip(':')}”?"
            groups = [one for number, item in enumerate(items, 1) for one in gold(item, group=number)]
            nuggets = [nugget for item in items for nugget in _vital(item.text)]
            yield {"kind": "list", "question": question, "gold": groups, "nuggets": nuggets}


def true_statement(material: Material) -> Iterator[JSON]:
    """Whether something holds that a sentence says."""
    for line in _sentences(material):
        yield {
            "kind": "yes_no",
            "question": _is_it_true(line, line.text),
            "gold": gold(line),
            "nuggets": _vital(line.text),
        }


def number_changed(material: Material) -> Iterator[JSON]:
    """Whether something holds that a sentence says with another number."""
    for line in _sentences(material):
        for number in line.numbers[:1]:
            other = _other_number(number)
            changed = re.sub(rf"(?<![\w.,]){re.escape(number)}(?![\w])", other, line.text, count=1)
            if other not in line.text and changed != line.text:
                yield {
                    "kind": "false_premise",
                    "question": _is_it_true(line, changed),
                    "gold": gold(line),
                    "nuggets": _vital(f"{number}, not {other}"),
                }


def negated(material: Material) -> Iterator[JSON]:
    """Whether the opposite holds of what a sentence says."""
    for line in _sentences(material):
        changed = VERB.sub(r" \1 not ", line.text, count=1)
        if changed != line.text:
            yield {
                "kind": "false_premise",
                "question": _is_it_true(line, changed),
                "gold": gold(line),
                "nuggets": _vital(line.text),
            }


def across_documents(material: Material) -> Iterator[JSON]:
    """What two documents each say about a name that both have."""
    for name, lines in material.by_name.items():
        documents = list(dict.fromkeys(line.document for line in lines))
        if len(documents) == 2 and len(name) > 3:
            sides = [[line for line in lines if line.document == document] for document in documents]
            if all(len(side) <= MOST_ALTERNATIVES for side in sides):
                titles = " and ".join(f"“{material.titles[document]}”" for document in documents)
                groups = [one for number, side in enumerate(sides, 1) for one in gold(*side, group=number)]
                yield {"kind": "multi_document", "question": f"What do {titles} each say about {name}?", "gold": groups}


def invented_name(material: Material) -> Iterator[JSON]:
    """A question about a name of nothing, beside a heading that there is: the unanswerable sibling of `about_name`."""
    headings = dict.fromkeys((line.document, line.heading) for line in material.lines)
    names = [name for name in INVENTED if not material.knows(name.split(" ", 1)[1])]
    for number, (document, heading) in enumerate(headings):
        if names:
            name = names[number % len(names)]
            yield {
                "kind": "unanswerable",
                "question": f"What does {name} have to do with {heading}?",
                "document": document,
                "absent": name.split(" ", 1)[1],
            }


def swapped_name(material: Material) -> Iterator[JSON]:
    """Whether something holds that a sentence says of somebody else: with a name of nothing, no document tells."""
    names = [name for name in INVENTED if not material.knows(name.split(" ", 1)[1])]
    with_names = [line for line in _sentences(material) if line.names] if names else []
    for number, line in enumerate(with_names):
        other = names[number % len(names)].removeprefix("the ")
        changed = line.text.replace(line.names[0], other, 1)
        yield {
            "kind": "unanswerable",
            "question": _is_it_true(line, changed),
            "document": line.document,
            "absent": other,
        }


def elsewhere(material: Material) -> Iterator[JSON]:
    """A question of which hardly a word occurs in the documents."""
    for question in ELSEWHERE:
        yield {"kind": "off_topic", "question": question, "absent": " ".join(re.findall(r"\w{5,}", question)[1:])}


def _sentences(material: Material) -> Iterator[Line]:
    """Sentences that can be asked about by themselves."""
    for line in material.lines:
        if (
            line.kind == "prose"
            and FEWEST_WORDS <= len(line.text.split()) <= MOST_WORDS
            and not LEANING.match(line.text)
        ):
            yield line


def _is_it_true(line: Line, statement: str) -> str:
    statement = JOINING.sub(lambda found: found[1].upper(), statement)
    keeps = any(statement.startswith(name) for name in line.names) or statement[1:2].isupper()
    first = statement if keeps else statement[0].lower() + statement[1:]
    return f"Is it true that {first.rstrip('.')}?"


def _other_number(number: str) -> str:
    """Another number of the same shape."""
    first = str(int(number[0]) % 9 + 1)
    return first + number[1:]


def _vital(text: str) -> list[JSON]:
    return [{"text": text, "vital": True}]


TEMPLATES: Mapping[str, Callable[[Material], Iterator[JSON]]] = {
    "name_gap": name_gap,
    "about_name": about_name,
    "invented_name": invented_name,
    "definition": definition,
    "swapped_name": swapped_name,
    "listed": listed,
    "true_statement": true_statement,
    "number_changed": number_changed,
    "negated": negated,
    "across_documents": across_documents,
    "elsewhere": elsewhere,
}
