"""Conversations on disk: an SQLite file in the data folder, so that a reload, a crash or an update loses none."""

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag.documents.passages import flat
from rag.errors import UsageError
from ui.web.conversation import Conversation, Exchange

TITLE_CHARACTERS = 80
LISTED = 300
# A deleted conversation can be brought back until the file is opened this many seconds later.
KEPT_S = 7 * 24 * 3600

SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, updated REAL NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0, deleted REAL
);
CREATE TABLE IF NOT EXISTS exchanges (
    conversation TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE, position INTEGER NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (conversation, position)
);
CREATE INDEX IF NOT EXISTS listed ON conversations (owner, pinned DESC, updated DESC);
"""

_EXCHANGE = TypeAdapter(Exchange)


@dataclass(frozen=True, slots=True)
class Listing:
    """A conversation as it is listed; `updated` is in seconds since 1970."""

    id: str
    title: str
    updated: float
    pinned: bool


class Conversations:
    """The conversations of one data folder. `owner` is whose they are: "" where only this machine is served."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = data / "conversations.sqlite", clock
        data.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.executescript(SCHEMA)
            db.execute("DELETE FROM conversations WHERE deleted < ?", (clock() - KEPT_S,))

    def listed(self, owner: str = "", words: str = "") -> list[Listing]:
        """Pinned ones first, then the latest; only those with `words` in their title, a question or an answer."""
        pattern = f"%{words.strip().replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
        with self._open() as db:
            rows = db.execute(
                "SELECT id, title, updated, pinned FROM conversations c WHERE owner = ? AND deleted IS NULL AND"
                " (title LIKE ? ESCAPE '!' OR EXISTS (SELECT 1 FROM exchanges WHERE conversation = c.id"
                " AND (question LIKE ? ESCAPE '!' OR answer LIKE ? ESCAPE '!')))"
                " ORDER BY pinned DESC, updated DESC LIMIT ?",
                (owner, pattern, pattern, pattern, LISTED),
            ).fetchall()
        return [Listing(key, title, updated, bool(pinned)) for key, title, updated, pinned in rows]

    def title(self, conversation: str) -> str | None:
        """The title; None when there is no such conversation."""
        with self._open() as db:
            row = db.execute(
                "SELECT title FROM conversations WHERE id = ? AND deleted IS NULL", (conversation,)
            ).fetchone()
        return row[0] if row else None

    def exchanges(self, conversation: str) -> Conversation:
        """What was asked and answered, oldest first; empty when there is no such conversation."""
        with self._open() as db:
            rows = db.execute(
                "SELECT question, value FROM exchanges JOIN conversations ON id = conversation"
                " WHERE conversation = ? AND deleted IS NULL ORDER BY position",
                (conversation,),
            ).fetchall()
        return tuple(_exchange(question, value) for question, value in rows)

    def begin(self, conversation: str, exchange: Exchange, owner: str = "") -> tuple[str, int]:
        """Appends an exchange; without a conversation it begins one, titled by its question. Gives its place."""
        conversation = conversation or uuid.uuid4().hex
        with self._open() as db:
            db.execute(
                "INSERT INTO conversations (id, owner, title, updated) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, deleted = NULL",
                (conversation, owner, _title(exchange.question), self._clock()),
            )
            (position,) = db.execute(
                "SELECT coalesce(max(position) + 1, 0) FROM exchanges WHERE conversation = ?", (conversation,)
            ).fetchone()
            db.execute("INSERT INTO exchanges VALUES (?, ?, ?, ?, ?)", (conversation, position, *_columns(exchange)))
        return conversation, position

    def save(self, conversation: str, position: int, exchange: Exchange) -> None:
        """Keeps what has become of an exchange."""
        with self._open() as db:
            db.execute(
                "UPDATE exchanges SET question = ?, answer = ?, value = ? WHERE conversation = ? AND position = ?",
                (*_columns(exchange), conversation, position),
            )

    def cut(self, conversation: str, position: int) -> None:
        """Takes out the exchanges from `position` on, which are asked anew."""
        with self._open() as db:
            db.execute("DELETE FROM exchanges WHERE conversation = ? AND position >= ?", (conversation, position))

    def rename(self, conversation: str, title: str, owner: str = "") -> None:
        """Raises UsageError for a title of white space."""
        if not title.strip():
            raise UsageError("A conversation needs a title. Type a few words.")
        self._change("title = ?", _title(title), conversation, owner)

    def pin(self, conversation: str, pinned: bool, owner: str = "") -> None:
        """Pinned conversations stand first."""
        self._change("pinned = ?", int(pinned), conversation, owner)

    def delete(self, conversation: str, owner: str = "") -> None:
        """Takes it from the list; `restore` brings it back for a week."""
        self._change("deleted = ?", self._clock(), conversation, owner)

    def restore(self, conversation: str, owner: str = "") -> None:
        """Brings a deleted conversation back."""
        self._change("deleted = ?", None, conversation, owner)

    def _change(self, what: str, value: object, conversation: str, owner: str) -> None:
        with self._open() as db:
            db.execute(f"UPDATE conversations SET {what} WHERE id = ? AND owner = ?", (value, conversation, owner))  # noqa: S608

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for each transaction: threads, and other processes, share the file."""
        with closing(sqlite3.connect(self._path, timeout=20)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA foreign_keys = ON")
            with db:
                yield db


def _exchange(question: str, value: str) -> Exchange:
    """The exchange as it was saved; only its question when a version of Pincite wrote it that this one cannot read."""
    try:
        return _EXCHANGE.validate_json(value)
    except ValidationError:
        return Exchange(question, error="This answer was saved by another version of Pincite. Ask again.")


def _columns(exchange: Exchange) -> tuple[str, str, str]:
    said: Sequence[str] = [column.answer.text for column in exchange.columns if column.answer]
    return exchange.question, "\n".join(said), _EXCHANGE.dump_json(exchange).decode()


def _title(text: str) -> str:
    line = flat(text)
    return line if len(line) <= TITLE_CHARACTERS else line[:TITLE_CHARACTERS].rsplit(" ", 1)[0] + " …"
