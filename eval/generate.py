"""A folder's documents write their own exam: cases with exact gold, each of which has passed the checks."""

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from eval.material import Material
from eval.question_templates import GAP, TEMPLATES
from rag.types import JSON

LONGEST_QUESTION = 400
SPLITS = ("tuning", "reporting")
# A question of a language model may share this much of its wording with its gold; templates quote on purpose.
MOST_OVERLAP = 0.7


def generate(material: Material, count: int, drafts: Mapping[str, Iterable[JSON]] | None = None) -> list[JSON]:
    """At most `count` cases, as many of each kind and from each document as there are. The same every time.

    `drafts` are cases without id and split, by what made them; by default those of every template.
    """
    sources = drafts or {name: template(material) for name, template in TEMPLATES.items()}
    halves = {document: SPLITS[number % 2] for number, document in enumerate(material.titles)}
    asked: set[str] = set()
    cases: list[JSON] = []
    for name, draft in _in_turn({name: _shuffled(found) for name, found in sources.items()}):
        if len(cases) == count:
            break
        if draft["question"] in asked or problem_of(draft, material):
            continue
        asked.add(draft["question"])
        cases.append(_case(f"made-{len(cases) + 1:04}", name, draft, halves))
    return sorted(cases, key=lambda case: (list(sources).index(case["made_by"]), case["id"]))


def problem_of(draft: JSON, material: Material) -> str | None:
    """Why a draft cannot be a case; None when it passes every check."""
    question, gold = draft["question"], draft.get("gold", [])
    if not any(c.isalpha() for c in question) or len(question) > LONGEST_QUESTION:
        return "the question is empty or too long"
    known = {(line.document, line.quote) for line in material.lines}
    if any((one["document"], one["quote"]) not in known for one in gold):
        return "a gold quote does not stand exactly once in its document"
    if not gold and "absent" not in draft:
        return "it has neither gold nor anything that the documents lack"
    if "absent" in draft and material.knows(draft["absent"]):
        return "the documents have words that they should not have"
    if any(answer.lower() in question.replace(GAP, " ").lower() for answer in draft.get("answers", [])):
        return "the question gives its answer away"
    return None


def overlap(question: str, quote: str) -> float:
    """The share of a question's words, of four letters or more, that stand in the quote."""
    words = set(re.findall(r"\w{4,}", question.lower()))
    return len(words & set(re.findall(r"\w{4,}", quote.lower()))) / len(words) if words else 0.0


def _case(name: str, made_by: str, draft: JSON, halves: Mapping[str, str]) -> JSON:
    gold = draft.get("gold", [])
    document = gold[0]["document"] if gold else draft.get("document", next(iter(halves)))
    case = {
        "id": name,
        "kind": draft["kind"],
        "split": halves[document],
        "question": draft["question"],
        "answerable": bool(gold),
        "gold": gold,
        "nuggets": draft.get("nuggets", []),
        "answers": draft.get("answers", []),
        "made_by": made_by,
    }
    return {field: value for field, value in case.items() if field != "answers" or value}


def _shuffled(drafts: Iterable[JSON]) -> list[JSON]:
    """In an order that has nothing to do with the documents, and is the same every time."""
    return sorted(drafts, key=lambda draft: hashlib.sha256(draft["question"].encode("utf-8")).digest())


def _in_turn(sources: Mapping[str, Sequence[JSON]]) -> Iterator[tuple[str, JSON]]:
    """One of each source in turn, until all are used up."""
    named = [[(name, draft) for draft in drafts] for name, drafts in sources.items()]
    for row in itertools.zip_longest(*named):
        yield from (pair for pair in row if pair)
