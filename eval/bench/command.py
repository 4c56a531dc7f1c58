"""The benchmark command, `--json` for machines: `python -m eval.bench retrieval|abstaining|ingest|search|…`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from rag.errors import PinciteError


@click.group()
def bench() -> None:
    """Measure Pincite beside plainer ways of doing the same."""


@bench.command()
@click.argument("where", type=click.Path(exists=True, path_type=Path))
@click.option("--history", is_flag=True, help="Search for the last turn of a conversation, given the turns before it.")
@click.option("--documents", type=click.Path(exists=True, path_type=Path), help="The folder a case file asks about.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def retrieval(where: Path, history: bool, documents: Path | None, as_json: bool) -> None:
    """Does search find the right place? WHERE holds corpus.jsonl and questions.jsonl, or is a file of cases."""
    from eval.bench.data import load_cases, load_corpus
    from eval.bench.retrieval import compare, table

    data = load_corpus(where, history) if where.is_dir() else load_cases(where, documents)
    measured = compare(data)
    _show(measured.record(), as_json, table(measured))


@bench.command()
@click.argument("where", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--documents",
    type=click.Path(exists=True, path_type=Path),
    default=Path("seeds"),
    show_default=True,
    help="The folder a case file asks about.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def abstaining(where: Path, documents: Path, as_json: bool) -> None:
    """Does it refuse what the documents do not tell? WHERE as for retrieval; its questions say `answerable`."""
    from eval.bench.abstention import measure_abstaining, table

    result = measure_abstaining(where, documents)
    _show(result, as_json, table(result))


@bench.command()
@click.option("--chunks", default=10_000, show_default=True, help="How many chunks to index.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def ingest(chunks: int, as_json: bool) -> None:
    """How fast documents become an index, beside the bare embedding model on the same texts."""
    from eval.bench.speed import measure_ingest, table

    result = measure_ingest(chunks)
    _show(result, as_json, table("Ingest", result))


@bench.command()
@click.option("--chunks", default=100_000, show_default=True, help="How many chunks to search.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def search(chunks: int, as_json: bool) -> None:
    """How long a search takes, stage by stage, beside embedding the question and asking Chroma alone."""
    from eval.bench.speed import measure_search, table

    result = measure_search(chunks)
    _show(result, as_json, table("Search", result))


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def chain(as_json: bool) -> None:
    """What the path of one question adds to the language model alone."""
    from eval.bench.chain import measure_chain
    from eval.bench.speed import table

    result = measure_chain()
    _show(result, as_json, table("Chain", result))


@bench.command()
@click.option("--questions", default=1_000, show_default=True, help="How many questions one server answers.")
@click.option("--connections", default=1_000, show_default=True, help="How many half-sent requests it is held with.")
@click.option("--damages", default=90, show_default=True, help="How many damages of a file are tried, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def robustness(questions: int, connections: int, damages: int, as_json: bool) -> None:
    """What a server withstands: many questions, forged and half-sent requests, damaged and locked files."""
    from eval.bench.robustness import measure_robustness, table

    result = measure_robustness(questions, connections, damages)
    _show(result, as_json, table(result))


def _show(result: dict[str, Any], as_json: bool, readable: Any) -> None:
    if as_json:
        click.echo(json.dumps(result, allow_nan=False))
        return
    from eval.tables import print_table

    print_table(readable)


def main() -> None:
    """Run the command; an error the user can do something about is one line and exit code 1."""
    try:
        bench(prog_name="python -m eval.bench")
    except PinciteError as error:
        click.echo(f"{error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
