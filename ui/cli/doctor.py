"""`pincite doctor`: what works, what does not, and what to type. Changes nothing and leaves no file behind."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import click

from rag.chat import Chat
from rag.documents import find_files
from rag.errors import DocumentsError, PinciteError, SettingsError
from rag.index.ingest import holds_other_files, stale_files
from rag.index.lock import CHROMA_FOLDER
from rag.index.soundness import incomplete, unused_bytes
from rag.llms import check_spec, try_backends
from rag.models.minilm import MiniLM
from rag.settings import Settings, load_settings
from ui.api.server import LOOPBACK, listen
from ui.cli.options import typed
from ui.cli.output import as_one_line
from ui.opening import other_documents_line, stale_line

SKIPPED_SHOWN = 3
# Less than that on the disk is nothing to speak of.
UNUSED_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: whether something is as it should be, and if not, what to type."""

    what: str
    verdict: Literal["ok", "fix"]
    words: str


def run(overrides: Mapping[str, Any]) -> int:
    """Print a line for each thing as it is checked; 1 when something needs fixing, else 0."""
    verdicts = set()
    for finding in examine(overrides):
        verdicts.add(finding.verdict)
        click.echo(f"{finding.verdict:4} {finding.what:10} {as_one_line(finding.words)}")
    return int("fix" in verdicts)


def examine(overrides: Mapping[str, Any]) -> Iterator[Finding]:
    """What is found, one thing after the other. Unusable settings end it, since all else depends on them."""
    try:
        settings = load_settings(overrides)
    except SettingsError as error:
        yield Finding("settings", "fix", str(error))
        return
    yield Finding("settings", "ok", "every PINCITE_ name and value can be used")
    for what, check in CHECKS.items():
        try:
            for words in check(settings):
                yield Finding(what, "ok", words) if isinstance(words, str) else Finding(what, "fix", str(words))
        except PinciteError as error:
            yield Finding(what, "fix", str(error))


# A check gives words about what is as it should be, and gives or raises a PinciteError about what is not.
Check = Callable[[Settings], Iterator[str | PinciteError]]


def _documents(settings: Settings) -> Iterator[str | PinciteError]:
    files = find_files(settings.documents)
    yield f"{settings.documents} holds {_many(len(files), 'file')} that can be read"


def _data(settings: Settings) -> Iterator[str | PinciteError]:
    folder = next(folder for folder in (settings.data, *settings.data.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"pincite")
    except OSError as error:
        yield PinciteError(
            f"{settings.data} cannot be written ({error.strerror}). Name another folder with --data or PINCITE_DATA."
        )
    else:
        yield f"{settings.data} can be written"


def _model(settings: Settings) -> Iterator[str | PinciteError]:
    MiniLM(settings.threads).encode(["Does it work?"])
    yield "the bundled model is whole and works"


def _index(settings: Settings) -> Iterator[str | PinciteError]:
    if not settings.chroma_url and not (settings.data / CHROMA_FOLDER).exists():
        yield "not built yet; the first question builds it, or type: pincite ingest"
        return
    chat = Chat(settings)
    if settings.chroma_url:
        yield f"the Chroma server at {settings.chroma_url} answers"
    files, documents = chat.store.files().values(), chat.documents()
    if not files:
        yield "empty; the first question fills it, or type: pincite ingest"
        return
    yield f"{_many(len(documents), 'document')} in {_many(sum(document.chunks for document in documents), 'chunk')}"
    if lost := incomplete(chat.store):
        yield PinciteError(
            f"the index has lost parts of {_many(len(lost), 'document')}, {lost[0]} among them. "
            f"Delete {str(settings.data / CHROMA_FOLDER)!r} and type: {typed('pincite ingest', settings)}"
        )
    if not settings.chroma_url and (unused := unused_bytes(settings.data)) >= UNUSED_BYTES:
        yield (
            f"{unused / 1e6:,.0f} MB of it are vectors of an earlier index, which do no harm. To free them, delete "
            f"{str(settings.data / CHROMA_FOLDER)!r} and type: {typed('pincite ingest', settings)}"
        )
    with contextlib.suppress(DocumentsError):  # which has been said already
        if holds_other_files(settings, chat.store):
            yield PinciteError(other_documents_line(settings))
        elif stale := stale_files(settings, chat.store):
            yield PinciteError(stale_line(stale, settings))
    skipped = [reason for file in files for reason in file.skipped]
    yield from map(PinciteError, skipped[:SKIPPED_SHOWN])
    if len(skipped) > SKIPPED_SHOWN:
        more = len(skipped) - SKIPPED_SHOWN
        yield PinciteError(f"{more} more could not be read. To see them all, type: pincite ingest --json")


def _backend(settings: Settings) -> Iterator[str | PinciteError]:
    for trial in try_backends(settings.backend, settings):
        if trial.error:
            yield PinciteError(trial.error)
        elif trial.cited:
            yield f"{trial.spec} answered and cited its source in {trial.seconds:.1f} s"
        else:
            yield f"{trial.spec} answered in {trial.seconds:.1f} s, but without the number of a sentence"
    for spec in filter(None, (part.strip() for part in settings.allow_backends.split(","))):
        try:
            check_spec(spec, settings)
            yield f"{spec} can be named by programs"
        except PinciteError as error:
            yield PinciteError(f"PINCITE_ALLOW_BACKENDS names {spec}: {error}")


def _port(settings: Settings) -> Iterator[str | PinciteError]:
    listen(settings.host, settings.port).close()
    closed = settings.host not in LOOPBACK and settings.token is None
    more = "; other machines can reach it, so pincite serve needs PINCITE_TOKEN" if closed else ""
    yield f"port {settings.port} on {settings.host} is free{more}"


CHECKS: dict[str, Check] = {
    "documents": _documents,
    "data": _data,
    "model": _model,
    "index": _index,
    "backend": _backend,
    "port": _port,
}


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
