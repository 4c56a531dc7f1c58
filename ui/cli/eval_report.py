"""`pincite eval report`: a run to look at, and in the layouts of other tools."""

from collections.abc import Sequence
from pathlib import Path

import click

from eval.exports import export
from eval.report import render
from eval.rows import write_whole
from eval.runs import find_run, load_run
from rag.errors import UsageError
from rag.settings import Settings


def write_report(settings: Settings, names: Sequence[Path], out: Path | None, exports: Sequence[str]) -> None:
    """Write the report and the exports, and say where they are. Raises UsageError for a run without rows."""
    runs = [load_run(find_run(name, settings.data)) for name in names]
    for run in runs:
        if not run.rows:
            raise UsageError(f"{run.folder} holds no answers yet. Type the pincite eval run again that made it.")
    target = out or runs[0].folder / "report.html"
    write_whole(target, render(runs).encode("utf-8"))
    click.echo(target)
    for run in runs:
        for path in export(run, exports, run.folder / "exports"):
            click.echo(path)
