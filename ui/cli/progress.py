"""A progress bar on a terminal, and nothing anywhere else."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from ui.cli.output import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

WHAT_CHARACTERS = 40


class Progress:
    """Called with what is being done, how many are done and how many there are."""

    def __init__(self) -> None:
        self._bar: Bar | None = _bar() if sys.stderr.isatty() else None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar and self._bar.tasks:
            self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._bar:
            return
        if not self._bar.tasks:
            self._bar.start()
            self._bar.add_task("", total=total)
        self._bar.update(
            self._bar.task_ids[0], description=visible(what)[:WHAT_CHARACTERS], completed=done, total=total
        )


def _bar() -> "Bar":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(file=sys.stderr), transient=True,
    )  # fmt: skip
