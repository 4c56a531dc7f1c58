"""From one case to one row: asked, judged, scored, with everything that a report needs to show it."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from eval.asking import Desk
from eval.cases import Case
from eval.judging import Judge
from eval.metrics import score
from eval.perfect import NAME as PERFECT
from eval.perfect import SPEC as PERFECT_SPEC
from rag.errors import PinciteError
from rag.types import JSON, Answer

CONTEXT_CHARACTERS = 160

Key = tuple[str, int, str]
"""What tells rows of a run apart: backend, repeat, case."""


@dataclass(frozen=True, slots=True)
class Task:
    """One case to one backend, for the `repeat`-th time."""

    case: Case
    backend: str
    repeat: int
    cluster: str

    @property
    def key(self) -> Key:
        """The key of the row that this becomes."""
        return self.backend, self.repeat, self.case.id


def key_of(row: JSON) -> Key:
    """What a row is of."""
    return row["backend"], row["repeat"], row["case"]


def answered(desk: Desk, judges: Sequence[Judge], task: Task, controls: Sequence[str]) -> JSON:
    """The row of one task. What fails becomes a row that says so."""
    answer = desk.ask(task.case, PERFECT_SPEC if task.backend == PERFECT else task.backend, controls)
    return scored(judges, task, _record(answer, task.case))


def scored(judges: Sequence[Judge], task: Task, record: JSON) -> JSON:
    """The row of one task whose answer record is known."""
    case = task.case
    judged, *others = [_judged(judge, case, record) for judge in judges]
    return {
        "case": case.id,
        "kind": case.kind,
        "split": case.split,
        "cluster": task.cluster,
        "digest": case.digest,
        "answerable": case.answerable,
        "backend": task.backend,
        "repeat": task.repeat,
        "scores": score(case, {**record, "judged": judged}),
        "judged": judged,
        "other_judges": others,
        "expected": {
            "gold": [dataclasses.asdict(gold) for gold in case.gold],
            "also": [dataclasses.asdict(also) for also in case.also],
            "wrong": [dataclasses.asdict(wrong) for wrong in case.wrong],
            "nuggets": [dataclasses.asdict(nugget) for nugget in case.nuggets],
            "answers": list(case.answers),
            "forbidden": list(case.forbidden),
            "history": [dataclasses.asdict(turn) for turn in case.history],
        },
        "around": _around(case, record),
        "answer": record,
    }


def is_answer_to(row: JSON, case: Case) -> bool:
    """Whether the row's answer is to the question that the case asks now."""
    history = [dataclasses.asdict(turn) for turn in case.history]
    return bool(row["answer"]["question"] == case.question and row["expected"]["history"] == history)


def _record(answer: Answer, case: Case) -> JSON:
    """The answer record, without the index's generation, which counts ingests and says nothing about the answer."""
    return {**answer.record(), "id": case.id, "index": answer.index.partition("@")[0]}


def _judged(judge: Judge, case: Case, record: JSON) -> JSON:
    if record["status"] != "failed":
        try:
            return judge.judged(case, record)
        except PinciteError as error:
            return {"judge": judge.verifier.name, "statements": [], "nuggets": [], "error": str(error)}
    return {"judge": judge.verifier.name, "statements": [], "nuggets": []}


def _around(case: Case, record: JSON) -> dict[str, list[str]]:
    """What stands around each cited quote, in whole words, by its place, so that a report needs no documents."""
    found = {}
    for statement in (*record["statements"], *record["withheld"]):
        for c in statement["citations"]:
            text = case.texts.of(c["document"]) or ""
            before = text[max(0, c["start"] - CONTEXT_CHARACTERS) : c["start"]]
            after = text[c["end"] : c["end"] + CONTEXT_CHARACTERS]
            if len(before) < c["start"]:
                before = re.sub(r"\A\S+(?=\s)", "", before)
            if c["end"] + len(after) < len(text):
                after = re.sub(r"(?<=\s)\S+\Z", "", after)
            found[f"{c['document']}:{c['start']}:{c['end']}"] = [before, after]
    return found
