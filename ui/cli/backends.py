"""`pincite backends`: who can be asked now, and what the others lack."""

from typing import Any

import click

from rag.llms import backends_report
from rag.settings import Settings
from ui.cli.output import as_json_text


def run(settings: Settings, as_json: bool) -> None:
    """Print every backend, a line each."""
    report = backends_report(settings)
    if as_json:
        click.echo(as_json_text(report))
        return
    width = max(len(row["example"]) for row in report)
    for row in report:
        click.echo(f"{'yes' if row['usable'] else 'no ':3}  {row['example']:{width}}  {row['why'] or _about(row)}")


def _about(row: dict[str, Any]) -> str:
    """What is good to know of a backend that can be used."""
    facts = ["passages go to another machine" if row["leaves_machine"] else "passages stay on this machine"]
    if row["context"]:
        facts.append(f"reads {row['context']:,} tokens")
    if not row["prices_known"]:
        facts.append("costs unknown")
    return ", ".join(facts)
