"""`pincite eval …`: the exam. Commands import what they need when they run."""

from pathlib import Path
from typing import Any

import click

from ui.cli.options import FILE, as_json_flag, folders, settings_with, verifier_option


@click.group("eval")
def evaluate() -> None:
    """Examine backends over questions whose answers are known, with figures, reports and a gate for CI."""


@evaluate.command(short_help="Put every case to every backend.")
@click.argument("cases", type=FILE)
@folders
@click.option(
    "--backend",
    "backends",
    multiple=True,
    metavar="SPEC",
    help="Who is examined; several side by side. perfect: answers from the gold.",
)
@click.option("--split", help="Only the cases of one split, such as reporting.")
@click.option("--max-cases", type=click.IntRange(1), help="At most so many cases, spread over the file.")
@click.option("--max-cost", type=click.FloatRange(0, min_open=True), metavar="USD", help="Stop asking at this cost.")
@click.option("--repeats", type=click.IntRange(1, 100), default=1, show_default=True, help="Ask every case so often.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=2, show_default=True, help="Questions at once.")
@click.option("--closed-book", is_flag=True, help="Control: ask without passages; nothing is withheld.")
@click.option("--oracle", is_flag=True, help="Control: give the passages that hold the gold.")
@click.option("--noise", is_flag=True, help="Control: add as many unrelated passages.")
@click.option("--shuffled-citations", is_flag=True, help="Control: exchange citations; fidelity must collapse.")
@click.option(
    "--judge",
    "judges",
    multiple=True,
    default=["reader"],
    show_default=True,
    metavar="SPEC",
    help="Who judges fidelity; further judges are compared with the first.",
)
@verifier_option
@click.option("--out", type=FILE, help="Folder of the run [default: one of exams/ in the data folder].")
@click.option("--fresh", is_flag=True, help="Ask everything anew, whatever the folder holds.")
@click.option("--retry-failed", is_flag=True, help="Ask again what failed before.")
@click.option("--rescore", is_flag=True, help="Keep the folder's answers although gold, judge or metrics have changed.")
@as_json_flag
def run(**options: Any) -> None:
    """Put every case of CASES to every backend, and print the figures.

    CASES is a file, or a set that ships: seeds, paraphrased or spine. After a stop, type the same again: what was
    answered is kept.
    """
    from ui.cli.eval_run import run_exam

    controls = [name for name in ("closed_book", "oracle", "noise", "shuffled_citations") if options.pop(name)]
    settings = settings_with(**{name: options.pop(name) for name in ("documents", "data", "verifier")})
    run_exam(settings, controls=controls, **options)


@evaluate.command(short_help="Say what changed from one run to another.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@folders
@as_json_flag
def compare(before: str, after: str, documents: Path | None, data: Path | None, as_json: bool) -> None:
    """Say what changed from run A to run B, figure by figure and case by case.

    Each is RUN or RUN@BACKEND; a RUN is a folder, or the name of one among the exams in the data folder.
    """
    from ui.cli.eval_compare import print_comparison

    print_comparison(settings_with(documents=documents, data=data), before, after, as_json)


@evaluate.command(short_help="Leave with code 3 when a run is not good enough.")
@click.argument("baseline")
@click.argument("run_name", metavar="RUN")
@folders
@click.option("--floor", "floors", multiple=True, metavar="METRIC>=VALUE", help="A further floor (or METRIC<=VALUE).")
@click.option("--accept", is_flag=True, help="Make RUN the new baseline, with the floors of the old one.")
@as_json_flag
def gate(
    *,
    baseline: str,
    run_name: str,
    documents: Path | None,
    data: Path | None,
    floors: tuple[str, ...],
    accept: bool,
    as_json: bool,
) -> None:
    """Leave with code 3 when RUN breaks a floor or is surely worse than BASELINE, a run or a file kept by --accept."""
    from ui.cli.eval_compare import pass_gate

    settings = settings_with(documents=documents, data=data)
    if not pass_gate(settings, baseline, run_name, floors, accept=accept, as_json=as_json):
        click.get_current_context().exit(3)


@evaluate.command(short_help="Make one HTML file of runs, to look at.")
@click.argument("runs", nargs=-1, required=True, type=FILE)
@folders
@click.option("--out", type=FILE, help="The report's file [default: report.html in the first run's folder].")
@click.option("--export", "exports", multiple=True, type=click.Choice(["csv", "jsonl", "junit", "trec", "ragas"]),
              help="Also write this layout for other tools, into the run's folder.")  # fmt: skip
def report(
    runs: tuple[Path, ...], documents: Path | None, data: Path | None, out: Path | None, exports: tuple[str, ...]
) -> None:
    """Make one HTML file of one run, or of several beside each other, to look at.

    Each of RUNS is a folder, or the name of one among the exams in the data folder.
    """
    from ui.cli.eval_report import write_report

    write_report(settings_with(documents=documents, data=data), runs, out, exports)


@evaluate.command(short_help="Let your documents write their own exam.")
@click.argument("folder", required=False, type=FILE)
@folders
@click.option("--out", required=True, type=FILE, help="File for the cases, one a line.")
@click.option("--page", type=FILE, help="Also write a page on which to accept, edit or drop them.")
@click.option("--count", type=click.IntRange(1), default=60, show_default=True, help="At most so many cases.")
@click.option("--backend", metavar="SPEC", help="Let this language model ask; without it, templates do.")
def generate(
    *,
    folder: Path | None,
    documents: Path | None,
    data: Path | None,
    out: Path,
    page: Path | None,
    count: int,
    backend: str | None,
) -> None:
    """Let the documents in FOLDER write their own exam; every case has exact gold and has passed checks.

    FOLDER is the documents folder when it is left out.
    """
    from ui.cli.eval_generate import write_cases

    if folder and documents and folder != documents:
        raise click.UsageError("FOLDER and --documents name two folders; give one of them.")
    write_cases(settings_with(documents=folder or documents, data=data), out, page, count, backend)


@evaluate.command(short_help="Say how well a judge agrees with labels.")
@click.argument("rows", metavar="DATA", type=FILE)
@folders
@click.option(
    "--judge", default="reader", show_default=True, metavar="SPEC", help="reader, judge:BACKEND or nli:FOLDER."
)
@as_json_flag
def calibrate(rows: Path, documents: Path | None, data: Path | None, judge: str, as_json: bool) -> None:
    """Say how well a judge agrees with the labels in DATA: rows of claim, passages and supported."""
    from ui.cli.eval_calibrate import print_calibration

    print_calibration(settings_with(documents=documents, data=data), rows, judge, as_json)
