"""Files become documents: canonical text, headings, pages; and one clear line for each file that cannot."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.documents import LARGEST_BYTES, READERS, document_id, find_files, read_document, read_documents
from rag.documents.language import language_warning, question_warning
from rag.documents.sentences import sentences_of
from rag.errors import DocumentsError, ReadError
from rag.types import Document

DATA = Path(__file__).parent / "data"
SEEDS = Path(__file__).parent.parent / "seeds"


def reason(data: bytes, name: str) -> str:
    """The one line that says why nothing of a file can be read."""
    (error,) = read_documents(data, name)
    assert isinstance(error, ReadError)
    assert "\n" not in str(error)
    assert str(error).startswith(name)
    return str(error)


def rows(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.parametrize("path", sorted(SEEDS.iterdir()), ids=lambda path: path.name)
def test_the_text_of_a_seed_is_the_file_itself(path):
    assert read_document(path.read_bytes(), path.name).text == path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("ending", [".txt", ".md"])
def test_line_ends_and_byte_order_marks_stay_in_the_text_but_not_in_quotes(ending):
    data = "\ufeffThe sea rises.\r\nIt falls.\rAnd rises.\r\n".encode()
    document = read_document(data, "a" + ending)
    assert document.text.encode() == data
    first = sentences_of(document.text, document.blocks)[0]
    assert document.text[first.start : first.end] == "The sea rises."


def test_each_row_of_a_corpus_is_a_document_with_its_title_as_heading():
    found = list(
        read_documents(
            rows({"id": "a", "title": "Tides", "text": "The sea rises."}, {"id": 7, "text": "It falls."}), "c.jsonl"
        )
    )
    assert [document.id for document in found if isinstance(document, Document)] == ["c.jsonl#a", "c.jsonl#7"]
    assert [document.text for document in found if isinstance(document, Document)] == [
        "Tides\n\nThe sea rises.",
        "It falls.",
    ]
    assert isinstance(found[0], Document)
    assert found[0].title == "Tides"


def test_broken_rows_are_named_by_their_line_and_the_others_are_read():
    data = (
        rows({"id": "a", "text": "One."})
        + b'{"id": "b", "text": \n'
        + b"\n"
        + rows([1], {"id": "c"}, {"text": "No id."}, {"id": "a", "text": "Again."}, {"id": "d", "text": "\ud800"})
        + b"\xff\xfe\n"
        + b"[" * 100_000
        + b"\n"
        + rows({"id": "z", "text": "Last."})
    )
    found = list(read_documents(data, "c.jsonl"))
    assert [item.text for item in found if isinstance(item, Document)] == ["One.", "Last."]
    assert [str(item) for item in found if isinstance(item, ReadError)] == [
        "c.jsonl line 2 is left out: it is not a JSON object in UTF-8.",
        "c.jsonl line 4 is left out: it is not a JSON object.",
        'c.jsonl line 5 is left out: it has no "text".',
        'c.jsonl line 6 is left out: it has no "id".',
        "c.jsonl line 7 is left out: its id 'a' already stands on line 1.",
        "c.jsonl line 8 is left out: it holds characters that are not text.",
        "c.jsonl line 9 is left out: it is not a JSON object in UTF-8.",
        "c.jsonl line 10 is left out: it is not a JSON object in UTF-8.",
    ]


def test_a_jsonl_file_that_is_no_corpus_is_one_line_not_thousands():
    line = reason(rows(*({"question": n} for n in range(1000))), "questions.jsonl")
    assert line == 'questions.jsonl holds no row with an "id" and a "text": line 1 it has no "id".'


@settings(deadline=None)
@given(title=st.text(max_size=30), text=st.text(min_size=1, max_size=200))
def test_the_blocks_of_a_row_lie_in_its_text(title, text):
    for document in read_documents(rows({"id": "a", "title": title, "text": text}), "c.jsonl"):
        if isinstance(document, Document):
            assert document.text.endswith(text)
            for block in document.blocks:
                assert document.text[block.start : block.end].strip() == document.text[block.start : block.end] != ""


def test_readable_files_are_found_sorted_and_hidden_ones_and_links_out_of_the_folder_are_not(tmp_path):
    folder = tmp_path / "documents"
    (folder / "sub" / ".git").mkdir(parents=True)
    for name in ("b.TXT", "a.md", "sub/c.pdf", "picture.png", ".hidden.txt", "sub/.git/d.txt"):
        (folder / name).write_text("x")
    (tmp_path / "secret.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert [document_id(path, folder) for path in find_files(folder)] == ["a.md", "b.TXT", "sub/c.pdf"]


def test_a_folder_that_is_missing_empty_or_a_file_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(DocumentsError, match="does not exist"):
        find_files(tmp_path / "nowhere")
    with pytest.raises(DocumentsError, match=r"holds no document.*\.pdf"):
        find_files(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DocumentsError, match="is a file"):
        find_files(tmp_path / "a.txt")


@pytest.mark.parametrize("ending", list(READERS))
def test_an_empty_file_and_one_that_is_too_large_are_refused(ending):
    assert "is empty" in reason(b"", "a" + ending)
    assert "is empty" in reason(b" \n\t", "a" + ending)
    assert "larger than 200 MB" in reason(bytes(LARGEST_BYTES + 1), "a" + ending)


@pytest.mark.parametrize("ending", list(READERS))
@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02\x03" * 100, b"\x89PNG\r\n\x1a\n" + b"x" * 99, b"\xff" * 500, b"PK\x03\x04" + b"z" * 99]
)
def test_bytes_that_are_no_document_are_refused_whatever_the_ending(ending, data):
    assert "htm" in ending or reason(data, "a" + ending)


@pytest.mark.parametrize(
    ("file", "ending", "advice"),
    [
        ("almen_chromium.pdf", ".docx", "is a PDF file, not what .docx says. Rename it to end in .pdf."),
        ("almen_chromium.pdf", ".txt", "is a PDF file, not what .txt says. Rename it to end in .pdf."),
        ("almen.docx", ".pdf", "is a DOCX file. Rename it to end in .docx."),
        ("almen.docx", ".pptx", "is a DOCX file. Rename it to end in .docx."),
        ("ships.xlsx", ".csv", "is a XLSX file. Rename it to end in .xlsx."),
        ("almen.epub", ".md", "is an EPUB file. Rename it to end in .epub."),
        ("almen.html", ".pdf", "is not a PDF file, or it is damaged."),
    ],
)
def test_a_wrong_ending_is_said_with_the_right_one(file, ending, advice):
    assert reason((DATA / file).read_bytes(), "a" + ending) == f"a{ending} {advice}"


def test_a_text_of_signs_alone_holds_no_words():
    assert reason(b"... --- ...", "a.txt") == "a.txt holds no words."


def test_mostly_non_english_text_is_noticed_and_english_tables_and_code_are_not():
    german = "Die Flut hebt das Wasser um vier Meter, und die Rinne wird jedes zweite Jahr gebaggert. " * 10
    russian = "Вода поднимается дважды в день, потому что её притягивают луна и солнце. " * 10
    code = "def tide(level: float) -> float:\n    return level * FACTOR + offset[index]\n" * 20
    assert "not English" in (language_warning(german) or "")
    assert "not in Latin letters" in (language_warning(russian) or "")
    for path in SEEDS.iterdir():
        assert language_warning(path.read_text("utf-8")) is None
    assert language_warning(code) is None
    assert language_warning("Ship: Petrel; Built: 1931; Harbour: Almen\n" * 40) is None
    assert language_warning("") is None


def test_reading_text_imports_no_parser():
    code = (
        "import sys; from rag.documents import read_document; read_document(b'# a', 'a.md');"
        "print([m for m in ('lxml', 'pypdfium2', 'docx', 'pptx', 'python_calamine') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("question", "is_foreign"),
    [
        ("Was ist militärische Diplomatie und wozu dient sie?", True),
        ("¿Qué es la diplomacia militar?", True),
        ("Что такое военная дипломатия?", True),
        ("What is military diplomacy?", False),
        ("military diplomacy joint exercises", False),
        ("who sang échame la culpa", False),
    ],
)
def test_a_question_in_another_language_is_noticed(question: str, is_foreign: bool) -> None:
    assert bool(question_warning(question)) is is_foreign
