"""An ingest that is killed at any moment: the next one ends where an undisturbed one would have ended."""

import itertools
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crashing import (
    NEVER,
    assert_same,
    contents,
    ingest_until_killed,
    killed_before,
    processes,
    write_folder,
    writes_until,
)
from indexing import Index

from rag.index import store
from rag.index import writer as index_writer
from rag.index.lock import ingest_turn
from rag.settings import Settings

OpenIndex = Callable[..., Index]
# A small folder, written in small steps.
ROWS, CHUNKS = 12, 4
KILLS = 50
# Every so many kills the index is brought up to date and compared.
COMPARED_EVERY = 5


def undisturbed(
    settings: Settings, folder: Path, open_index: OpenIndex, rows: int
) -> tuple[list[dict[str, Any]], float]:
    """What the index of each edition holds when nobody is killed, and how many seconds the last one took."""
    expected, seconds = [], 0.0
    for edition in range(2):
        write_folder(settings.documents, edition, rows)
        index = open_index(settings.model_copy(update={"data": folder / f"undisturbed {edition}"}))
        seconds = index.ingest().seconds
        expected.append(contents(index))
    return expected, seconds


def in_data(settings: Settings, data: Path, copied: Settings | None = None) -> Settings:
    """The same documents with the index in another folder, which begins as a copy."""
    if copied:
        shutil.copytree(copied.data, data)
    return settings.model_copy(update={"data": data})


def assert_recovers(settings: Settings, expected: dict[str, Any], open_index: OpenIndex) -> None:
    """After one more ingest the index holds what is expected, and there is nothing left to do."""
    index = open_index(settings)
    index.ingest()
    assert_same(contents(index), expected)
    assert index.ingest().notices == () and index.stale() == 0
    index.close()


@pytest.mark.slow
def test_killed_before_any_one_of_its_writes_the_next_ingest_ends_in_the_same_index(
    settings: Settings, tmp_path: Path, open_index: OpenIndex
) -> None:
    """The folder stays as it is, or every other time is put back as it was, and the ingest after that is killed, too."""
    expected, _ = undisturbed(settings, tmp_path, open_index, ROWS)
    write_folder(settings.documents, 0, ROWS)
    assert not killed_before(NEVER, settings, CHUNKS)
    for write in itertools.count():
        write_folder(settings.documents, 1, ROWS)
        killed = in_data(settings, tmp_path / f"killed {write}", settings)
        if not killed_before(write, killed, CHUNKS):
            break
        back = in_data(settings, tmp_path / f"put back {write}", killed)
        assert_recovers(killed, expected[1], open_index)
        if write % 2:
            write_folder(settings.documents, 0, ROWS)
            killed_before(7 * write % 30, back, CHUNKS)
            assert_recovers(back, expected[0], open_index)
    assert write >= 25, "so many writes it made"


@pytest.mark.slow
def test_killed_while_it_replaces_an_index_of_an_older_format_the_next_ingest_leaves_nothing_behind(
    settings: Settings, tmp_path: Path, open_index: OpenIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = undisturbed(settings, tmp_path, open_index, ROWS)
    write_folder(settings.documents, 0, ROWS)
    with monkeypatch.context() as older:
        older.setattr(store, "FORMAT", store.FORMAT - 1)
        older.setattr(index_writer, "FORMAT", store.FORMAT)
        old = open_index(settings)
        old.ingest()
        old.close()
    write_folder(settings.documents, 1, ROWS)
    for write in range(9):
        killed = in_data(settings, tmp_path / f"killed {write}", settings)
        assert killed_before(write, killed, CHUNKS)
        assert_recovers(killed, expected[1], open_index)


@pytest.mark.slow
def test_an_index_of_words_whose_building_was_killed_twice_is_built_anew(
    settings: Settings, tmp_path: Path, open_index: OpenIndex
) -> None:
    expected, _ = undisturbed(settings, tmp_path, open_index, ROWS)
    write_folder(settings.documents, 0, ROWS)
    assert not killed_before(NEVER, settings, CHUNKS)
    write_folder(settings.documents, 1, ROWS)
    for kill in range(2):  # before the last write, which is the note of what the index of words holds
        writes = writes_until(NEVER, in_data(settings, tmp_path / f"copy {kill}", settings), CHUNKS)
        assert writes and killed_before(writes - 1, settings, CHUNKS)
    assert_recovers(settings, expected[1], open_index)


@pytest.mark.slow
def test_killed_at_any_moment_the_next_ingest_ends_in_the_same_index(
    settings: Settings, tmp_path: Path, open_index: OpenIndex
) -> None:
    expected, seconds = undisturbed(settings, tmp_path, open_index, 120)
    fields = {"documents": str(settings.documents), "data": str(settings.data)}
    chance, cut_short = random.Random(7), 0
    for kill in range(KILLS):
        edition = kill % 2
        write_folder(settings.documents, edition)
        ours, theirs = processes().Pipe(duplex=False)
        process = processes().Process(target=ingest_until_killed, args=(fields, 16, theirs))
        process.start()
        assert ours.poll(60) and ours.recv()
        time.sleep(chance.uniform(0, 1.5 * seconds))
        process.kill()
        process.join()
        cut_short += not ours.poll()
        if kill % COMPARED_EVERY == COMPARED_EVERY - 1:
            assert_recovers(settings, expected[edition], open_index)
    assert cut_short > KILLS / 3, "enough of them were killed before they were done"


def test_a_second_ingest_says_that_it_waits_and_then_finds_the_work_done(
    settings: Settings, open_index: OpenIndex
) -> None:
    first, second = open_index(settings), open_index(settings)
    first.write("tea.txt", "Tea is a drink.")
    said: list[str] = []
    with ingest_turn(settings.data):
        waiting = threading.Thread(
            target=lambda: said.append(f"{second.ingest(waiting=lambda: said.append('waits')).added}")
        )
        waiting.start()
        deadline = time.monotonic() + 600
        while not said and time.monotonic() < deadline:
            time.sleep(0.02)
        assert said == ["waits"]
    waiting.join(timeout=600)
    assert said == ["waits", "1"]
    assert first.ingest(waiting=lambda: said.append("waits")).unchanged == 1 and said == ["waits", "1"]
