"""A run in the layouts of other tools, so that they can show or re-score it: one row of EXPORTS a layout."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from eval.metrics import METRICS
from eval.metrics_retrieval import overlaps
from eval.rows import line_of, write_whole
from eval.runs import Place, Run, load_passages, place_of
from eval.summary import by_backend, judge_of, shown
from rag.types import JSON

Files = Iterator[tuple[str, bytes]]
# XML 1.0 cannot hold these.
CONTROL_CHARACTERS = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
DEEPEST_RANK = 1_000


def export(run: Run, names: Sequence[str], folder: Path) -> list[Path]:
    """Write the layouts of these names into the folder. Raises UsageError when it cannot be written."""
    written = []
    for name in names:
        for file, data in EXPORTS[name](run):
            write_whole(folder / file, data)
            written.append(folder / file)
    return written


def _csv(run: Run) -> Files:
    """`scores.csv`: a line an answer, with every figure, an empty cell where one does not apply, and what is known of
    the judge whose figures are among them.
    """
    quality = judge_of(run.manifest)
    text = io.StringIO(newline="")
    told = ["case", "kind", "split", "backend", "repeat"]
    writer = csv.writer(text)
    writer.writerow([*told, "status", "question", "answer", *METRICS, "judge"])
    for row in run.rows:
        answer = row["answer"]
        figures = ["" if row["scores"].get(name) is None else row["scores"][name] for name in METRICS]
        words = [answer["status"], answer["question"], answer["text"]]
        writer.writerow([*(row[name] for name in told), *words, *figures, quality])
    yield "scores.csv", text.getvalue().encode("utf-8")


def _jsonl(run: Run) -> Files:
    """`answers.jsonl`: the answer records alone, as `pincite batch` writes them."""
    yield "answers.jsonl", b"".join(line_of(row["answer"]) for row in run.rows)


def _junit(run: Run) -> Files:
    """`junit.xml`: a suite a backend, a test a case, failed when the case was not passed."""
    root = ElementTree.Element("testsuites", name="pincite eval")
    for backend, rows in by_backend(run.rows).items():
        suite = ElementTree.SubElement(root, "testsuite", name=backend)
        counts = {"tests": len(rows), "failures": 0, "errors": 0}
        for row in rows:
            answer = row["answer"]
            test = ElementTree.SubElement(suite, "testcase", classname=f"{backend}.{row['kind']}")
            test.set("name", _xml(f"{row['case']}: {answer['question']}"))
            test.set("time", f"{row['scores'].get('latency_p50') or 0:.3f}")
            if answer["status"] == "failed":
                counts["errors"] += 1
                ElementTree.SubElement(test, "error", message=_xml(answer["error"] or "failed"))
            elif not row["scores"]["correct"]:
                counts["failures"] += 1
                found = ElementTree.SubElement(test, "failure", message=f"{answer['status']}, but not as expected")
                wanted = {name: told for name, told in row["expected"].items() if told and name != "also"}
                found.text = _xml(f"{answer['text']}\n\nExpected: {json.dumps(wanted, ensure_ascii=False)}")
        suite.attrib |= {name: str(count) for name, count in counts.items()}
    ElementTree.indent(root)
    yield "junit.xml", ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _trec(run: Run) -> Files:
    """`BACKEND.run` and `BACKEND.qrels` for trec_eval, with passages for documents.

    A passage's relevance is how many gold groups it is the first to hold; a group that no passage holds is a relevant
    document that was not found. So nDCG, RR and success come out as ours do.
    """
    for backend, rows in by_backend(run.rows).items():
        runs, qrels = [], []
        for row in rows:
            if row["repeat"] or not row["expected"]["gold"]:
                continue
            query = quote(row["case"], safe="")
            left = {gold["group"] for gold in row["expected"]["gold"]}
            for rank, passage in enumerate(row["answer"]["passages"], 1):
                name = f"{quote(passage['document'], safe='')}:{passage['start']}-{passage['end']}"
                runs.append(f"{query} Q0 {name} {rank} {DEEPEST_RANK - rank} {_slug(backend)}\n")
                held = _held(passage, row["expected"]["gold"]) & left
                left -= held
                qrels.append(f"{query} 0 {name} {len(held)}\n")
            qrels += [f"{query} 0 missed-group-{group} 1\n" for group in sorted(left)]
        yield f"{_slug(backend)}.run", "".join(runs).encode("utf-8")
        yield f"{_slug(backend)}.qrels", "".join(qrels).encode("utf-8")


def _ragas(run: Run) -> Files:
    """`BACKEND.ragas.jsonl`: samples for `ragas.EvaluationDataset.from_jsonl`; the reference is the nuggets."""
    passages = load_passages(run.folder)
    for backend, rows in by_backend(run.rows).items():
        samples = [_sample(row, passages) for row in rows if row["answer"]["status"] != "failed"]
        yield f"{_slug(backend)}.ragas.jsonl", b"".join(map(line_of, samples))


def _sample(row: JSON, passages: Mapping[Place, str]) -> JSON:
    expected, answer = row["expected"], row["answer"]
    wanted = [nugget["text"] for nugget in expected["nuggets"]] or expected["answers"]
    return {
        "user_input": answer["search_question"],
        "retrieved_contexts": [passages.get(place_of(passage), "") for passage in answer["passages"]],
        "reference_contexts": [gold["quote"] for gold in expected["gold"]],
        "response": answer["text"],
        "reference": ". ".join(wanted) if row["answerable"] else "The documents do not answer this question.",
    }


def _held(passage: JSON, gold: Sequence[JSON]) -> set[int]:
    return {g["group"] for g in gold if overlaps(passage, g["document"], g["start"], g["end"])}


def _slug(backend: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", shown(backend))


def _xml(text: str) -> str:
    return CONTROL_CHARACTERS.sub("\ufffd", text)


EXPORTS: Mapping[str, Callable[[Run], Files]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "junit": _junit,
    "trec": _trec,
    "ragas": _ragas,
}
