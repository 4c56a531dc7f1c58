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
from crashing import assert_same, contents, ingest_until_killed, killed_before, processes, write_folder
from indexing import Index

from rag.index_lock import ingest_turn
from rag.settings import Settings

OpenIndex = Callable[..., Index]
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


@pytest.mark.slow
def test_killed_before_any_one_of_its_writes_the_next_ingest_ends_in_the_same_index(
    settings: Settings, tmp_path: Path, open_index: OpenIndex
) -> None:
    """The folder stays as it is, or is put back as it was before; then the next ingest is killed, too."""
    rows, chunks = 12, 4
    expected, _ = undisturbed(settings, tmp_path, open_index, rows)
    before = settings.model_copy(update={"data": tmp_path / "before"})
    write_folder(settings.documents, 0, rows)
    assert not killed_before(1_000_000, before, chunks)

    def recovered(data: Path, edition: int) -> None:
        index = open_index(settings.model_copy(update={"data": data}))
        index.ingest()
        assert_same(contents(index), expected[edition])
        assert index.ingest().notices == () and index.stale() == 0
        index.close()

    for write in itertools.count():
        write_folder(settings.documents, 1, rows)
        killed = settings.model_copy(update={"data": tmp_path / f"killed {write}"})
        shutil.copytree(before.data, killed.data)
        if not killed_before(write, killed, chunks):
            break
        back = settings.model_copy(update={"data": tmp_path / f"put back {write}"})
        shutil.copytree(killed.data, back.data)
        recovered(killed.data, 1)
        write_folder(settings.documents, 0, rows)
        killed_before(7 * write % 50, back, chunks)
        recovered(back.data, 0)
    assert write >= 40, "so many writes it made"


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
            index = open_index(settings)
            index.ingest()
            assert_same(contents(index), expected[edition])
            assert index.ingest().notices == () and index.stale() == 0
            index.close()
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
        deadline = time.monotonic() + 30
        while not said and time.monotonic() < deadline:
            time.sleep(0.02)
        assert said == ["waits"]
    waiting.join(timeout=60)
    assert said == ["waits", "1"]
    assert first.ingest(waiting=lambda: said.append("waits")).unchanged == 1 and said == ["waits", "1"]
