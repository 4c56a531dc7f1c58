"""`--watch`: the index follows the folder."""

import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue

import pytest
from indexing import Index

from rag.errors import DocumentsError
from rag.index.ingest import Summary
from rag.index.watch import watch


@pytest.fixture
def followed(index: Index) -> Iterator[Callable[[], Summary]]:
    """Follows the folder of `index` in a thread; called, it waits for the next summary."""
    summaries: Queue[Summary | Exception] = Queue()
    stop = threading.Event()
    index.write("tea.txt", "Tea is a drink.")

    def follow() -> None:
        try:
            for summary in watch(index.settings, index.store, index.embedder, stop=stop):
                summaries.put(summary)
        except DocumentsError as error:
            summaries.put(error)

    def following() -> Summary:
        summary = summaries.get(timeout=600)
        if isinstance(summary, Exception):
            raise summary
        return summary

    thread = threading.Thread(target=follow)
    thread.start()
    yield following
    stop.set()
    thread.join(timeout=600)
    assert not thread.is_alive() and summaries.empty()


def test_the_index_follows_the_folder(index: Index, followed: Callable[[], Summary]) -> None:
    assert followed().added == 1, "what was there before"
    index.write(".hidden.txt", "Not shown.")
    index.write("drinks/coffee.txt", "Coffee is a drink.")
    assert (followed().added, sorted(index.store.catalogue())) == (1, ["drinks/coffee.txt", "tea.txt"])
    index.write("tea.txt", "Tea is made of leaves.")
    assert followed().changed == 1 and index.store.text_of("tea.txt") == "Tea is made of leaves."
    (index.folder / "drinks").rename(index.folder.parent / "elsewhere")
    assert followed().removed == 1 and list(index.store.catalogue()) == ["tea.txt"]


def test_many_changes_at_once_are_one_ingest(index: Index, followed: Callable[[], Summary]) -> None:
    followed()
    for number in range(20):
        index.write(f"note {number}.txt", f"This is note {number}.")
        time.sleep(0.01)
    assert followed().added == 20


def test_a_folder_that_is_emptied_or_taken_away_is_said(index: Index, followed: Callable[[], Summary]) -> None:
    followed()
    (index.folder / "tea.txt").unlink()
    [notice] = followed().notices
    assert "holds no document" in notice and index.store.text_of("tea.txt") == "Tea is a drink."
    index.folder.rmdir()
    with pytest.raises(DocumentsError, match="is no longer there"):
        followed()
