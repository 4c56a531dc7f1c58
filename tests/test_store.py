"""What readers of the index see: of other processes' writes, of damage, of other formats and embedders."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from indexing import Index

from rag.errors import StoreError
from rag.index import store, view
from rag.index import writer as index_writer
from rag.index.connection import REBUILT
from rag.index.view import View
from rag.settings import Settings
from rag.types import sha256_of

ROOT = Path(__file__).parent.parent
PREAMBLE = f"""
import json, os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
from pathlib import Path
from indexing import Index
from rag.models.minilm import MiniLM
from rag.settings import load_settings
settings = load_settings(json.loads(sys.argv[1]), environ={{}})
"""


def other_process(settings: Settings, code: str, **environment: str) -> subprocess.Popen[str]:
    """Python that runs `code` with `settings` in its own process."""
    fields = {"documents": str(settings.documents), "data": str(settings.data), "chunk_tokens": settings.chunk_tokens}
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + code, json.dumps(fields)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out


def edition(name: str, number: int) -> str:
    """A document in several sections, whose every sentence tells its edition."""
    places = ("harbour", "market", "library", "station")
    return "".join(
        f"# The {place} of {name}\n\nIn edition {number} the {place} of {name} opens at {number} o'clock. "
        f"Edition {number} says that the {place} was built {number} years ago by the people of {name}.\n\n"
        for place in places
    )


def test_every_document_can_be_put_together_again_from_chroma_alone(
    seeds_index: Settings, open_index: Callable[..., Index]
) -> None:
    index = open_index(seeds_index)
    catalogue = index.store.catalogue()
    assert len(catalogue) == 5
    for document, entry in catalogue.items():
        text = (seeds_index.documents / document).read_bytes().decode("utf-8")
        assert index.store.text_of(document) == text
        assert (entry.sha256, entry.characters) == (sha256_of(text), len(text))
        chunks = index.store.chunks_of(document)
        assert len(chunks) == entry.chunks and chunks[0].start == 0
        assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]
        assert all(text[s.start : s.end] == c.quote(s.start, s.end) for c in chunks for s in c.sentences)
    assert index.store.text_of("no such document") is None and index.store.chunks_of("no such document") == []


def test_search_gives_the_nearest_chunks_first_and_only_of_the_documents_asked_for(
    seeds_index: Settings, open_index: Callable[..., Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index(seeds_index)
    vector = np.asarray(index.embedder.embed_query("intelligence sharing"), np.float32)
    found = index.store.search(vector, 200)
    assert len(found) == index.store.count()
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True) and 0.4 < scores[0] < 1
    name = found[-1][0].document
    assert {chunk.document for chunk, _ in index.store.search(vector, 200, [name])} == {name}
    assert index.store.search(vector, 5, []) == [] and index.store.search(vector, 5, ["no such document"]) == []
    among_two = index.store.search(vector, 200, [name, found[0][0].document])
    monkeypatch.setattr(view, "MOST_FILTERED", 1)
    assert index.store.search(vector, 200, [name, found[0][0].document]) == among_two
    nearest = index.store.search(vector, 3)
    assert [chunk for chunk, _ in nearest] == [chunk for chunk, _ in found[:3]]


def test_a_reader_sees_what_another_process_ingested_never_a_mixture(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    settings = settings.model_copy(update={"chunk_tokens": 60})
    reader, names, rounds = open_index(settings), ("ayton", "beeford"), 12
    texts = {sha256_of(text): text for n in range(rounds + 1) for name in names if (text := edition(name, n))}
    reader.write("ayton.md", edition("ayton", 0))
    reader.ingest()
    vector = np.asarray(reader.embedder.embed_query("When does the harbour open?"), np.float32)
    writer = other_process(
        settings,
        f"""
sys.path.insert(0, {str(ROOT / "tests")!r})
from test_store import edition
index = Index(settings, MiniLM())
for number in range(1, {rounds} + 1):
    index.write("ayton.md", edition("ayton", number))
    if number % 3:
        index.write("beeford.md", edition("beeford", number))
    else:
        (index.folder / "beeford.md").unlink()
    index.ingest()
index.write("beeford.md", edition("beeford", {rounds}))
index.ingest()
""",
    )
    seen: set[str] = set()
    problems: list[str] = []

    def look() -> None:
        for document in (*names, None):
            if document is not None:
                if (text := reader.store.text_of(document)) is not None:
                    assert sha256_of(text) in texts
                continue
            found = [chunk for chunk, _ in reader.store.search(vector, 50)]
            shown = {chunk.document: chunk.sha256 for chunk in found}
            for chunk in found:
                assert shown[chunk.document] == chunk.sha256, "two versions of one document in one answer"
                text = texts[chunk.sha256]
                assert chunk.text == text[chunk.start : chunk.end]
                assert all(chunk.quote(s.start, s.end) == text[s.start : s.end] for s in chunk.sentences)
            for document, sha256 in shown.items():
                mine = sorted((c.start, c.end) for c in found if c.document == document)
                assert mine[-1][1] - mine[0][0] == sum(end - start for start, end in mine) == len(texts[sha256])
            assert "ayton.md" in shown
            seen.update(shown.values())

    def look_all_the_time() -> None:
        try:
            while writer.poll() is None:
                look()
        except BaseException as error:
            problems.append(repr(error))
            raise

    threads = [threading.Thread(target=look_all_the_time) for _ in range(2)]
    for thread in threads:
        thread.start()
    finished(writer)
    for thread in threads:
        thread.join()
    assert problems == []
    look()
    assert len(seen) > 4, "the reader saw several editions go by"
    assert {name: reader.store.text_of(f"{name}.md") for name in names} == {n: edition(n, rounds) for n in names}
    assert reader.store.count() == sum(entry.chunks for entry in reader.store.catalogue().values())


def test_two_open_stores_of_one_process_see_each_others_writes(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    first, second = open_index(settings), open_index(settings)
    for number in range(3):
        writer, reader = (first, second) if number % 2 else (second, first)
        writer.write("ayton.md", edition("ayton", number))
        writer.ingest()
        assert reader.store.text_of("ayton.md") == edition("ayton", number)
        assert {chunk.sha256 for chunk in reader.search("harbour", 20)} == {sha256_of(edition("ayton", number))}
        assert reader.ingest().unchanged == 1


def test_what_was_read_of_an_index_that_changed_before_or_meanwhile_is_read_again(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    writer, reader = open_index(settings), open_index(settings)
    writer.write("ayton.md", edition("ayton", 1))
    writer.ingest()
    vector = np.asarray(reader.embedder.embed_query("When does the harbour open?"), np.float32)
    generations = []

    def ask(view: View) -> set[str]:
        generations.append(view.snapshot.generation)
        chunks = view.chunks([key for key, _ in view.nearest(vector, 20)])
        if len(generations) == 2:
            writer.write("ayton.md", edition("ayton", 2))
            writer.ingest()
        again = view.chunks([key for key, _ in view.nearest(vector, 20)])
        return {chunk.sha256 for chunk in (*chunks.values(), *again.values())}

    assert reader.store.view(ask) == {sha256_of(edition("ayton", 2))}
    assert len(generations) == 3 and generations == sorted(set(generations)), "as it was, as it became, as it is"
    assert reader.store.view(ask) == {sha256_of(edition("ayton", 2))}
    assert len(generations) == 4


def test_a_reader_follows_an_index_that_was_deleted_and_built_again(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    reader = open_index(settings)
    reader.write("ayton.md", edition("ayton", 1))
    reader.ingest()
    shutil.rmtree(settings.data / "chroma")
    assert reader.search("harbour") == [] and reader.store.text_of("ayton.md") is None
    shutil.rmtree(settings.data / "chroma")
    finished(other_process(settings, "Index(settings, MiniLM()).ingest()"))
    assert reader.store.text_of("ayton.md") == edition("ayton", 1)
    assert {chunk.document for chunk in reader.search("harbour")} == {"ayton.md"}
    assert reader.ingest().unchanged == 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_following_another_process_does_not_leave_files_open(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    writer, reader = open_index(settings), open_index(settings)

    def follow(rounds: int) -> int:
        for number in range(rounds):
            writer.write("ayton.md", edition("ayton", number))
            writer.ingest()
            reader.search("harbour")
        return len(list(Path("/proc/self/fd").iterdir()))

    assert follow(5) <= follow(2) + 2


def test_an_ingest_that_was_killed_while_chroma_saved_is_made_good(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    index = open_index(settings)
    rows = [{"id": n, "text": f"Clause {n % 20} of the contract."} for n in range(300)]
    index.write("contract.jsonl", "\n".join(map(json.dumps, rows)))
    index.ingest()
    name = index.store.name.split("@")[0]
    killed = other_process(
        settings,
        f"""
from rag.index.lock import alone
with alone(settings.data, {name!r}):
    for path in (settings.data / "chroma").glob("*/data_level0.bin"):
        os.truncate(path, 1000)
    os.kill(os.getpid(), 9)
""",
    )
    killed.communicate(timeout=600)
    assert killed.returncode == -9
    index.write("contract.jsonl", "\n".join(map(json.dumps, rows[1:])))
    summary = index.ingest()
    assert summary.notices == (REBUILT,) and (summary.added, summary.embedded) == (299, 20)
    assert index.store.text_of("contract.jsonl#7") == "Clause 7 of the contract."
    assert len(index.search("contract", 400)) == 299
    assert index.ingest().notices == ()


@pytest.mark.parametrize(
    ("file", "size"), [("chroma.sqlite3", None), ("*/data_level0.bin", 10), ("*/index_metadata.pickle", 10)]
)
def test_a_damaged_index_is_said_in_one_line_and_built_again_when_deleted(
    settings: Settings, open_index: Callable[..., Index], file: str, size: int | None
) -> None:
    index = open_index(settings)
    text = "\n".join(json.dumps({"id": n, "text": f"Clause {n % 20} of the contract."}) for n in range(300))
    index.write("contract.jsonl", text)
    index.ingest()
    index.close()
    for path in (settings.data / "chroma").glob(file):
        path.write_bytes(b"not what it was " * 1000) if size is None else os.truncate(path, size)
    with pytest.raises(StoreError) as caught:
        open_index(settings).search("contract")
    words = str(caught.value)
    assert re.match(
        r"The index at \S+chroma (cannot be used \(.*file is not a database\)|is damaged: \S+ is not as it was)", words
    )
    assert re.search(r"[Dd]elete '\S+data/chroma' and type: pincite ingest$", words) and "\n" not in words
    assert (settings.documents / "contract.jsonl").read_text() == text


def test_an_index_of_an_older_format_is_built_again_with_a_notice(
    settings: Settings, open_index: Callable[..., Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(store, "FORMAT", store.FORMAT - 1)
        older.setattr(index_writer, "FORMAT", store.FORMAT)
        old = open_index(settings)
        old.write("ayton.md", edition("ayton", 1))
        old.ingest()
        old_name = old.store.name
    index = open_index(settings)
    assert index.store.name.split("@")[0] != old_name.split("@")[0] and index.stale() == 1
    summary = index.ingest()
    assert summary.notices == (index_writer.OLD_FORMAT,) and summary.added == 1
    assert index.store.text_of("ayton.md") == edition("ayton", 1)
    with index.store.reading() as (connection, _):
        assert all(name.startswith(f"pincite-{store.FORMAT}-") for name in connection.names())
    assert index.ingest().notices == ()


def test_going_back_to_an_embedder_finds_its_index_as_it_was(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    one = open_index(settings, fingerprint="one-12345678")
    one.write("ayton.md", edition("ayton", 1))
    one.ingest()
    two = open_index(settings, fingerprint="two-12345678")
    assert two.store.catalogue() == {}
    two.ingest()
    two.write("beeford.md", edition("beeford", 1))
    two.ingest()
    back = open_index(settings, fingerprint="one-12345678")
    assert list(back.store.catalogue()) == ["ayton.md"] and back.store.text_of("ayton.md") == edition("ayton", 1)
    assert back.stale() == 1 and back.ingest().unchanged == 1
    assert sorted(two.store.catalogue()) == ["ayton.md", "beeford.md"]


def test_the_index_talks_to_nobody_and_loads_no_model_of_chromas_own(settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings.documents.joinpath("ayton.md").write_text(edition("ayton", 1))
    out = finished(
        other_process(
            settings,
            """
talked = []
sys.addaudithook(lambda event, args: talked.append(event) if event.split(".")[0] == "socket" else None)
index = Index(settings, MiniLM())
index.ingest()
assert index.search("harbour")
with index.store.reading() as (connection, _):
    assert connection.chunks._embedding_function is None
# Threads of Chroma's that are not Python's would show as open sockets of an internet kind.
tables = [table for kind in ("tcp", "tcp6", "udp", "udp6") if (table := Path("/proc/self/net", kind)).exists()]
internet = {line.split()[9] for table in tables for line in table.read_text().splitlines()[1:]}
held = {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()} if internet else set()
print(json.dumps([talked, [inode for inode in internet if f"socket:[{inode}]" in held]]))
""",
            HOME=str(home),
        )
    )
    assert json.loads(out) == [[], []]
    assert not (home / ".cache" / "chroma").exists() and list(home.rglob("*.onnx")) == []
