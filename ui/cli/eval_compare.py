"""`pincite eval compare` and `pincite eval gate`: two finished runs beside each other."""

import re
from collections.abc import Sequence
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from eval.compare import Comparison, compare, p_value
from eval.gate import Outcome, gate, read_floor
from eval.metrics import METRICS
from eval.runs import find_run
from eval.sides import read_floors, read_scores, read_sides, write_baseline
from eval.summary import shown
from eval.tables import print_table
from rag.errors import UsageError
from rag.settings import Settings
from ui.cli.output import as_json_text, note, visible

CHANGED_SHOWN = 40


def print_comparison(settings: Settings, before: str, after: str, as_json: bool) -> None:
    """Compare one side of each. Raises UsageError when there are several."""
    sides = []
    for text in (before, after):
        found = read_sides(text, settings.data)
        if len(found) > 1:
            some = ", ".join(f"{text}@{shown(side.rows[0]['backend'])}" for side in found)
            raise UsageError(f"{text} holds several backends. Name one: {some}")
        sides += found
    comparison = compare(*sides)
    if as_json:
        click.echo(as_json_text(comparison.record(), indent=1))
        return
    print_table(_table(comparison))
    for row in comparison.changed[:CHANGED_SHOWN]:
        click.echo(visible(f"{row['what']:>9} {row['case']}: {row.get('question', '')}"))
    if len(comparison.changed) > CHANGED_SHOWN:
        click.echo(f"          and {len(comparison.changed) - CHANGED_SHOWN} more; --json lists them all.")
    for line in _left_out(comparison):
        note(line)


def pass_gate(
    settings: Settings, baseline: str, run: str, floors: Sequence[str], *, accept: bool, as_json: bool
) -> bool:
    """Whether the run passes; prints why not. With `accept`, makes it the baseline instead."""
    more = dict(_floor(text) for text in floors)
    if accept:
        kept = Path(baseline)
        if kept.is_dir():
            raise UsageError(f"{baseline} is a run. Name a file such as baseline.json to keep the scores in.")
        known = read_scores(kept)[2] if kept.exists() else {}
        write_baseline(kept, find_run(Path(run), settings.data), {**known, **more})
        note(f"{baseline} now holds the scores of {run}.")
        return True
    known = read_floors(baseline, settings.data)
    outcome = gate(read_sides(baseline, settings.data), read_sides(run, settings.data), {**known, **more})
    if as_json:
        click.echo(as_json_text(outcome.record(), indent=1))
    else:
        _explain(outcome)
    return not outcome.breaches


def _explain(outcome: Outcome) -> None:
    for line in dict.fromkeys(line for comparison in outcome.comparisons for line in _left_out(comparison)):
        note(line)
    for breach in outcome.breaches:
        click.echo(f"FAILED {breach.why}")
    if any(breach.metric and METRICS[breach.metric].judged for breach in outcome.breaches):
        for quality in dict.fromkeys(one for comparison in outcome.comparisons for one in comparison.judges):
            click.echo(f"Judged by the {quality}")
    if not outcome.breaches:
        click.echo("Passed: no floor is broken, and no figure is surely worse than in the baseline.")


def _left_out(comparison: Comparison) -> list[str]:
    """What was not compared, and what else is not equal."""
    lines = []
    if comparison.altered:
        lines.append(f"{len(comparison.altered)} cases read differently in the two runs and were not compared.")
    if comparison.missing:
        lines.append(
            f"{len(comparison.missing)} cases of {comparison.before.label} are not in {comparison.after.label}."
        )
    if comparison.differs:
        lines.append(f"Besides the backend, the two differ in: {', '.join(comparison.differs)}.")
    return lines


def _floor(text: str) -> tuple[str, str]:
    name, found, bound = re.match(r"([^<>=]*)(>=|<=|)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    floor = f"{found} {bound.strip()}"
    read_floor(name.strip(), floor)
    return name.strip(), floor


def _table(comparison: Comparison) -> Table:
    """Every figure of both sides, the change for the better with its interval, and what could have been seen."""
    table = Table(
        box=SIMPLE_HEAD,
        title=f"A {comparison.before.label}\nB {comparison.after.label}",
        caption="better: from A to B, with its paired 95 % interval. p: exact McNemar, Holm-corrected. "
        "visible: the smallest difference that these cases show with 80 % power. "
        f"⚖ by the judge: {'; '.join(comparison.judges) or 'unknown'}",
    )
    for name in ("metric", "A", "B", "better", "p", "visible", "n"):
        table.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    for d in comparison.differences:
        between = f" [{d.low:+.2f} {d.high:+.2f}]" if d.low is not None else ""
        table.add_row(
            f"{d.metric}{' ⚖' if METRICS[d.metric].judged else ''}",
            f"{d.before:.3f}",
            f"{d.after:.3f}",
            f"{d.better:+.3f}{between}",
            "" if d.p_holm is None else p_value(d.p_holm),
            "" if d.detectable is None else f"{d.detectable:.3f}",
            str(d.cases),
        )
    return table
