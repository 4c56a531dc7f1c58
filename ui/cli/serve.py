"""`pincite serve`: the HTTP API without the page; and what both servers have in common."""

import contextlib
import signal
from collections.abc import Iterator
from functools import partial

import click

from rag.errors import PinciteError
from rag.llms import parse_spec
from rag.llms.table import row
from rag.settings import Settings
from ui.api.server import LOOPBACK, SERVE, listen, server
from ui.cli.output import as_json_text, note
from ui.opening import open_up_to_date
from ui.permitted import permitted


def run(settings: Settings, as_json: bool) -> None:
    """Serve the HTTP API until it is stopped. Raises PinciteError when it would be open to other machines."""
    if settings.host not in LOOPBACK and settings.token is None:
        raise PinciteError(
            f"Other machines can reach {settings.host!r}. Set PINCITE_TOKEN to a password of 16 or more characters, "
            "or serve on 127.0.0.1."
        )
    check_allowed(settings)
    # Listening before the documents are read, which can take long.
    with until_stopped(), listen(settings.host, settings.port, SERVE) as listening:
        chat = open_up_to_date(settings)
        from ui.api.routes import api, stop

        app, url = api(chat, settings), address(settings)
        record = {"url": f"{url}/v1", "host": settings.host, "port": settings.port}
        click.echo(as_json_text(record) if as_json else f"Pincite answers at {url}/v1  (stop it with Ctrl+C)")
        server(app, partial(stop, app)).run(sockets=[listening])


def address(settings: Settings) -> str:
    """Where a server with these settings is found."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def check_allowed(settings: Settings) -> None:
    """Raises UnknownBackend when callers may name a backend that there is not."""
    for name in permitted(settings):
        row(*parse_spec(name))


def say_reachable(settings: Settings) -> None:
    """A line to whoever starts the page where other machines can reach it."""
    if settings.host not in LOOPBACK:
        api = "is open to those who know PINCITE_TOKEN" if settings.token else "is closed without PINCITE_TOKEN"
        note(f"Whoever has the link below can ask and read the documents on the page; the HTTP API {api}.")


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is served, as they are meant to."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
