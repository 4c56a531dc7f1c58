"""Running an exam: every case to every backend, a row each as soon as it is answered, the figures from the rows."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from eval.asking import EXAMS, Desk
from eval.cases import Case
from eval.clusters import clusters_of
from eval.judging import Judge
from eval.manifest import manifest_of
from eval.perfect import NAME as PERFECT
from eval.rows import RowFile, held, write_rows
from eval.runs import ROWS, Run, kept_rows, save_manifest, save_passages
from eval.scoring import Key, Task, answered, is_answer_to, key_of, scored
from rag.chat import Chat
from rag.errors import UsageError
from rag.llms import open_model, parse_spec
from rag.llms.prices import prices_known
from rag.types import JSON
from rag.verify import open_verifier

Progress = Callable[[JSON, int, int], None]
"""Called with each new row, how many rows there are and how many there will be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run. `cases_folder` is where the documents that cases add are found.

    The first judge's verdicts make the figures; the others' are kept beside them, to see how far they agree.
    """

    cases: Sequence[Case]
    cases_folder: Path
    backends: Sequence[str] = ("offline",)
    controls: Sequence[str] = ()
    repeats: int = 1
    judges: Sequence[str] = ("reader",)
    concurrency: int = 2
    max_cost_usd: float | None = None
    retry_failed: bool = False
    fresh: bool = False
    rescore: bool = False


def run(plan: Plan, chat: Chat, folder: Path | None = None, progress: Progress | None = None) -> Run:
    """Run the plan into `folder`, or go on with it there: what has a row is not asked again.

    Without a folder it is one in the data folder that is named after the manifest. Raises UsageError when the folder
    holds another run, and for a limit that cannot be kept.
    """
    if plan.max_cost_usd is not None:
        _check_prices(plan.backends)
    verifiers = [
        open_verifier(judge, chat.model, chat.reader, lambda spec: open_model(spec, chat.settings))
        for judge in plan.judges
    ]
    manifest = manifest_of(chat, plan.cases, plan.backends, plan.controls, repeats=plan.repeats, judges=verifiers)
    folder = folder or chat.settings.data / EXAMS / manifest["identity"][:12]
    tasks, judges = _tasks(plan), list(map(Judge, verifiers))
    taken = f"Another run writes to {folder}. Wait for it, or name another folder with --out."
    with held(folder, folder / ".lock", taken):
        rows = {} if plan.fresh else _kept(plan, folder, manifest, tasks, judges)
        save_manifest(folder, manifest)
        write_rows(folder / ROWS, rows.values())
        before = len(rows)
        left = [task for task in tasks if task.key not in rows]
        with closing(RowFile(folder / ROWS)) as file:
            for row in _new_rows(plan, chat, judges, left, rows, file=file):
                rows[key_of(row)] = row
                if progress:
                    progress(row, len(rows), len(tasks))
        ordered = [rows[task.key] for task in tasks if task.key in rows]
        write_rows(folder / ROWS, ordered)
        save_passages(folder, ordered, plan.cases)
    return Run(folder, manifest, ordered, len(rows) - before, len(tasks) - len(ordered))


def _kept(plan: Plan, folder: Path, manifest: JSON, tasks: Sequence[Task], judges: Sequence[Judge]) -> dict[Key, JSON]:
    """The rows that need not be asked again, scored as they would be now."""
    rows, anew = kept_rows(folder, manifest, plan.retry_failed, plan.rescore)
    if not anew:
        return rows
    known = [(task, rows[task.key]) for task in tasks if task.key in rows]
    return {task.key: scored(judges, task, row["answer"]) for task, row in known if is_answer_to(row, task.case)}


def _tasks(plan: Plan) -> list[Task]:
    clusters = clusters_of(plan.cases)
    return [
        Task(case, backend, repeat, cluster)
        for backend in plan.backends
        for repeat in range(plan.repeats)
        for case, cluster in zip(plan.cases, clusters, strict=True)
    ]


def _new_rows(
    plan: Plan, chat: Chat, judges: Sequence[Judge], tasks: Sequence[Task], known: dict[Key, JSON], *, file: RowFile
) -> Iterator[JSON]:
    """A row for each task, in the file before it comes out. Cases that add documents come last, set by set."""
    pool = ThreadPoolExecutor(plan.concurrency)
    with tempfile.TemporaryDirectory(prefix="pincite-exam-") as temporary:
        desk = Desk(chat, plan.cases, plan.cases_folder, Path(temporary))

        def answer(task: Task) -> JSON:
            row = answered(desk, judges, task, plan.controls)
            file.add(row)
            return row

        try:
            by_documents = sorted(tasks, key=lambda task: task.case.documents)
            for documents, some in groupby(by_documents, key=lambda task: task.case.documents):
                if _is_spent(plan, known):
                    return
                if documents:
                    desk.lay_out(documents)
                yield from _answers(plan, pool, answer, list(some), known)
        finally:
            pool.shutdown(cancel_futures=True)
            desk.close()


def _answers(
    plan: Plan, pool: ThreadPoolExecutor, answer: Callable[[Task], JSON], tasks: list[Task], known: dict[Key, JSON]
) -> Iterator[JSON]:
    """The rows of some tasks as they come; none is begun once the money is spent."""
    waiting: set[Future[JSON]] = set()
    left = list(reversed(tasks))
    while left or waiting:
        while left and len(waiting) < plan.concurrency and not _is_spent(plan, known):
            waiting.add(pool.submit(answer, left.pop()))
        if not waiting:
            return
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _is_spent(plan: Plan, rows: dict[Key, JSON]) -> bool:
    if plan.max_cost_usd is None:
        return False
    return sum(row["answer"]["usage"]["cost_usd"] or 0.0 for row in rows.values()) >= plan.max_cost_usd


def _check_prices(backends: Sequence[str]) -> None:
    """Raises UsageError when it is not known what an answer costs."""
    for backend in backends:
        unknown = [str(one) for one in parse_spec(backend) if backend != PERFECT and not prices_known(one)]
        if unknown or "," in backend:
            raise UsageError(
                f"The price of {backend} is not known, so --max-cost cannot be kept. Use --max-cases instead."
            )
