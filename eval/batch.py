"""Answering many questions into a file, one record a line, so that a run that was killed goes on where it stopped."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from eval.questions import Row, read_questions
from eval.rows import RowFile, held, line_of, parsed, read_lines, write_whole
from rag.chat import Chat
from rag.errors import PinciteError, UsageError
from rag.types import JSON, READABLE, Answer

__all__ = ["Done", "Row", "answer_all", "read_questions"]

# How the line of a record begins: what a kill has left of one can be told from somebody's notes.
START = b'{"schema": "pincite.answer/'

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Done:
    """How many questions were asked now, how many had been answered before, and how many records say "failed"."""

    asked: int
    kept: int
    failed: int


def answer_all(
    chat: Chat,
    rows: Sequence[Row],
    out: Path,
    concurrency: int = 1,
    progress: Progress | None = None,
    *,
    retry_failed: bool = False,
) -> Done:
    """Ask what `out` has no record of, `concurrency` at once, and add each record as soon as there is one.

    In the end the records are in the order of the rows. A question that cannot be asked, and one that the backend
    fails to answer, gives a record whose status is "failed". Raises UsageError or PinciteError, before anything is
    asked, when `out` cannot be written or holds something else.
    """
    _check_place(out)
    taken = f"Another batch writes to {out}. Wait for it, or name another file with --out."
    with held(out, out.with_name(f".{out.name}.lock"), taken):
        lines = _kept(out, rows, chat.settings.backend)
        if retry_failed:
            lines = {key: line for key, line in lines.items() if not line.failed}
        kept = len(lines)
        write_whole(out, b"".join(line.data for line in lines.values()))
        if progress:
            progress("", kept, len(rows))
        begun = out.with_name(f".{out.name}.begun")
        asked = Counter(read_lines(begun)[0])
        # What was under way at a kill comes last, so that no row is asked at every one of many restarts.
        left = sorted((row for row in rows if str(row.id) not in lines), key=lambda row: asked[_begun(row)[:-1]])
        with closing(RowFile(out)) as file, closing(RowFile(begun)) as begins:
            for row, record in _answers(chat, left, concurrency, begins):
                lines[str(row.id)] = _Line(file.add(record), record["status"] == "failed")
                if progress:
                    progress(row.question, len(lines), len(rows))
        write_whole(out, b"".join(lines[str(row.id)].data for row in rows))
        begun.unlink()
    return Done(len(rows) - kept, kept, sum(line.failed for line in lines.values()))


@dataclass(frozen=True, slots=True)
class _Line:
    """A record as it stands in the file, with its line feed."""

    data: bytes
    failed: bool


def _answers(chat: Chat, rows: Sequence[Row], concurrency: int, begins: RowFile) -> Iterator[tuple[Row, JSON]]:
    """Each row with its record, as they come; it is among what `begins` as soon as it is asked."""
    pool = ThreadPoolExecutor(concurrency)
    try:
        asked = {pool.submit(_record, chat, row, begins): row for row in rows}
        for future in as_completed(asked):
            yield asked.pop(future), future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begun(row: Row) -> bytes:
    return line_of({"id": row.id})


def _record(chat: Chat, row: Row, begins: RowFile) -> JSON:
    begins.add({"id": row.id})
    try:
        answer = chat.ask(row.question, row.history)
    except PinciteError as error:
        answer = Answer(
            row.question, row.question, "failed", "", backend=chat.settings.backend,
            embedder=chat.embedder.fingerprint, verifier=chat.verifier.name, index=chat.store.name, error=str(error),
        )  # fmt: skip
    return {**answer.record(), "id": row.id}


def _kept(out: Path, rows: Sequence[Row], backend: str) -> dict[str, _Line]:
    """The records in `out`, by id; what a kill left of a last line is left away. Raises PinciteError."""
    asked = {str(row.id): row for row in rows}
    kept: dict[str, _Line] = {}
    whole, rest = read_lines(out)
    if parsed(rest):
        whole.append(rest)
    elif rest and not rest.startswith(START) and not START.startswith(rest):
        raise _not_ours(out, len(whole) + 1, "no answer record")
    for number, line in enumerate(whole, 1):
        record = parsed(line)
        if record is None:
            raise _not_ours(out, number, "no answer record")
        if why := _other(record, asked, backend):
            raise _not_ours(out, number, why)
        if kept.setdefault(str(record["id"]), new := _Line(line + b"\n", record["status"] == "failed")) is not new:
            raise _not_ours(out, number, f"a second answer with the id {record['id']!r}")
    return kept


def _other(record: JSON, asked: Mapping[str, Row], backend: str) -> str | None:
    """What a record is instead of an answer to one of these questions; None when it is one."""
    if record.get("schema") not in READABLE or not {"id", "question", "status", "backend"} <= record.keys():
        return "no answer record"
    row = asked.get(str(record["id"]))
    if row is None or record["question"].strip() != row.question.strip():
        return f"an answer to another question (id {record['id']!r})"
    if record["backend"] != backend:
        return f"an answer by another backend ({record['backend']})"
    return None


def _not_ours(out: Path, line: int, why: str) -> PinciteError:
    return PinciteError(f"{out} line {line} is {why}, so nothing was asked or changed. Name another file with --out.")


def _check_place(out: Path) -> None:
    """Raises UsageError when no file can stand there. A folder is not made: its name may be mistyped."""
    if not out.parent.is_dir():
        raise UsageError(f"The folder {str(out.parent)!r} for the answers does not exist. Type: mkdir -p {out.parent}")
    if out.exists() and not out.is_file():
        raise UsageError(f"{str(out)!r} is no file, so no answers can go there. Name a file with --out.")
