"""The files themselves: what the catalogue knows of them, and what happens when the converters change."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docx
from indexing import Index

from rag.answer.catalogue import CATALOGUE, MOST_DOCUMENTS, catalogue_facts
from rag.documents import CONVERTERS
from rag.documents.sentences import sentences_of
from rag.index.writer import IndexWriter
from rag.settings import Settings

DATA = Path(__file__).parent / "data"


def facts(index: Index, question: str = "") -> list[str]:
    document = catalogue_facts(index.store, question)
    assert document.id == CATALOGUE
    return [document.text[s.start : s.end] for s in sentences_of(document.text, document.blocks)]


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
        "The title of rules.docx is “Harbour rules”.",
        "notes.txt was last changed on 2023-11-14.",
    } <= set(facts(index))


def test_of_many_documents_those_are_described_that_the_question_names(index: Index) -> None:
    for number in range(MOST_DOCUMENTS + 1):
        index.write(f"report{number}.txt", f"Report {number} is about the sea.")
    index.ingest()
    assert len(facts(index)) == 2
    assert "The title of report7.txt is “report7”." in facts(index, "Who wrote report7?")


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
