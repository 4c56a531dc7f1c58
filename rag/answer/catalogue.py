"""What the index knows about the files themselves, as a text that can be asked and quoted like a document's.

Each fact is a sentence of its own, so that a question about the files is answered by what scores and quotes
sentences, and no rule has to tell such a question from others.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from rag.documents.draft import Draft
from rag.index.rows import Entry, IndexedFile
from rag.index.store import Store
from rag.types import Document

# The id of the document that the facts stand in; no file of a folder has it, for none begins with a slash.
CATALOGUE = "/catalogue"
# Beyond so many documents, only those are described that the question names.
MOST_DOCUMENTS = 40
# So many names are listed in one sentence.
MOST_NAMES = 200


def catalogue_facts(store: Store, question: str = "", documents: Collection[str] | None = None) -> Document:
    """The facts about the indexed documents, or those of them called `documents`, one block a fact.

    The same index gives the same text, so that a quotation of it can be found again until the index changes.
    """
    snapshot = store.snapshot()
    entries = {k: e for k, e in sorted(snapshot.entries.items()) if documents is None or k in documents}
    draft = Draft()
    draft.add("About the documents themselves", "heading", 1)
    count = len(entries)
    draft.add(f"There {'is 1 document' if count == 1 else f'are {count:,} documents'} in the folder.", "row")
    names = ", ".join(list(entries)[:MOST_NAMES])
    more = f", and {count - MOST_NAMES:,} more" if count > MOST_NAMES else ""
    draft.add(f"The documents are {names}{more}.", "row")
    asked = _words(question)
    for entry in entries.values():
        if count <= MOST_DOCUMENTS or asked & _words(f"{entry.document} {entry.title}"):
            _describe(draft, entry, snapshot.files)
    return draft.document(CATALOGUE)


def _describe(draft: Draft, entry: Entry, files: Mapping[str, IndexedFile]) -> None:
    name = entry.document
    if entry.pages:
        draft.add(f"{name} has {_counted(entry.pages, 'page')}.", "row")
    if entry.author:
        draft.add(f"{name} was written by {entry.author}.", "row")
    if changed := _day(entry, files.get(entry.file)):
        draft.add(f"{name} was last changed on {changed}.", "row")
    draft.add(f"The title of {name} is “{entry.title}”.", "row")
    for what, count in entry.left_out:
        draft.add(f"{name} holds {what} that are not in its text: {count:,}.", "row")


def _day(entry: Entry, file: IndexedFile | None) -> str:
    """When a document was changed last: as it says itself, else as its file does."""
    if said := re.match(r"\d{4}-\d\d-\d\d", entry.modified):
        return said[0]
    if file is None or not file.mtime_ns:
        return ""
    return datetime.fromtimestamp(file.mtime_ns / 1e9, UTC).date().isoformat()


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))
