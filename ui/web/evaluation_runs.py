"""The exams that the page runs: one at a time, in the background, over the documents that are being asked."""

import threading
from collections.abc import Sequence
from pathlib import Path

from eval.asking import EXAMS
from eval.cases import SHIPPED, CasesError, choose, load_cases
from eval.generate import generate
from eval.material import read_material
from eval.metrics import METRICS
from eval.report import render
from eval.reported import report_wrong
from eval.rows import write_rows
from eval.runner import Plan, run
from eval.runs import Run, load_run
from eval.summary import record
from rag.chat import Chat
from rag.errors import PinciteError, UsageError
from rag.llms import check_spec
from rag.types import JSON, Turn

WRITTEN, WRITTEN_CASES = "written by your documents", 60


class StoppedError(PinciteError):
    """An exam that was stopped; what was answered is kept."""


class Exams:
    """Starts, watches and stops exams over one chat."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._state: JSON = {"running": False, "done": 0, "total": 0, "error": None, "run": None, "passed": None}

    @property
    def folder(self) -> Path:
        """Where the cases lie that belong to these documents alone."""
        return self._chat.settings.data / "cases"

    def sets(self) -> list[JSON]:
        """The sets of cases about these documents: `{name, cases}`, the fullest that ships first, their own last."""
        shipped, own = (self._about_these(sorted(folder.glob("*.jsonl"))) for folder in (SHIPPED, self.folder))
        shipped.sort(key=lambda one: -int(one["cases"]))
        return [*shipped, *own, {"name": WRITTEN, "cases": WRITTEN_CASES}]

    def start(self, name: str, backends: Sequence[str], most: int | None) -> None:
        """Begin an exam. Raises UsageError when one is running, and what a wrong set or backend raises."""
        if not backends:
            raise UsageError("Choose who is to answer.")
        for backend in backends:
            check_spec(backend, self._chat.settings)
        path = self._path(name)
        cases = choose(load_cases(path, self._chat.settings.documents), None, most)
        plan = Plan(cases, path.parent, tuple(dict.fromkeys(backends)))
        with self._lock:
            if self._thread and self._thread.is_alive():
                raise UsageError("An exam is running. Wait for it, or stop it.")
            self._stop.clear()
            total = len(cases) * len(plan.backends)
            self._state = {"running": True, "done": 0, "total": total, "error": None, "run": None, "passed": None}
            self._thread = threading.Thread(target=self._run, args=(plan,), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask no further questions. The same exam started again goes on from there."""
        self._stop.set()

    def state(self) -> JSON:
        """How far the exam is: `{running, done, total, passed, error, run}`; `run` names it once it is finished."""
        return dict(self._state)

    def figures(self, name: str) -> JSON:
        """The scoreboard of a finished run, with each figure's definition left to the report."""
        found = self._load(name)
        told = {n: {"judged": m.judged, "better": m.better, "unit": m.unit} for n, m in METRICS.items()}
        return {**record(found.manifest, found.rows), "metrics": told}

    def report(self, name: str) -> str:
        """The report of a finished run, as HTML."""
        return render([self._load(name)])

    def wrong(self, report: JSON) -> str:
        """Keep a citation that was reported as wrong; gives the name of the set it is in now."""
        document = self._chat.document(str(report["document"]))
        place = int(report["start"]), int(report["end"])
        history = [Turn(turn["role"], turn["content"]) for turn in report.get("history", ())]
        told = {"question": str(report["question"]), "statement": str(report["statement"])}
        return report_wrong(self.folder, document, place, history=history, **told).stem

    def _about_these(self, paths: Sequence[Path]) -> list[JSON]:
        found = []
        for path in paths:
            try:
                found.append({"name": path.stem, "cases": len(load_cases(path, self._chat.settings.documents))})
            except (CasesError, UsageError):
                continue
        return found

    def _path(self, name: str) -> Path:
        if name == WRITTEN:
            path = self.folder / "written.jsonl"
            settings = self._chat.settings
            write_rows(path, generate(read_material(settings.documents, settings.chunk_tokens), WRITTEN_CASES))
            return path
        for folder in (SHIPPED, self.folder):
            if name in {path.stem for path in folder.glob("*.jsonl")}:
                return folder / f"{name}.jsonl"
        raise UsageError(f"There is no set of cases called {name!r}.")

    def _load(self, name: str) -> Run:
        exams = self._chat.settings.data / EXAMS
        if name not in {path.name for path in exams.glob("*")}:
            raise UsageError(f"There is no exam called {name!r}.")
        return load_run(exams / name)

    def _run(self, plan: Plan) -> None:
        passed: list[float] = []

        def progress(row: JSON, done: int, total: int) -> None:
            if (one := row["scores"]["correct"]) is not None:
                passed.append(one)
            self._state |= {"done": done, "passed": sum(passed) / len(passed) if passed else None}
            if self._stop.is_set():
                raise StoppedError("Stopped. Start it again to go on.")

        try:
            found = run(plan, self._chat, None, progress)
        except PinciteError as error:
            self._state |= {"running": False, "error": str(error)}
        else:
            self._state |= {"running": False, "done": len(found.rows), "run": found.folder.name}
        finally:
            self._state["running"] = False
