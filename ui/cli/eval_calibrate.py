"""`pincite eval calibrate`: how well a judge agrees with labels."""

from pathlib import Path

import click

from eval.calibrate import as_json as record_as_json
from eval.calibrate import as_table, run
from eval.tables import print_table
from rag.llms import open_model
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.settings import Settings
from rag.verify import open_verifier
from ui.cli.progress import Progress


def print_calibration(settings: Settings, data: Path, judge: str, as_json: bool) -> None:
    """Judge every row and print the figures."""
    model, reader = MiniLM(settings.threads), open_reader(settings.reader, settings.threads)
    verifier = open_verifier(judge, model, reader, lambda spec: open_model(spec, settings))
    with Progress() as progress:
        record = run(data, verifier, lambda done, total: progress(f"{judge} judges", done, total))
    if as_json:
        click.echo(record_as_json(record))
    else:
        print_table(as_table(record, verifier.quality))
