"""Whether citations are exact, whether they point at the right words, and whether those words carry what is said.

The last kind rests on a judge, whose verdicts stand in `answer["judged"]` (see `eval.judging`).
"""

from eval.cases import Case
from eval.metrics_retrieval import overlaps
from rag.types import JSON


def citation_validity(case: Case, answer: JSON) -> float | None:
    """Share of all citations, withheld ones too, whose place exists: the document is there, its canonical text has the
    cited sha256, and 0 <= start < end <= its length. Checked against the files, not the index.
    """
    return _share([_is_place(case, citation) for citation in _every_citation(answer)])


def quote_exactness(case: Case, answer: JSON) -> float | None:
    """Share of all citations, withheld ones too, whose quote equals text[start:end] of the document's file."""
    return _share([_is_exact(case, citation) for citation in _every_citation(answer)])


def citation_coverage(case: Case, answer: JSON) -> float | None:
    """Share of the shown statements that carry at least one citation."""
    return _share([bool(statement["citations"]) for statement in answer["statements"]])


def gold_citation_precision(case: Case, answer: JSON) -> float | None:
    """Share of the shown citations that overlap a gold quote, or words that the case says are right to cite also; only
    for cases that have gold.
    """
    if not case.gold:
        return None
    return _share([_is_gold(case, citation) for citation in shown_citations(answer)])


def wrong_citation_rate(case: Case, answer: JSON) -> float | None:
    """Share of the shown citations that overlap words which a reader has reported as wrong for this question."""
    if not case.wrong:
        return None
    shown = shown_citations(answer)
    return _share([any(overlaps(c, w.document, w.start, w.end) for w in case.wrong) for c in shown])


def gold_citation_recall(case: Case, answer: JSON) -> float | None:
    """Share of the gold groups that a shown citation overlaps; an abstention has found none of them."""
    if not case.gold:
        return None
    cited = shown_citations(answer)
    found = [
        any(overlaps(c, g.document, g.start, g.end) for c in cited for g in group) for group in case.groups.values()
    ]
    return _share(found)


def citation_recall(case: Case, answer: JSON) -> float | None:
    """Share of the shown statements that all their cited words together support, by the judge. ALCE (Gao et al.,
    "Enabling Large Language Models to Generate Text with Citations", 2023).
    """
    return _share([one["verdict"] == "supported" for one in answer["judged"]["statements"]])


def citation_precision(case: Case, answer: JSON) -> float | None:
    """Share of the shown citations that are needed, by the judge: their statement is supported, and they support it
    alone or it is not supported without them. ALCE (Gao et al., 2023).
    """
    return _share([needed for one in answer["judged"]["statements"] for needed in one["needed"]])


def groundedness(case: Case, answer: JSON) -> float | None:
    """Share of the shown statements that their cited words or else the passages support, by the judge: faithfulness as
    in RAGAS (Es et al., "RAGAS: Automated Evaluation of Retrieval Augmented Generation", 2024), a statement a sentence.
    """
    return _share([_is_grounded(one) for one in answer["judged"]["statements"]])


def misattribution_rate(case: Case, answer: JSON) -> float | None:
    """Share of the cited statements that the passages support and their own citations do not, by the judge."""
    cited = [one for one in answer["judged"]["statements"] if one["needed"]]
    return _share([one["verdict"] != "supported" and _is_grounded(one) for one in cited])


def contradiction_rate(case: Case, answer: JSON) -> float | None:
    """Share of the shown statements that their cited words contradict, by the judge."""
    return _share([one["verdict"] == "contradicted" for one in answer["judged"]["statements"]])


def shown_citations(answer: JSON) -> list[JSON]:
    """The citations of the statements that the reader sees."""
    return [citation for statement in answer["statements"] for citation in statement["citations"]]


def _every_citation(answer: JSON) -> list[JSON]:
    return [c for statement in (*answer["statements"], *answer["withheld"]) for c in statement["citations"]]


def _is_place(case: Case, citation: JSON) -> bool:
    text = case.texts.of(citation["document"])
    if text is None or case.texts.sha256(citation["document"]) != citation["sha256"]:
        return False
    return bool(0 <= citation["start"] < citation["end"] <= len(text))


def _is_exact(case: Case, citation: JSON) -> bool:
    text = case.texts.of(citation["document"])
    return text is not None and text[citation["start"] : citation["end"]] == citation["quote"]


def _is_gold(case: Case, citation: JSON) -> bool:
    return any(overlaps(citation, gold.document, gold.start, gold.end) for gold in (*case.gold, *case.also))


def _is_grounded(judged: JSON) -> bool:
    return bool(judged["verdict"] == "supported" or judged["in_passages"])


def _share(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
