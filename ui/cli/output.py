"""What a command leaves behind: plain lines on standard error, and an exit code that says whose turn it is."""

import contextlib
import errno
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import click

from rag.errors import PinciteError, UsageError
from rag.installing import evaluation_missing

LINES = 3
# What click says of a value, and what people say.
PLAINER = {"is not a valid integer range": "is no whole number", "is not a valid float range": "is no number"}
# All control characters but tabs and line feeds.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# What a shell expects of a command that was stopped with Ctrl-C.
STOPPED = 130
DISK = {
    errno.ENOSPC: "There is no room left on the disk. Make some, then type the same again.",
    errno.EDQUOT: "Your share of the disk is used up. Make room, then type the same again.",
    errno.EROFS: "The disk cannot be written. Name another folder with --data.",
}


class Lines(click.Group):
    """A group of commands whose errors are at most three plain lines. A bug keeps its traceback."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """As click makes it, but for a reader who stopped reading a help text."""
        with _unread():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, but for a reader who stopped reading."""
        with _unread():
            return super().invoke(ctx)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and leave with its exit code."""
        _open_streams()
        try:
            code = super().main(*args, **{"prog_name": "pincite", **kwargs, "standalone_mode": False})
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            code = 0
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "pincite"
            said = error.format_message()
            for clicks, ours in PLAINER.items():
                said = said.replace(clicks, ours)
            fail(f"{said}{'' if said.endswith(('.', '?')) else '.'} Type: {command} --help", UsageError.exit_code)
        except click.ClickException as error:
            fail(error.format_message(), PinciteError.exit_code)
        except PinciteError as error:
            fail(str(error), error.exit_code)
        except ModuleNotFoundError as error:
            if (line := evaluation_missing(error)) is None:
                raise
            fail(line, PinciteError.exit_code)
        except (KeyboardInterrupt, click.Abort):
            _stop()
        except (_UnreadError, BrokenPipeError):
            # Nobody reads any more, which is not an error. What is still to be written must go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 0
        except OSError as error:
            if error.errno not in DISK:
                raise
            fail(DISK[error.errno], PinciteError.exit_code)
        sys.exit(code if isinstance(code, int) else 0)


class _UnreadError(Exception):
    """Nobody reads the output any more. Not an OSError, of which click would make exit code 1."""


@contextlib.contextmanager
def _unread() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _UnreadError from None


def _open_streams() -> None:
    """Streams that can be written, whatever their encoding lacks and even where a shell has closed them (>&-)."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="replace")


def as_json_text(value: object, indent: int | None = None) -> str:
    """JSON that standard output can hold, whatever its encoding, and in which no terminal finds what it would obey."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(value, ensure_ascii=not utf8, allow_nan=False, indent=indent)
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # json leaves those from 127 on as they are


def visible(text: str) -> str:
    """The text with a sign in place of each character that a terminal would obey, not show: documents may hold any."""
    return CONTROL.sub("\ufffd", text)


def as_one_line(message: str) -> str:
    """The message without line ends, fit for a terminal."""
    return visible(" ".join(message.split()))


def note(message: str) -> None:
    """One line on standard error that is no error."""
    click.echo(as_one_line(message), err=True)


def fail(message: str, exit_code: int) -> NoReturn:
    """Say what is wrong and leave."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    with contextlib.suppress(BrokenPipeError):  # nobody reads any more, but the code still counts
        for line in lines[:LINES]:
            click.echo(f"pincite: {visible(line)}", err=True)
    sys.exit(exit_code)


def _stop() -> NoReturn:
    """Leave at once: threads that wait for a provider would keep the process for as long as it is silent."""
    with contextlib.suppress(BrokenPipeError):
        click.echo("pincite: Stopped.", err=True)
        sys.stdout.flush()
    os._exit(STOPPED)
