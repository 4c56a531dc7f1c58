"""The files themselves: what the catalogue knows of them, and what happens when the converters change."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docx
from indexing import Index

from rag.answer.catalogue import MAX_DESCRIBED, catalogue_answer, catalogue_facts
from rag.documents import CONVERTERS
from rag.index.writer import IndexWriter
from rag.models.reader import open_reader
from rag.settings import Settings

DATA = Path(__file__).parent / "data"


def test_the_catalogue_says_how_many_documents_there_are_who_wrote_them_and_when(index: Index) -> None:
    file = index.write("notes.txt", "# Tides\n\nThe sea rises.")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    index.write("slides.pptx", (DATA / "slides.pptx").read_bytes())
    word = docx.Document()
    word.core_properties.author = "Mira Holt"
    word.add_heading("Harbour rules", 0)
    word.add_paragraph("Keep below five knots.")
    word.save(str(index.folder / "rules.docx"))
    index.ingest()
    assert {
        "There are 3 documents in the folder.",
        "The documents are notes.txt, rules.docx, slides.pptx.",
        "slides.pptx has 3 pages.",
        "rules.docx was written by Mira Holt.",
        "notes.txt was last changed on 2023-11-14.",
    } <= set(catalogue_facts(index.store))


def test_of_many_documents_those_are_described_that_the_question_names(index: Index) -> None:
    for number in range(MAX_DESCRIBED + 1):
        index.write(f"report{number}.txt", f"Report {number} is about the sea.")
    index.ingest()
    assert len(catalogue_facts(index.store)) == 2
    assert "report7.txt was last changed" in catalogue_facts(index.store, "Who wrote report7?")[2]


def test_questions_about_the_files_are_answered_from_the_catalogue_and_no_others(index: Index) -> None:
    index.write("tides.txt", "The sea rises twice a day. There are two tides.")
    index.write("slides.pptx", (DATA / "slides.pptx").read_bytes())
    index.ingest()

    def answer(question: str) -> str:
        return catalogue_answer(question, index.store, open_reader("bundled"))

    assert answer("How many documents are there?") == "There are 2 documents in the folder."
    assert answer("How many pages does slides.pptx have?") == "slides.pptx has 3 pages."
    assert answer("How many tides are there a day?") == ""
    assert answer("What is the sea?") == ""


def test_files_read_by_older_converters_are_read_again_with_one_notice(
    index: Index, open_index: Callable[..., Index], settings: Settings
) -> None:
    index.write("a.txt", "The sea rises.")
    index.write("b.txt", "It falls.")
    index.ingest()
    writer = IndexWriter(index.store)
    old = [
        replace(file, recipe=f"{CONVERTERS - 1}/{file.recipe.split('/', 1)[1]}")
        for file in index.store.files().values()
    ]
    writer.commit(files=old)
    writer.finish()
    assert index.stale() == 2
    summary = index.ingest()
    assert [notice for notice in summary.notices if "read again" in notice] == list(summary.notices)
    assert len(summary.notices) == 1
    assert index.stale() == 0
    assert index.ingest().notices == ()
