"""An index that has lost something: it is found, said with what to type, and put right."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from commands import alone_in, pincite

from rag.index.connection import Connection
from rag.index.rows import FILE_PREFIX
from rag.index.store import Store
from rag.models.minilm import MiniLM

TEA = "Tea is drunk at four. It is never drunk cold.\n"
ROWS = '{"id": 1, "text": "The moon is full."}\n{"id": 2, "text": "The tide is high."}\n'
CHANGED = "fix  index      1 file has changed since indexing. Type: pincite ingest"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two files in `seeds`, and their index."""
    alone_in(tmp_path, monkeypatch)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "tea.txt").write_text(TEA, "utf-8")
    (tmp_path / "seeds" / "rows.jsonl").write_text(ROWS, "utf-8")
    assert pincite("ingest").code == 0
    return tmp_path


@contextmanager
def damaging() -> Iterator[Connection]:
    """The index, to be changed behind the back of everybody."""
    store = Store(Path(".pincite"), MiniLM.fingerprint)
    with closing(store), store.reading() as (connection, _), connection.writing():
        yield connection


def told() -> list[str]:
    """What the doctor says about the index."""
    return [line for line in pincite("doctor").text.splitlines() if line.split()[1] == "index"]


@pytest.mark.parametrize(
    ("lost", "added"),
    [
        ([FILE_PREFIX + "tea.txt"], 0),
        (["tea.txt"], 1),
        (["rows.jsonl#2"], 1),
        (["rows.jsonl#1", "rows.jsonl#2"], 2),
        (["rows.jsonl#1", FILE_PREFIX + "rows.jsonl"], 1),
    ],
)
def test_a_row_that_the_catalogue_lost_is_found_and_the_next_ingest_puts_it_right(lost: list[str], added: int) -> None:
    with damaging() as connection:
        connection.catalogue.delete(ids=lost)
    assert CHANGED in told()
    assert pincite("ask", "When is tea drunk?").lines[0] == CHANGED.split(maxsplit=2)[2]
    summary = pincite("ingest", "--json").json
    assert (summary["added"], summary["chunks"]) == (added, 3)
    assert told() == ["ok   index      3 documents in 3 chunks"]
    assert pincite("show", "rows.jsonl#2").text == "The tide is high."


def test_a_document_of_a_file_that_is_gone_and_forgotten_is_found_and_taken_out(work: Path) -> None:
    with damaging() as connection:
        connection.catalogue.delete(ids=[FILE_PREFIX + "tea.txt"])
    (work / "seeds" / "tea.txt").unlink()
    assert CHANGED in told()
    assert pincite("ingest", "--json").json["removed"] == 1
    assert told() == ["ok   index      2 documents in 2 chunks"]


def test_a_document_that_lost_chunks_is_named_with_what_to_delete_which_puts_it_right() -> None:
    with damaging() as connection:
        connection.chunks.delete(where={"document": "tea.txt"})
    assert told()[1:] == [
        "fix  index      the index has lost parts of 1 document, tea.txt among them. "
        "Delete '.pincite/chroma' and type: pincite ingest"
    ]
    shutil.rmtree(".pincite/chroma")
    assert pincite("ingest", "--json").json["added"] == 3
    assert told() == ["ok   index      3 documents in 3 chunks"]


def test_the_vectors_of_an_earlier_index_are_counted_and_left_alone() -> None:
    with damaging() as connection:
        connection.drop(f"{connection.name}-catalogue")
    assert pincite("ingest").code == 0
    [left] = [folder for folder in Path(".pincite/chroma").iterdir() if folder.is_dir() and _unused(folder)]
    assert told() == ["ok   index      3 documents in 3 chunks"]
    (left / "data_level0.bin").write_bytes(bytes(2_000_000))
    assert told()[1].startswith("ok   index      2 MB of it are vectors of an earlier index, which do no harm.")
    assert told()[1].endswith("delete '.pincite/chroma' and type: pincite ingest")
    assert left.exists()
    shutil.rmtree(".pincite/chroma")
    assert pincite("ingest", "--json").json["added"] == 3
    assert told() == ["ok   index      3 documents in 3 chunks"]
    assert "four" in pincite("ask", "When is tea drunk?").text


def _unused(folder: Path) -> bool:
    with closing(sqlite3.connect(".pincite/chroma/chroma.sqlite3")) as rows:
        return not rows.execute("SELECT 1 FROM segments WHERE id = ?", [folder.name]).fetchall()
