"""Files made to break a reader cost one clear line each, and nothing of the rest."""

import io
import os
import zipfile
from pathlib import Path

from hostile import hostile_files
from indexing import Index

from rag.documents import read_document

DATA = Path(__file__).parent / "data"


def test_each_hostile_file_gives_one_clear_line_and_the_rest_is_indexed(index: Index) -> None:
    index.write("good.txt", "The harbour of Almen was opened in 1887.")
    names = []
    for name, data in hostile_files():
        index.write(name, data)
        names.append(name)
    with (index.folder / "sparse.txt").open("wb") as file:
        os.truncate(file.fileno(), 2**30)
    names.append("sparse.txt")
    summary = index.ingest()
    assert summary.added == 1
    assert len(names) > 40
    assert sorted(line.split()[0].rstrip(":") for line in summary.skipped) == sorted(names)
    assert not any("\n" in line or "Traceback" in line or "parser stopped" in line for line in summary.skipped)
    assert index.search("When was the harbour opened?")[0].document == "good.txt"
    assert index.stale() == 0


def broken(file: str, part: str, content: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(DATA / file) as package, zipfile.ZipFile(data, "w") as copy:
        for name in package.namelist():
            copy.writestr(name, content if name == part else package.read(name))
    return data.getvalue()


def test_one_damaged_part_does_not_cost_the_rest_of_a_file() -> None:
    slides = read_document(broken("slides.pptx", "ppt/slides/slide2.xml", b"<x"), "a.pptx")
    assert dict(slides.left_out)["damaged slides"] == 1
    assert "Fishing boat" in slides.text
    assert len(slides.pages) == 3
    word = read_document(broken("almen.docx", "word/numbering.xml", b"<x"), "a.docx")
    assert dict(word.left_out)["damaged parts"] == 1
    assert "dredged every second year" in word.text
