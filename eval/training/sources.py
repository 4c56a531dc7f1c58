"""The data sets that the reader is trained on, each with its licence: public repositories to rows and texts.

A source is left out unless its licence, read at the source, lets a model trained on it be released. README.md names the
ones left out.
"""

import csv
import io
import itertools
import json
import random
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eval.training.evidence import flat, select, sentences
from eval.training.rows import CONTRADICTED, NOT_STATED, NOT_SUPPORTED, SUPPORTED, Row

# A claim that is longer is cut off by the network's limit.
MAX_CLAIM_WORDS = 120
# Questions that are asked on a wrong paragraph, too.
SHARE_ELSEWHERE = 0.6
NLI = {"entailment": SUPPORTED, "contradiction": CONTRADICTED, "neutral": NOT_STATED, "not_entailment": NOT_SUPPORTED}
FEVER = {"SUPPORTS": SUPPORTED, "REFUTES": CONTRADICTED, "NOT_ENOUGH_INFO": NOT_STATED, "NOT ENOUGH INFO": NOT_STATED}


@dataclass(frozen=True, slots=True)
class Article:
    """A text by paragraphs of sentences: what edits are made of, and where wrong passages for a question come from."""

    title: str
    paragraphs: tuple[tuple[str, ...], ...]
    source: str


@dataclass(frozen=True, slots=True)
class Material:
    """What a source gives."""

    rows: list[Row] = field(default_factory=list)
    articles: list[Article] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where clones of the repositories lie, as OWNER+NAME/repo, bare or plain; and the development data, if any."""

    repositories: Path
    development: Path | None = None

    def read(self, repository: str, path: str) -> bytes:
        folder = self.repositories / repository.replace("/", "+") / "repo"
        folder = folder / ".git" if (folder / ".git").is_dir() else folder
        command = ["git", f"--git-dir={folder}", "show", f"HEAD:{path}"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def text(self, repository: str, path: str) -> str:
        return self.read(repository, path).decode("utf-8", "replace")

    def lines(self, repository: str, path: str) -> list[Any]:
        return [json.loads(line) for line in self.text(repository, path).splitlines() if line.strip()]

    def table(self, repository: str, path: str, tabs: bool = False) -> Iterator[dict[str, str]]:
        file = io.StringIO(self.text(repository, path))
        return csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.DictReader(file)

    def rows_of(self, name: str) -> list[Any]:
        if self.development is None or not (self.development / name).exists():
            return []
        return [json.loads(line) for line in (self.development / name).read_text("utf-8").splitlines() if line.strip()]


Reader = Callable[[Folder, random.Random], Material]


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    where: str
    licence: str
    read: Reader


def _detokenised(text: str) -> str:
    text = re.sub(r" ([.,;:?!%)\]'])", r"\1", text.replace("``", '"').replace("''", '"'))
    text = re.sub(r"([(\[$]) ", r"\1", text.replace("-LRB- ", "(").replace(" -RRB-", ")"))
    text = text.replace("-lrb- ", "(").replace(" -rrb-", ")")
    return re.sub(r" (n't|'s|'re|'ve|'ll)\b", r"\1", text)


def _claim(  # noqa: PLR0917
    claim: str, evidence: list[str], label: int, source: str, group: object, weight: float = 1.0
) -> Row | None:
    evidence = [flat(text) for text in evidence if text.strip()]
    if not claim.strip() or not evidence:
        return None
    return Row("supports", flat(claim), tuple(evidence), label, source, f"{source}/{group}", weight=weight)


def _claims(found: Iterator[Row | None]) -> Material:
    return Material([row for row in found if row])


# ---------------------------------------------------------------- questions


def _squad(data: list[Any], source: str, rng: random.Random) -> Material:
    """Questions on their paragraph, and on another paragraph of the article that does not hold the answer."""
    material = Material()
    for article in data:
        title = article.get("title", "").replace("_", " ")
        paragraphs = [sentences(paragraph["context"]) for paragraph in article["paragraphs"]]
        material.articles.append(Article(title, tuple(map(tuple, paragraphs)), source))
        for paragraph, text in zip(article["paragraphs"], paragraphs, strict=True):
            others = [other for other in paragraphs if other is not text]
            for asked in paragraph["qas"]:
                row = _asked(asked, paragraph["context"], text, title, source)
                material.rows.append(row)
                if row.label and rng.random() < SHARE_ELSEWHERE:
                    material.rows.extend(_elsewhere(row, asked, others, rng))
    return material


def _asked(asked: Any, context: str, text: list[str], title: str, source: str) -> Row:
    question, group = flat(asked["question"]), f"{source}/{title}"
    marks = [0] * len(text)
    if asked.get("is_impossible", False):
        return Row("answers", question, tuple(text), 0, source, group, title, tuple(marks), weight=1.5)
    for answer in asked["answers"]:
        marks[_sentence_at(text, len(flat(context[: answer["answer_start"]])), flat(answer["text"]))] = 1
    return Row("answers", question, tuple(text), 1, source, group, title, tuple(marks))


def _elsewhere(row: Row, asked: Any, others: list[list[str]], rng: random.Random) -> Iterator[Row]:
    """The question on the nearest of some other paragraphs that do not hold its answer."""
    words = [flat(answer["text"]).lower() for answer in asked["answers"]]
    without = [other for other in others if not any(word in " ".join(other).lower() for word in words)]
    if without:
        tried = rng.sample(without, min(6, len(without)))
        near = max(tried, key=lambda other: _shared(row.first, " ".join(other)))
        source = f"{row.source} other paragraph"
        yield replace(row, sentences=tuple(near), label=0, source=source, answering=(0,) * len(near))


def _shared(question: str, text: str) -> int:
    return len(set(re.findall(r"\w{4,}", question.lower())) & set(re.findall(r"\w{4,}", text.lower())))


def _sentence_at(text: list[str], at: int, answer: str) -> int:
    """The sentence that character `at` of the joined text lies in, or the nearest that holds the answer."""
    start, hit = 0, 0
    for number, one in enumerate(text):
        if start <= at + 1:
            hit = number
        start += len(one) + 1
    near = [number for number, one in enumerate(text) if answer in one]
    return hit if hit in near or not near else min(near, key=lambda number: abs(number - hit))


def squad2(folder: Folder, rng: random.Random) -> Material:
    data = json.loads(folder.text("chrischute/squad", "data/dev-v2.0.json"))["data"]
    return _squad(data, "squad2 dev half", rng)


def xquad(folder: Folder, rng: random.Random) -> Material:
    return _squad(json.loads(folder.text("google-deepmind/xquad", "xquad.en.json"))["data"], "xquad", rng)


def nqg(folder: Folder, rng: random.Random) -> Material:
    """Sentences of SQuAD's training articles in order, with a question each: windows of neighbours are the passages."""
    texts, questions = (
        [_detokenised(line.strip()) for line in folder.text("xinyadu/nqg", f"data/processed/{name}").splitlines()]
        for name in ("src-test.txt", "tgt-test.txt")
    )
    asked: dict[str, list[str]] = {}
    for text, question in zip(texts, questions, strict=True):
        asked.setdefault(text, []).append(question)
    order, material, source = list(asked), Material(), "nqg (SQuAD train articles)"
    for start in range(0, len(order), 40):
        block = order[start : start + 40]
        material.articles.append(Article("", tuple(tuple(block[i : i + 5]) for i in range(0, len(block), 5)), "nqg"))
    for at, text in enumerate(order):
        left = max(0, at - rng.randrange(0, 5))
        window = order[left : max(at + 1, left + rng.randrange(3, 8))]
        far = min(len(order) - 1, max(0, at + rng.choice([-1, 1]) * rng.randrange(8, 30)))
        other = order[far : far + rng.randrange(3, 7)]
        for question in asked[text]:
            marks = tuple(int(one == text) for one in window)
            material.rows.append(Row("answers", question, tuple(window), 1, source, f"{source}/{at // 40}", "", marks))
            if text not in other:
                none = (0,) * len(other)
                material.rows.append(
                    Row(
                        "answers",
                        question,
                        tuple(other),
                        0,
                        "nqg other window",
                        f"nqg other window/{at // 40}",
                        "",
                        none,
                    )
                )
    return material


def qed(folder: Folder, rng: random.Random) -> Material:
    material = Material()
    for row in folder.lines("google-research-datasets/QED", "qed-dev.jsonlines"):
        if row["annotation"].get("explanation_type") != "single_sentence":
            continue
        starts = [*row["sentence_starts"], len(row["paragraph_text"])]
        pairs = list(itertools.pairwise(starts))
        text = [_detokenised(flat(row["paragraph_text"][start:end])) for start, end in pairs]
        chosen = row["annotation"]["selected_sentence"]["start"]
        marks = tuple(1 if start <= chosen < end else 0 for start, end in pairs)
        if all(text) and any(marks):
            title = row["title_text"]
            material.rows.append(
                Row("answers", flat(row["question_text"]), tuple(text), 1, "QED", f"QED/{title}", title, marks)
            )
            material.articles.append(Article(title, (tuple(text),), "QED"))
    return material


def covid_qa(folder: Folder, rng: random.Random) -> Material:
    material, source = Material(), "COVID-QA"
    for article in json.loads(folder.text("deepset-ai/COVID-QA", "data/question-answering/200423_covidQA.json"))[
        "data"
    ]:
        for paragraph in article["paragraphs"]:
            text = sentences(paragraph["context"])
            windows = tuple(tuple(text[i : i + 6]) for i in range(0, min(len(text), 90), 6))
            material.articles.append(Article("", windows, source))
            for asked in paragraph["qas"]:
                opening = flat(asked["answers"][0]["text"])[:40] if asked["answers"] else ""
                hits = [number for number, one in enumerate(text) if opening and opening in one]
                if not hits:
                    continue
                left, group = max(0, hits[0] - rng.randrange(0, 4)), f"{source}/{str(asked.get('id'))[:6]}"
                window = tuple(text[left : left + 6])
                marks = tuple(int(left + number == hits[0]) for number in range(len(window)))
                question = flat(asked["question"])
                material.rows.append(Row("answers", question, window, 1, source, group, "", marks))
                far = rng.randrange(len(text))
                if abs(far - hits[0]) > 8:
                    other = tuple(text[far : far + 6])
                    material.rows.append(
                        Row("answers", question, other, 0, "COVID-QA other", group, "", (0,) * len(other))
                    )
    return material


def pubmed_qa(folder: Folder, rng: random.Random) -> Material:
    material = Material()
    for number, row in json.loads(folder.text("pubmedqa/pubmedqa", "data/ori_pqal.json")).items():
        contexts = tuple(tuple(sentences(context)) for context in row["CONTEXTS"])
        text = tuple(one for context in contexts for one in context)
        material.articles.append(Article("", contexts, "PubMedQA"))
        material.rows.append(
            Row("answers", flat(row["QUESTION"]), text[:9], 1, "PubMedQA", f"PubMedQA/{number}", weight=0.5)
        )
    return material


def clapnq(folder: Folder, rng: random.Random) -> Material:
    material, source = Material(), "clapnq dev"
    corpus = {passage["id"]: passage for passage in folder.rows_of("answer_clapnq/corpus.jsonl")}
    for asked in folder.rows_of("answer_clapnq/questions.jsonl"):
        passage = corpus[asked["related_ids"][0]]
        text = tuple(flat(one) for one in passage["sentences"])
        marks = tuple(int(number in asked["gold_sentences"]) for number in range(len(text)))
        title = passage["title"]
        material.rows.append(
            Row(
                "answers",
                flat(asked["question"]),
                text,
                int(asked["answerable"]),
                source,
                f"{source}/{title}",
                title,
                marks,
                None,
                1.5,
            )
        )
    material.articles.extend(Article(p["title"], (tuple(map(flat, p["sentences"])),), source) for p in corpus.values())
    return material


def mtrag(folder: Folder, rng: random.Random) -> Material:
    material, source = Material(), "mtrag dev"
    corpus = {passage["id"]: passage for passage in folder.rows_of("multiturn_mtrag/corpus.jsonl")}
    text = {number: tuple(sentences(passage["text"])) for number, passage in corpus.items()}
    for asked in folder.rows_of("multiturn_mtrag/questions.jsonl"):
        question, group = flat(asked["rewrite"]), f"{source}/{asked['conversation_id']}"
        ids = sorted(corpus)
        near = sorted(rng.sample(ids, min(40, len(ids))), key=lambda number: -_shared(question, " ".join(text[number])))
        for number in asked["gold_ids"][:4]:
            if text.get(number):
                material.rows.append(Row("answers", question, text[number], 1, source, group, corpus[number]["title"]))
        for number in near[:2]:
            if number not in asked["gold_ids"] and text[number]:
                none = (0,) * len(text[number])
                material.rows.append(
                    Row("answers", question, text[number], 0, "mtrag dev random", group, corpus[number]["title"], none)
                )
    material.articles.extend(Article(corpus[number]["title"], (text[number],), "mtrag corpus") for number in corpus)
    return material


# ---------------------------------------------------------------- claims


def _nli_csv(path: str, source: str) -> Reader:
    def read(folder: Folder, rng: random.Random) -> Material:
        def found() -> Iterator[Row | None]:
            for row in folder.table("felipessalvatore/NLI_datasets", path):
                premise, claim = (re.sub("<[^>]+>", "", row[name] or "") for name in ("premise", "hypothesis"))
                if row["label"] in NLI:
                    yield _claim(claim, sentences(premise), NLI[row["label"]], source, row["premise"][:60], 0.8)

        return _claims(found())

    return read


def med(folder: Folder, rng: random.Random) -> Material:
    return _claims(
        _claim(row["sentence2"], [row["sentence1"]], NLI[row["gold_label"]], "MED", row["sentence1"][:60], 0.7)
        for row in folder.table("verypluming/MED", "MED.tsv", tabs=True)
        if row.get("gold_label") in NLI
    )


def help_(folder: Folder, rng: random.Random) -> Material:
    table = folder.table("verypluming/HELP", "output_en/leskexppmb_and.tsv", tabs=True)
    return _claims(
        _claim(
            _detokenised(row["new_sentence"]),
            [_detokenised(row["ori_sentence"])],
            NLI[row["gold_label"]],
            "HELP",
            n,
            0.4,
        )
        for n, row in enumerate(table)
        if n % 4 == 0 and row.get("gold_label") in NLI
    )


def scone(folder: Folder, rng: random.Random) -> Material:
    parts = ("no_negation", "one_not_scoped", "one_scoped", "one_scoped_one_not_scoped", "two_not_scoped", "two_scoped")
    return _claims(
        _claim(row["sentence2"], [row["sentence1"]], NLI[row["gold_label"]], "ScoNe", row["sentence1"][:60], 0.5)
        for part in parts
        for row in folder.table("selenashe/ScoNe", f"scone_nli/train/{part}.csv")
        if row.get("gold_label") in NLI
    )


def breaking_nli(folder: Folder, rng: random.Random) -> Material:
    with zipfile.ZipFile(io.BytesIO(folder.read("BIU-NLP/Breaking_NLI", "breaking_nli_dataset.zip"))) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".jsonl") and "MACOSX" not in n)
        rows = [json.loads(line) for line in archive.read(name).decode().splitlines()]
    return _claims(
        _claim(row["sentence2"], [row["sentence1"]], NLI[row["gold_label"]], "Breaking NLI", row["sentence1"][:60], 0.5)
        for row in rows[::2]
        if row.get("gold_label") in NLI
    )


def fool_me_twice(folder: Folder, rng: random.Random) -> Material:
    def found() -> Iterator[Row | None]:
        for part in ("dev", "test"):
            for row in folder.lines("google-research/fool-me-twice", f"dataset/{part}.jsonl"):
                claim = row.get("text") or row.get("claim") or ""
                gold = [_detokenised(evidence["text"]) for evidence in row["gold_evidence"]]
                near = [_detokenised(evidence["text"]) for evidence in row["retrieved_evidence"]]
                both = gold + [text for text in near if text not in gold][:4]
                yield _claim(claim, gold, FEVER[row["label"]], "FoolMeTwice", row["id"], 1.2)
                rng.shuffle(both)
                yield _claim(claim, both, FEVER[row["label"]], "FoolMeTwice", row["id"])

    return _claims(found())


def fever_symmetric(folder: Folder, rng: random.Random) -> Material:
    parts = ("v0.2/fever_symmetric_dev", "v0.2/fever_symmetric_test", "v0.1/fever_symmetric_generated")
    rows = [row for part in parts for row in folder.lines("TalSchuster/FeverSymmetric", f"symmetric_{part}.jsonl")]
    return _claims(
        _claim(
            _detokenised(row["claim"]),
            [_detokenised(row.get("evidence") or row.get("evidence_sentence") or "")],
            FEVER[row["gold_label"]],
            "FEVER symmetric",
            row["claim"][:60],
        )
        for row in rows
        if row.get("gold_label") in FEVER
    )


def summ_edits(folder: Folder, rng: random.Random) -> Material:
    def found() -> Iterator[Row | None]:
        for domain in ("ectsum", "news", "podcast", "qmsumm", "sales_call", "sales_email", "scitldr"):
            for row in json.loads(folder.text("salesforce/factualNLG", f"data/summedits/summedits_{domain}.json")):
                summary, group = row["summary"], row["id"].rsplit("_", 1)[0]
                label = SUPPORTED if str(row["label"]) == "1" else NOT_SUPPORTED
                if len(summary.split()) <= 90:
                    yield _claim(summary, select(summary, [row["doc"]]), label, "SummEdits", group)
                original = set(sentences(row.get("original_summary") or ""))
                changed = [one for one in sentences(summary) if one not in original]
                if original and (label == SUPPORTED or len(changed) == 1):
                    for one in changed[:2]:
                        yield _claim(one, select(one, [row["doc"]]), label, "SummEdits sentences", group)

    return _claims(found())


def expert_qa(folder: Folder, rng: random.Random) -> Material:
    labels = {"Complete": SUPPORTED, "Partial": NOT_SUPPORTED, "Incomplete": NOT_SUPPORTED}

    def found() -> Iterator[Row | None]:
        done = set()
        for part in ("rand_val", "rand_test", "domain_val", "domain_test"):
            for row in folder.lines("chaitanyamalaviya/ExpertQA", f"data/lfqa/{part}.jsonl"):
                for answer in row["answers"].values():
                    for one in answer.get("claims", []):
                        claim = flat(re.sub(r"\s*\[\d+\]", "", one["claim_string"]))
                        evidence = [re.sub(r"^\[\d+\]\s*\S+\s*", "", e) for e in one["evidence"] if e and len(e) > 80]
                        if one["support"] in labels and evidence and (claim, row["question"]) not in done:
                            done.add((claim, row["question"]))
                            label = labels[one["support"]]
                            yield _claim(claim, select(claim, evidence), label, "ExpertQA", row["question"])

    return _claims(found())


def _development(name: str, source: str) -> Reader:
    def read(folder: Folder, rng: random.Random) -> Material:
        return _claims(
            _claim(
                row["claim"],
                select(row["claim"], row["passages"]),
                SUPPORTED if row["supported"] else NOT_SUPPORTED,
                source,
                row["group"],
                1.5,
            )
            for row in folder.rows_of(name)
            if len(row["claim"].split()) < MAX_CLAIM_WORDS
        )

    return read


snli = _nli_csv("nli_datasets/snli/dev.csv", "SNLI dev")
multi_nli = _nli_csv("nli_datasets/mnli/dev.csv", "MultiNLI dev")
attribution_bench = _development("claim_support_attributionbench.jsonl", "AttributionBench dev")
wice = _development("claim_support_wice.jsonl", "WiCE dev")
faithfulness = _development("claim_support_mtrag_faithfulness.jsonl", "mtRAG faithfulness dev")

CC_BY_SA_3, CC_BY_SA_4 = "CC-BY-SA-3.0", "CC-BY-SA-4.0"
SOURCES = (
    Source("SQuAD 2.0", "chrischute/squad", CC_BY_SA_4, squad2),
    Source("XQuAD", "google-deepmind/xquad", CC_BY_SA_4, xquad),
    Source("SQuAD 1.1 sentences and questions", "xinyadu/nqg", CC_BY_SA_4, nqg),
    Source("QED", "google-research-datasets/QED", CC_BY_SA_3, qed),
    Source("COVID-QA", "deepset-ai/COVID-QA", "Apache-2.0", covid_qa),
    Source("PubMedQA", "pubmedqa/pubmedqa", "MIT", pubmed_qa),
    Source("ClapNQ, development half", "primeqa/clapnq", "Apache-2.0", clapnq),
    Source("mtRAG, development half", "IBM/mt-rag-benchmark", "Apache-2.0", mtrag),
    Source("SNLI, development set", "felipessalvatore/NLI_datasets", CC_BY_SA_4, snli),
    Source("MultiNLI, development set", "felipessalvatore/NLI_datasets", "OANC, CC-BY-SA-3.0, CC-BY-3.0", multi_nli),
    Source("MED", "verypluming/MED", CC_BY_SA_4, med),
    Source("HELP", "verypluming/HELP", CC_BY_SA_4, help_),
    Source("ScoNe", "selenashe/ScoNe", "CC0-1.0", scone),
    Source("Breaking NLI", "BIU-NLP/Breaking_NLI", CC_BY_SA_4, breaking_nli),
    Source("Fool Me Twice", "google-research/fool-me-twice", "Apache-2.0, text CC-BY-SA-3.0", fool_me_twice),
    Source("FEVER symmetric", "TalSchuster/FeverSymmetric", "MIT, text CC-BY-SA-3.0", fever_symmetric),
    Source("SummEdits", "salesforce/factualNLG", "Apache-2.0", summ_edits),
    Source("ExpertQA", "chaitanyamalaviya/ExpertQA", "MIT", expert_qa),
    Source(
        "AttributionBench, development half",
        "OSU-NLP-Group/AttributionBench",
        "MIT and Apache-2.0 parts",
        attribution_bench,
    ),
    Source("WiCE, development half", "ryokamoi/wice", "ODC-BY-1.0, text CC-BY-SA", wice),
    Source("mtRAG faithfulness, development half", "IBM/mt-rag-benchmark", "Apache-2.0", faithfulness),
)
