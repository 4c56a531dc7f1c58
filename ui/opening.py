"""The chat over the documents folder's index, as the commands open it: with what the user should know beforehand."""

from collections.abc import Iterable

from rag.chat import Chat, open_chat
from rag.documents import find_files
from rag.errors import DocumentsError
from rag.index.ingest import holds_other_files, stale_files
from rag.llms import check_spec
from rag.settings import Settings
from ui.cli.options import typed
from ui.cli.output import note
from ui.cli.progress import Progress

SKIPPED_SHOWN = 20


def open_index(settings: Settings, say_stale: bool = True) -> Chat:
    """Open it; build it first if there is none, with one notice; say when the folder has changed since.

    Raises DocumentsError when there is no such folder, when nothing in it can be read, or when the index is of
    another one: nobody's question should be answered from documents that were not named.
    """
    if say_stale:
        find_files(settings.documents)  # before anything is written to the data folder
    built: list[bool] = []

    def building() -> None:
        built.append(True)
        note(f"Indexing {settings.documents} for the first time.")

    with Progress() as progress:
        chat = open_chat(settings, progress, building)
    if built:
        skipped = [reason for file in chat.store.files().values() for reason in file.skipped]
        say_skipped(skipped)
        check_readable(settings, chat)
    elif say_stale and holds_other_files(settings, chat.store):
        raise DocumentsError(other_documents_line(settings))
    elif say_stale and (stale := stale_files(settings, chat.store)):
        note(stale_line(stale, settings))
    return chat


def open_up_to_date(settings: Settings) -> Chat:
    """Open it for a door that stays open: with everything that is in the documents folder now.

    A folder that nobody named may be missing, and then there are no documents yet. Otherwise raises DocumentsError as
    `open_index` does.
    """
    check_spec(settings.backend, settings)
    if not settings.documents.exists() and "documents" not in settings.model_fields_set:
        note(f"There are no documents yet. Name a folder: pincite chat FOLDER   or put files into {settings.documents}")
        return Chat(settings)
    find_files(settings.documents)
    chat = Chat(settings)
    if not chat.documents():
        note(f"Indexing {settings.documents} for the first time.")
    elif holds_other_files(settings, chat.store):
        note(f"Indexing {settings.documents} in place of the documents that {settings.data} held.")
    with Progress() as progress:
        summary = chat.ingest(progress)
    say_skipped(summary.skipped)
    check_readable(settings, chat)
    return chat


def stale_line(files: int, settings: Settings) -> str:
    """That the folder is not as it was indexed, and what to type."""
    changed = "1 file has" if files == 1 else f"{files:,} files have"
    return f"{changed} changed since indexing. Type: {typed('pincite ingest', settings)}"


def other_documents_line(settings: Settings) -> str:
    """That the index is of another folder, and what to type."""
    where = settings.chroma_url or str(settings.data)
    return (
        f"The index in {where!r} is of other documents than {str(settings.documents)!r} holds. "
        f"To replace it, type: {typed('pincite ingest', settings)}   or keep both: name another folder with --data."
    )


def say_skipped(skipped: Iterable[str]) -> None:
    """Name what could not be read, a line each."""
    reasons = list(skipped)
    for reason in reasons[:SKIPPED_SHOWN]:
        note(f"Skipped: {reason}")
    if len(reasons) > SKIPPED_SHOWN:
        note(f"Skipped: {len(reasons) - SKIPPED_SHOWN} more. Type: pincite ingest --json, to see them all.")


def check_readable(settings: Settings, chat: Chat) -> None:
    """Raises DocumentsError when the index holds no document after the folder has been read."""
    if not chat.documents():
        raise DocumentsError(
            f"No document in {str(settings.documents)!r} could be read, so there is nothing to answer from. "
            "Mend the files named above, or name another folder with --documents."
        )
