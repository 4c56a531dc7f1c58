"""`pincite batch`: many questions from a file, their answer records into another."""

from pathlib import Path

from eval.batch import answer_all, read_questions
from rag.errors import PinciteError
from rag.settings import Settings
from ui.cli.output import note
from ui.cli.progress import Progress
from ui.opening import open_index


def run(settings: Settings, questions: Path, out: Path, concurrency: int, retry_failed: bool) -> None:
    """Answer them, and say how many. Raises PinciteError in the end when some could not be answered."""
    rows = read_questions(questions)
    chat = open_index(settings)
    with Progress() as progress:
        done = answer_all(chat, rows, out, concurrency, progress, retry_failed=retry_failed)
    note(f"{done.asked:,} asked, {done.kept:,} kept from before, {done.failed:,} failed: {out}")
    if done.failed:
        raise PinciteError(
            f"{done.failed:,} of {len(rows):,} questions could not be answered; the field error of their records says "
            "why. To ask them again, type the same with --retry-failed."
        )
