"""Ingests in another process that are killed, and everything that an index holds, to compare."""

import functools
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from indexing import Index

from rag.documents.passages import embedded_text
from rag.index import batch as document_batch
from rag.index import connection as chroma_connection
from rag.index.lexical import LexicalIndex
from rag.settings import Settings, load_settings
from rag.types import Chunk

# The calls with which Chroma and tantivy change their files, and those that replace or delete a file of ours. What is
# written in between, token vectors and marks, is there or not before one of these.
WRITES = {"create_collection", "delete_collection", "update_collection", "upsert", "delete", "commit", "unlink"}
# More than there are.
NEVER = 1_000_000


@functools.cache
def processes() -> ForkServerContext:
    """Starts processes that have everything loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "crashing", "preloaded"])
    with pytest.MonkeyPatch.context() as meanwhile:  # Python 3.11 and 3.12 would look for them elsewhere
        meanwhile.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        forkserver.ensure_running()
    return context


def write_folder(folder: Path, edition: int, rows: int = 120) -> None:
    """Documents that differ much between even and odd editions: new, edited, renamed and deleted ones."""
    for path in folder.iterdir():
        path.unlink()
    clauses = {n: f"Clause {n % 8} of edition {edition % 2 if n % 3 else 0}." for n in range(edition % 2, rows)}
    zones = {n: f"Zone {n % 5} of edition {edition % 2}." for n in range(rows // 2)}
    for name, texts in (("contract", clauses), ("zones", zones)):
        lines = [json.dumps({"id": n, "text": text}) for n, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / f"minutes {edition % 2}.md").write_text("# Minutes\n\nThe minutes were read and approved.\n")
    (folder / "notes.txt").write_text(f"Notes taken in edition {edition % 2}. They are short.\n")
    if edition % 2:
        (folder / "extra.txt").write_text("An extra file. It comes and goes.\n")


def ingest_until_killed(fields: dict[str, str], chunks: int, sent: Pipe, write: int | None = None) -> None:
    """What the other process does, in steps of so many chunks: usually there are more, and fewer moments in between.

    It kills itself before the write of that number, counted from 0. Sends True once the index is open, then how many
    writes there were.
    """
    document_batch.SLICE_CHUNKS, document_batch.COMMIT_CHUNKS = chunks, 2 * chunks
    chroma_connection.SYNC_THRESHOLD = 2 * chunks
    writes = 0

    def see(frame: FrameType, event: str, called: Any) -> None:
        nonlocal writes
        if event == "c_call" and (called.__name__ in WRITES or called is os.replace):
            if writes == write:
                os.kill(os.getpid(), signal.SIGKILL)
            writes += 1

    from preloaded import MODEL  # not at the top, since whoever only starts processes needs no model

    if write is not None:
        sys.setprofile(see)
    index = Index(load_settings(fields, environ={}), MODEL)
    sent.send(True)
    index.ingest()
    sys.setprofile(None)
    sent.send(writes)


def killed_before(write: int, settings: Settings, chunks: int) -> bool:
    """Whether an ingest in another process was killed before its write of that number; False when it made fewer."""
    return writes_until(write, settings, chunks) is None


def writes_until(write: int, settings: Settings, chunks: int) -> int | None:
    """How many writes an ingest in another process made; None when it was killed before the one of that number."""
    ours, theirs = processes().Pipe(duplex=False)
    fields = {"documents": str(settings.documents), "data": str(settings.data)}
    process = processes().Process(target=ingest_until_killed, args=(fields, chunks, theirs, write))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return int([ours.recv(), ours.recv()][-1]) if process.exitcode == 0 else None


def contents(index: Index) -> dict[str, Any]:
    """Everything the index holds, in an order that does not depend on its history."""
    with index.store.reading() as (connection, snapshot):
        rows = connection.chunks.get(include=["documents", "metadatas", "embeddings"])
        catalogue = connection.catalogue.get(include=[])["ids"]
        state = connection.state()
    order = np.argsort(rows["ids"])
    chunks = list(index.store.every_chunk())
    texts = sorted({embedded_text(chunk) for chunk in chunks})
    return {
        "ids": [rows["ids"][i] for i in order],
        "texts": [(rows["documents"] or [])[i] for i in order],
        "metadata": [(rows["metadatas"] or [])[i] for i in order],
        "vectors": np.asarray(rows["embeddings"])[order],
        "found by vector": found_by_vector(index, chunks),
        "found by words": sorted(key for key, _ in LexicalIndex(index.store).search("of taken read file", 1_000)),
        "catalogue": sorted(catalogue),
        "entries": dict(sorted(snapshot.entries.items())),
        "files": {name: file.sha256 for name, file in sorted(snapshot.files.items())},
        "writing": state and state.writing,
        "token vectors": [codes.tobytes() for codes in index.token_vectors.of(texts)],
        "token vectors of nothing": index.token_vectors.forget_all_but(texts),
    }


def found_by_vector(index: Index, chunks: Sequence[Chunk]) -> list[str]:
    """The texts that a search for their own words finds first."""
    texts = sorted({chunk.text for chunk in chunks})
    return [text for text in texts if [found.text for found in index.search(text, 1)] == [text]]


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for key in expected:
        if key == "vectors":
            np.testing.assert_allclose(found[key], expected[key], atol=1e-5)
        else:
            assert found[key] == expected[key], key
