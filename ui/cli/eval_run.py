"""`pincite eval run`: an exam on the command line, with progress, the figures as a table or as JSON."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eval.cases import choose, find_cases, load_cases
from eval.metrics import METRICS
from eval.perfect import NAME as PERFECT
from eval.perfect import perfect_reply, scripted
from eval.runner import Plan, run
from eval.runs import Run
from eval.summary import record, shown
from rag.documents import find_files
from rag.errors import PinciteError, UsageError
from rag.llms import check_spec
from rag.settings import Settings
from rag.types import JSON
from ui.cli.output import as_json_text, note
from ui.cli.progress import Progress
from ui.opening import open_index

if TYPE_CHECKING:
    from rich.table import Table


def run_exam(
    settings: Settings,
    *,
    cases: Path,
    backends: Sequence[str],
    split: str | None,
    max_cases: int | None,
    max_cost: float | None,
    repeats: int,
    concurrency: int,
    controls: Sequence[str],
    judges: Sequence[str],
    out: Path | None,
    fresh: bool,
    retry_failed: bool,
    rescore: bool,
    as_json: bool,
) -> None:
    """Run the exam and print its figures. Raises UsageError when it makes no sense as it was asked for."""
    if {"closed_book", "oracle"} <= set(controls):
        raise UsageError("--closed-book and --oracle exclude each other: there are passages, or there are none.")
    cases = find_cases(cases)
    find_files(settings.documents)  # before every case misses its document
    chosen = choose(load_cases(cases, settings.documents), split, max_cases)
    specs = tuple(dict.fromkeys(backends or [settings.backend]))
    for spec in specs:
        if spec != PERFECT:
            check_spec(spec, settings)
    plan = Plan(
        chosen, cases.parent, specs, controls, repeats, judges, concurrency, max_cost, retry_failed, fresh, rescore
    )
    with contextlib.ExitStack() as stack:
        if PERFECT in specs:
            settings = stack.enter_context(scripted(settings, PERFECT, perfect_reply(chosen)))
        chat = open_index(settings)
        progress = stack.enter_context(Progress())
        finished = run(plan, chat, out, Live(progress))
    _say_what_happened(finished)
    figures = record(finished.manifest, finished.rows)
    if as_json:
        click.echo(as_json_text(figures, indent=1))
    else:
        from eval.tables import print_table

        print_table(_table(figures))
        _say_what_it_could_show(figures)
        note(f"Look at it with: pincite eval report {finished.folder}")
    errors = {row["answer"]["error"] for row in finished.rows if row["answer"]["status"] == "failed"}
    if finished.rows and all(row["answer"]["status"] == "failed" for row in finished.rows):
        raise PinciteError(f"Every question failed. {' '.join(sorted(map(str, errors))[:1])}")


class Live:
    """Shows how far a run is and how it is going."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._passed: dict[str, list[float]] = {}

    def __call__(self, row: JSON, done: int, total: int) -> None:
        known = self._passed.setdefault(row["backend"], [])
        if (passed := row["scores"]["correct"]) is not None:
            known.append(passed)
        share = f"{sum(known) / len(known):.2f} correct" if known else "none answered yet"
        self._progress(f"{share}: {shown(row['backend'])}", done, total)


def _say_what_happened(finished: Run) -> None:
    failed = sum(row["answer"]["status"] == "failed" for row in finished.rows)
    kept = len(finished.rows) - finished.asked
    note(f"{finished.asked:,} asked, {kept:,} kept from before, {failed:,} failed: {finished.folder}")
    if finished.missing:
        note(f"{finished.missing:,} not asked: --max-cost was reached. With a higher one they still will be.")


def _say_what_it_could_show(figures: JSON) -> None:
    for backend, found in figures["detectable"].items():
        if (visible := found["correct"]) is not None:
            note(
                f"{shown(backend)}: these cases show a difference in correct of {visible:.2f} or more, with 80 % power."
            )


def _table(figures: JSON) -> "Table":
    """Metrics down, backends across: the figure, its 95 % interval and over how many cases."""
    from rich.table import Table

    judge = figures["judges"][0]
    table = Table(
        title=f"{figures['cases']} cases", caption=f"95 % intervals, n cases. ⚖ by the judge: {judge['quality']}"
    )
    table.add_column("metric")
    for backend in figures["backends"]:
        table.add_column(shown(backend), justify="right")
    for name, metric in METRICS.items():
        cells = [_cell(of[name], metric.unit) for of in figures["backends"].values()]
        if any(cells):
            table.add_row(f"{name}{' ⚖' if metric.judged else ''}", *cells)
    return table


def _cell(figure: JSON, unit: str) -> str:
    if figure["mean"] is None:
        return ""
    between = f" [{figure['low']:.2f} {figure['high']:.2f}]" if figure["low"] is not None else ""
    return f"{figure['mean']:.3f}{unit and ' ' + unit}{between} n={figure['n']}"
