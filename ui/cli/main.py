"""The command line. Commands import what they need when they run, so that help answers at once."""

import sys
from pathlib import Path

import click

from rag import __version__
from ui.cli.evaluation import evaluate
from ui.cli.options import FILE, as_json_flag, backend_option, folders, settings_with, verifier_option
from ui.cli.output import Lines


@click.group(cls=Lines, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="pincite")
def main() -> None:
    """Chat with a folder of documents: every sentence is pinned to its source and checked before you see it."""


@main.command()
@click.argument("paths", nargs=-1, type=FILE)
@folders
@as_json_flag
@click.option("--watch", is_flag=True, help="Stay, and follow the folder as it changes.")
def ingest(paths: tuple[Path, ...], documents: Path | None, data: Path | None, as_json: bool, watch: bool) -> None:
    """Bring the index up to date with the documents.

    With PATHS, only with these parts of the documents folder.
    """
    from ui.cli.ingest import run

    sys.exit(run(settings_with(documents=documents, data=data), paths, as_json, watch))


@main.command()
@click.argument("words", metavar="QUESTION", nargs=-1, required=True)
@folders
@backend_option
@verifier_option
@as_json_flag
@click.option("--history", type=FILE, help="A JSON list of {role, content}: the conversation so far.")
@click.option("--document", "scope", metavar="GLOB", multiple=True, help="Ask these documents alone; may be repeated.")
@click.option("--receipt", type=FILE, help="Save the answer as this file, for pincite verify.")
def ask(
    *,
    words: tuple[str, ...],
    documents: Path | None,
    data: Path | None,
    backend: str | None,
    verifier: str | None,
    as_json: bool,
    history: Path | None,
    scope: tuple[str, ...],
    receipt: Path | None,
) -> None:
    """Answer one question."""
    from ui.cli.ask import run

    if len(words) > 1:
        raise click.UsageError(f'A question stands in quotes: pincite ask "{" ".join(words)}".')
    run(
        settings_with(documents=documents, data=data, backend=backend, verifier=verifier),
        words[0],
        history,
        as_json,
        receipt=receipt,
        scope=scope,
    )


@main.command()
@click.argument("folder", type=FILE, required=False)
@folders
@backend_option
@click.option("--host", help="Address to serve on (PINCITE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on (PINCITE_PORT).")
def chat(
    *,
    folder: Path | None,
    documents: Path | None,
    data: Path | None,
    backend: str | None,
    host: str | None,
    port: int | None,
) -> None:
    """Serve the browser page over the documents in FOLDER, or else those that --documents names."""
    from ui.api.server import LOOPBACK, listen
    from ui.cli.serve import check_allowed, say_reachable, until_stopped
    from ui.opening import open_up_to_date

    if folder and documents:
        raise click.UsageError("Name the folder once: pincite chat FOLDER, without --documents.")
    settings = settings_with(documents=folder or documents, data=data, backend=backend, host=host, port=port)
    own = settings.host in LOOPBACK
    with listen(settings.host, settings.port) as listening:  # before the documents are read, which can take long
        check_allowed(settings)
        say_reachable(settings)
        from ui.web.connections import connected

        opened = open_up_to_date(connected(settings) if own else settings)
        settings = opened.settings
        from ui.api.routes import api
        from ui.web.connections import Connections
        from ui.web.evaluation_page import exam_routes
        from ui.web.library import Library
        from ui.web.page import serve

        # Who can only reach the page from another machine may read the documents, and not change them.
        library, connections = (Library(opened), Connections(opened)) if own else (None, None)
        routes = exam_routes(opened, settings)
        with until_stopped():
            serve(
                opened,
                settings,
                listening,
                evaluation=routes,
                api=api(opened, settings),
                library=library,
                connections=connections,
            )


@main.command("serve")
@folders
@backend_option
@click.option("--host", help="Address to serve on (PINCITE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on (PINCITE_PORT).")
@click.option("--json", "as_json", is_flag=True, help="Say as JSON where it answers.")
def serve_api(
    *, documents: Path | None, data: Path | None, backend: str | None, host: str | None, port: int | None, as_json: bool
) -> None:
    """Answer programs over HTTP, without the page."""
    from ui.cli.serve import run

    run(settings_with(documents=documents, data=data, backend=backend, host=host, port=port), as_json)


@main.command()
@folders
@backend_option
def mcp(documents: Path | None, data: Path | None, backend: str | None) -> None:
    """Answer agents that speak MCP, on standard input and output."""
    from ui.mcp.server import run

    run(settings_with(documents=documents, data=data, backend=backend))


@main.command()
@click.argument("questions", type=FILE)
@click.option("--out", required=True, type=FILE, help="File for the answer records, one a line.")
@folders
@backend_option
@verifier_option
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=1, show_default=True, help="Questions under way at once."
)
@click.option("--retry-failed", is_flag=True, help="Ask those again that failed in an earlier run.")
def batch(
    *,
    questions: Path,
    out: Path,
    documents: Path | None,
    data: Path | None,
    backend: str | None,
    verifier: str | None,
    concurrency: int,
    retry_failed: bool,
) -> None:
    """Answer every row of a file, and go on after a stop.

    QUESTIONS is a .jsonl or .csv file whose rows have a question, and maybe an id and a history. A row without an id
    has the number of its line. A line with nothing on it is skipped; a row with an empty question gets a failed record.
    To go on after a stop, type the same again: rows that have an answer are not asked twice.
    """
    from ui.cli.batch import run

    settings = settings_with(documents=documents, data=data, backend=backend, verifier=verifier)
    run(settings, questions, out, concurrency, retry_failed)


@main.command()
@click.argument("document", required=False)
@folders
@click.option("--start", type=click.IntRange(0), help="First character, counted from 0.")
@click.option("--end", type=click.IntRange(0), help="Character after the last one.")
def show(document: str | None, documents: Path | None, data: Path | None, start: int | None, end: int | None) -> None:
    """Print the exact text of a document, or list them.

    Offsets in citations point into this text.
    """
    from ui.cli.show import run

    run(settings_with(documents=documents, data=data), document, start, end)


@main.command()
@click.argument("receipt", type=FILE)
@folders
@as_json_flag
def verify(receipt: Path, documents: Path | None, data: Path | None, as_json: bool) -> None:
    """Say which citations of a saved answer still hold today.

    RECEIPT is a file that pincite ask --receipt or --json has written, or one line of a batch's answers. The exit
    code is 0 when every citation holds, maybe at other offsets, and 1 otherwise.
    """
    from ui.cli.verify import run

    sys.exit(run(settings_with(documents=documents, data=data), receipt, as_json))


@main.command()
@folders
@as_json_flag
def backends(documents: Path | None, data: Path | None, as_json: bool) -> None:
    """List who can write answers, and what they lack."""
    from ui.cli.backends import run

    run(settings_with(documents=documents, data=data), as_json)


@main.command()
@folders
@backend_option
def doctor(documents: Path | None, data: Path | None, backend: str | None) -> None:
    """Say what is wrong with the set-up and what to type."""
    from ui.cli.doctor import run

    sys.exit(run({"documents": documents, "data": data, "backend": backend}))


main.add_command(evaluate)
