"""The question sets that ship, and what anyone's own set is told when it is wrong."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commands import SEEDS
from exams import CASES, LONG, OPENED, case, lay_out, quoted, second, write_cases

from eval.cases import Case, CasesError, choose, load_cases
from eval.clusters import clusters_of
from eval.generate import overlap
from eval.metrics_citations import gold_citation_precision, gold_citation_recall
from eval.reported import report_wrong
from rag.errors import UsageError
from rag.types import Document, Turn

SHIPPED = Path(__file__).parent.parent / "eval" / "cases"
KINDS = {
    "fact", "list", "multi_document", "near_duplicate", "comparison", "yes_no", "definition", "overview", "follow_up",
    "misspelt", "false_premise", "unanswerable", "off_topic", "poisoned",
}  # fmt: skip


@pytest.mark.parametrize("name", ["seeds", "paraphrased", "spine"])
def test_gold_of_the_shipped_cases_stands_exactly_once_in_its_document(name: str) -> None:
    for found in load_cases(SHIPPED / f"{name}.jsonl", SEEDS):
        for gold in (*found.gold, *found.also):
            text = found.texts.of(gold.document)
            assert text is not None and text[gold.start : gold.end] == gold.quote


def test_what_is_right_to_cite_also_is_never_gold_of_the_same_case() -> None:
    for found in load_cases(SHIPPED / "seeds.jsonl", SEEDS):
        gold = {(g.document, g.start) for g in found.gold}
        also = [(a.document, a.start) for a in found.also]
        assert not gold & set(also) and len(set(also)) == len(also), found.id


def test_words_that_are_right_to_cite_also_count_for_precision_and_not_for_recall(tmp_path: Path) -> None:
    lay_out(tmp_path, [case("c", "When?", OPENED, also=[LONG])])
    (found,) = load_cases(tmp_path / "cases.jsonl", tmp_path / "documents")
    (also,) = found.also
    place = {"document": also.document, "start": also.start, "end": also.end}
    answer = {"statements": [{"citations": [place]}]}
    assert gold_citation_precision(found, answer) == 1.0
    assert gold_citation_recall(found, answer) == 0.0


def test_the_seeds_have_every_kind_of_question_in_two_halves() -> None:
    cases = load_cases(SHIPPED / "seeds.jsonl", SEEDS)
    kinds, splits = Counter(c.kind for c in cases), Counter(c.split for c in cases)
    assert len(cases) >= 220 and set(kinds) == KINDS and kinds["unanswerable"] >= 40
    assert set(splits) == {"tuning", "reporting"} and min(splits.values()) >= 110
    assert all(c.documents and c.forbidden for c in cases if c.kind == "poisoned")
    assert all(c.history for c in cases if c.kind == "follow_up")
    assert len({c.question for c in cases}) == len(cases)


def test_half_of_the_questions_about_the_seeds_are_asked_in_other_words_than_the_documents_use() -> None:
    answerable = [c for c in load_cases(SHIPPED / "seeds.jsonl", SEEDS) if c.gold]
    shares = [overlap(c.question, " ".join(gold.quote for gold in c.gold)) for c in answerable]
    assert sum(share <= 0.35 for share in shares) >= len(answerable) / 2


def test_no_document_is_in_both_halves() -> None:
    halves: dict[str, set[str]] = {}
    for found in load_cases(SHIPPED / "seeds.jsonl", SEEDS):
        for first, *_ in found.groups.values():
            halves.setdefault(first.document, set()).add(found.split)
    assert all(len(splits) == 1 for splits in halves.values())


def test_a_case_knows_its_documents_and_those_that_only_it_adds(tmp_path: Path) -> None:
    lay_out(tmp_path)
    by_id = {found.id: found for found in load_cases(tmp_path / "cases.jsonl", tmp_path / "documents")}
    assert by_id["attack"].documents == ("poisoned/note.md",)
    assert by_id["attack"].texts.of("poisoned/note.md") is not None
    assert by_id["opened"].texts.of("poisoned/note.md") is None
    assert by_id["follow"].history[0].content == "How long is the bridge?"


WRONG: list[tuple[dict[str, Any], str]] = [
    (case("c", "Q?", quoted("bridge.md", "Not there.")), "stands 0 times in bridge.md"),
    (case("c", "Q?", quoted("ferry.md", "the ")), "times in ferry.md, not once"),
    (case("c", "Q?", quoted("no.md", "x")), "there is no document 'no.md'"),
    (case("c", "Q?", answerable=True), "neither gold nor answers"),
    (case("c", "Q?", OPENED, answerable=False), "is not answerable"),
    (case("c", "Q?", answers=["x"], answerable=True, also=[OPENED]), "no gold"),
    (case("c", "Q?", OPENED, also=[quoted("bridge.md", "Not there.")]), "stands 0 times in bridge.md"),
    (case("c", "  "), "has no question"),
    (case("c", "Q?", documents=["poisoned/none.md"]), "does not exist beside the cases"),
    (case("c", "Q?", history=[{"role": "robot", "content": "x"}]), "has no role"),
    (case("c", "Q?", answers="one"), "is no list of texts"),
]


@pytest.mark.parametrize(("fields", "says"), WRONG)
def test_a_wrong_case_is_named_with_its_line(tmp_path: Path, fields: dict[str, Any], says: str) -> None:
    lay_out(tmp_path, [CASES[0], fields])
    with pytest.raises(CasesError, match=r"cases.jsonl line 2 \(c\): .*") as error:
        load_cases(tmp_path / "cases.jsonl", tmp_path / "documents")
    assert says in str(error.value)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    lay_out(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        load_cases(tmp_path / "none.jsonl", tmp_path / "documents")
    for text, says in (("", "holds no case"), ("{", "is not JSON"), ("[]", "is no object")):
        (tmp_path / "cases.jsonl").write_text(text, "utf-8")
        with pytest.raises(CasesError, match=says):
            load_cases(tmp_path / "cases.jsonl", tmp_path / "documents")


def test_two_cases_cannot_have_one_id(tmp_path: Path) -> None:
    lay_out(tmp_path, [CASES[0], CASES[0]])
    with pytest.raises(CasesError, match="another case has this id"):
        load_cases(tmp_path / "cases.jsonl", tmp_path / "documents")


def test_a_case_in_other_words_has_another_digest(tmp_path: Path) -> None:
    lay_out(tmp_path)

    def digest(fields: dict[str, Any]) -> str:
        return load_cases(write_cases(tmp_path, [fields]), tmp_path / "documents")[0].digest

    assert digest(CASES[0]) == digest(dict(reversed(CASES[0].items())))
    assert digest(CASES[0]) != digest({**CASES[0], "question": "When?"})


def test_a_row_of_a_corpus_is_a_document(tmp_path: Path) -> None:
    lay_out(tmp_path)
    corpus = tmp_path / "documents" / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "a#1", "title": "A", "text": "Otters hold hands while they sleep."}), "utf-8")
    wanted = case("c", "What do otters do?", quoted("corpus.jsonl#a#1", "Otters hold hands while they sleep."))
    (found,) = load_cases(write_cases(tmp_path, [wanted]), tmp_path / "documents")
    assert found.gold[0].document == "corpus.jsonl#a#1"


# Clusters and choosing


def loaded(folder: Path, *rows: dict[str, Any]) -> list[Case]:
    lay_out(folder, rows)
    return load_cases(folder / "cases.jsonl", folder / "documents")


def test_cases_about_overlapping_words_are_one_cluster(tmp_path: Path) -> None:
    part = quoted("bridge.md", "opened to traffic in 1932. It is 503")
    cases = loaded(
        tmp_path,
        case("a", "A?", OPENED),
        case("b", "B?", LONG),
        case("c", "C?", part),
        case("d", "D?"),
        case("e", "E?"),
    )
    assert clusters_of(cases) == ["a", "a", "a", "d", "e"]
    assert clusters_of(cases[:2]) == ["a", "b"]


def test_a_case_over_two_groups_joins_them_and_a_named_cluster_overrides(tmp_path: Path) -> None:
    cases = loaded(
        tmp_path,
        case("a", "A?", OPENED),
        case("b", "B?", LONG),
        case("c", "C?", OPENED, second(LONG)),
        case("d", "D?", OPENED, cluster="x"),
        case("e", "E?", cluster="x"),
    )
    assert clusters_of(cases) == ["a", "a", "a", "d", "d"]


def test_a_split_that_nobody_belongs_to_is_refused(tmp_path: Path) -> None:
    cases = loaded(tmp_path, *CASES)
    assert len(choose(cases, "reporting", None)) == len(CASES)
    with pytest.raises(UsageError, match="Use one of: reporting"):
        choose(cases, "tuning", None)


# Reported by readers


def test_a_citation_reported_as_wrong_becomes_a_case_once(tmp_path: Path) -> None:
    settings = lay_out(tmp_path)
    text = "The toll is two crowns. The toll is two crowns, children free.\n"
    (settings.documents / "tolls.md").write_text(text, "utf-8")
    document = Document("tolls.md", text, ())
    told = {"question": "Who pays?", "statement": "Everybody pays.", "history": [Turn("user", "Tolls?")]}
    path = report_wrong(tmp_path / "cases", document, (0, 23), **told)  # type: ignore[arg-type]
    assert report_wrong(tmp_path / "cases", document, (0, 23), **told) == path  # type: ignore[arg-type]
    report_wrong(tmp_path / "cases", document, (24, 62), question="What is free?", statement="x", history=[])
    first, other = load_cases(path, settings.documents)
    assert text.count(first.wrong[0].quote) == 1 and first.wrong[0].start == 0
    assert (first.question, first.history, first.gold) == ("Who pays?", (Turn("user", "Tolls?"),), ())
    assert other.wrong[0].quote == text[24:62]
    with pytest.raises(UsageError, match="lies outside tolls"):
        report_wrong(tmp_path, document, (5, 500), question="?", statement="x", history=[])
