"""The options that commands have in common."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rag.settings import Settings

Command = Callable[..., Any]
FILE = click.Path(path_type=Path)

backend_option = click.option(
    "--backend", metavar="SPEC", help="Who writes the answer: offline, openai:MODEL, … (PINCITE_BACKEND)."
)
verifier_option = click.option(
    "--verifier", metavar="SPEC", help="Who checks it: reader, judge:BACKEND, nli:FOLDER or none (PINCITE_VERIFIER)."
)
as_json_flag = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, alone, on standard output.")


def folders(command: Command) -> Command:
    """The two options that every command has."""
    command = click.option("--data", type=FILE, help="Folder of the index (PINCITE_DATA).")(command)
    return click.option("--documents", type=FILE, help="Folder of the documents (PINCITE_DOCUMENTS).")(command)


def typed(command: str, settings: "Settings") -> str:
    """The command, with the options that lead to the same two folders when they were typed."""
    from rag.settings import load_settings

    untyped = load_settings()
    for name in ("documents", "data"):
        if (folder := getattr(settings, name)) != getattr(untyped, name):
            command += f" --{name} {shlex.quote(str(folder))}"
    return command


def settings_with(**overrides: Any) -> "Settings":
    """The settings, changed by what was typed. Raises SettingsError."""
    from rag.settings import load_settings

    return load_settings(overrides)
