"""What the index knows about the files themselves, as sentences that the reader can hold against a question.

Each fact is a sentence of its own, so that a question about the files is recognised by the model that recognises
every other answer. Titles are left out: they speak of what the documents are about.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from rag.documents.passages import distinct_words
from rag.index.rows import Entry, IndexedFile
from rag.index.store import Store
from rag.models.reader import Pair, Reader

HEADING = "About the files themselves"
# Documents that are described one by one: of more, those whose name or title shares most words with the question.
MAX_DESCRIBED = 8
# So many names are listed in one sentence.
MAX_NAMES = 50
# Over 120 questions about the contents of the seeds the facts come to .01 at most, and to .73 where a question names a
# file's subject ("How long is the bridge?" beside bridge.md); questions about the files come to .9 and more.
ANSWERS_FROM = 0.9
MAX_SHOWN = 3


def catalogue_answer(question: str, store: Store, reader: Reader, documents: Collection[str] | None = None) -> str:
    """The facts about the files that answer a question; empty when it is not about the files."""
    facts = catalogue_facts(store, question, documents)
    if not facts:
        return ""
    [read] = reader.answers([Pair(question, tuple(facts), HEADING)])
    if read.probability < ANSWERS_FROM:
        return ""
    alone = reader.answers([Pair(question, (fact,)) for fact in facts])
    best = sorted(range(len(facts)), key=lambda i: -alone[i].probability)[:MAX_SHOWN]
    shown = [i for i in sorted(best) if i == best[0] or alone[i].probability >= alone[best[0]].probability - 0.02]
    return " ".join(facts[i] for i in shown)


def catalogue_facts(store: Store, question: str = "", documents: Collection[str] | None = None) -> list[str]:
    """Sentences about the indexed documents, or those of them called `documents`, in the order of their names."""
    snapshot = store.snapshot()
    entries = [e for k, e in sorted(snapshot.entries.items()) if documents is None or k in documents]
    if not entries:
        return []
    names = ", ".join(entry.document for entry in entries[:MAX_NAMES])
    more = f", and {len(entries) - MAX_NAMES:,} more" if len(entries) > MAX_NAMES else ""
    count = f"{len(entries):,} document{'' if len(entries) == 1 else 's'}"
    facts = [
        f"There {'is' if len(entries) == 1 else 'are'} {count} in the folder.",
        f"The documents are {names}{more}.",
    ]
    if len(entries) > MAX_DESCRIBED:
        asked = distinct_words(question)
        shared = {entry.document: len(asked & distinct_words(f"{entry.document} {entry.title}")) for entry in entries}
        named = sorted((e for e in entries if shared[e.document]), key=lambda e: -shared[e.document])
        entries = named[:MAX_DESCRIBED]
    return facts + [fact for entry in entries for fact in _about(entry, snapshot.files)]


def _about(entry: Entry, files: Mapping[str, IndexedFile]) -> list[str]:
    name, changed = entry.document, _day(entry, files.get(entry.file))
    return [
        *([f"{name} has {entry.pages:,} page{'' if entry.pages == 1 else 's'}."] if entry.pages else []),
        *([f"{name} was written by {entry.author}."] if entry.author else []),
        *([f"{name} was last changed on {changed}."] if changed else []),
        *(f"{name} holds {what} that are not in its text: {count:,}." for what, count in entry.left_out),
    ]


def _day(entry: Entry, file: IndexedFile | None) -> str:
    """When a document was changed last: as it says itself, else as its file does."""
    if said := re.match(r"\d{4}-\d\d-\d\d", entry.modified):
        return said[0]
    if file is None or not file.mtime_ns:
        return ""
    return datetime.fromtimestamp(file.mtime_ns / 1e9, UTC).date().isoformat()
