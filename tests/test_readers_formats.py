"""PDF, Word, slides, workbooks, CSV, HTML and EPUB: the same text from real files of every kind, with exact places.

`tests/data/almen.*` are one text of our own, as written by LibreOffice and Chromium.
"""

import io
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import docx
import pytest
from PIL import Image

from rag.documents import isolation as apart
from rag.documents import read_document, read_documents
from rag.documents.chunks import chunk_document
from rag.documents.sentences import sentences_of
from rag.errors import ReadError
from rag.types import Document

DATA = Path(__file__).parent / "data"
SENTENCES = (
    "It was opened in 1887 by the U.S. engineer Edith Maravan, who had built docks in Boston before.",
    "The fairway is dredged every second year, because the river carries about 60,000 tonnes of sand into it.",
    "Call the pilot station on channel 12 at least two hours before arrival.",
    "Vessel: Sailing yacht; Fee per day: 27 euros; Free days: 1",
    "It was rebuilt in concrete within two years; the café on its head, known as the “Fiancée”, dates from 1926 and "
    "still offers efficient, first-class fish soup.",
    "Dr. Ilse Korn et al. counted 212 of them in 2019, approx. twice as many as ten years before.",
)
HEADINGS = [
    (1, "The Harbour of Almen"),
    (2, "Tides and Depths"),
    (3, "Reading the gauge"),
    (2, "Entering the Harbour"),
    (2, "Fees"),
    (2, "History"),
    (2, "Wildlife"),
]


def read(file: str) -> Document:
    return read_document((DATA / file).read_bytes(), file)


def reason(data: bytes, name: str) -> str:
    (error,) = read_documents(data, name)
    assert isinstance(error, ReadError)
    return str(error)


def headings(document: Document) -> list[tuple[int, str]]:
    return [(b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind == "heading"]


def package(parts: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return data.getvalue()


ALMEN = ["almen_chromium.pdf", "almen_libreoffice.pdf", "almen.docx", "almen.html", "almen.epub"]


@pytest.mark.parametrize("file", ALMEN)
def test_every_format_gives_the_same_sentences_at_exact_places(file):
    document = read(file)
    quotes = [document.text[s.start : s.end] for s in sentences_of(document.text, document.blocks)]
    for sentence in SENTENCES:
        assert quotes.count(sentence) == 1
    assert not any("rights reserved" in quote for quote in quotes)
    chunks = chunk_document(document, 256)
    assert "".join(chunk.text for chunk in chunks) == document.text


@pytest.mark.parametrize("file", ALMEN[:4])
def test_headings_keep_their_depth_in_every_format(file):
    assert headings(read(file)) == HEADINGS


def test_a_book_without_marked_headings_still_has_them():
    assert [name for _, name in headings(read("almen.epub"))][1:] == [name for _, name in HEADINGS]


@pytest.mark.parametrize("file", ALMEN[:4])
def test_a_list_keeps_its_lead_in_in_every_format(file):
    document = read(file)
    kinds = [s.kind for s in sentences_of(document.text, document.blocks)]
    at = kinds.index("lead_in")
    assert kinds[at : at + 4] == ["lead_in", "item", "item", "item"]


@pytest.mark.parametrize("file", ["almen_chromium.pdf", "almen_libreoffice.pdf"])
@pytest.mark.parametrize("chunk_tokens", [60, 400])
def test_every_sentence_of_a_pdf_knows_its_page(file, chunk_tokens):
    document = read(file)
    history = document.text.index("A storm destroyed")
    for chunk in chunk_document(document, chunk_tokens):
        for sentence in chunk.sentences:
            assert chunk.page_at(sentence.start) == (1 if sentence.start < history else 2)


def document_page(document: Document, offset: int) -> int:
    return sum(first <= offset for first in document.pages)


def test_slides_are_pages_with_titles_lists_tables_and_notes():
    document = read("slides.pptx")
    assert headings(document) == [(1, "The Harbour of Almen"), (2, "Entering the Harbour"), (2, "Fees")]
    chunks = chunk_document(document, 400)
    pages = {document.text[s.start : s.end]: chunk.page_at(s.start) for chunk in chunks for s in chunk.sentences}
    assert pages == {
        "Annual report 2024": 1,
        "Call the pilot station on channel 12.": 2,
        "Show the yellow flag.": 2,
        "Keep below five knots.": 2,
        "Mention that the U.S. yacht Tern ignored all three rules in 2023.": 2,
        "Vessel: Fishing boat; Fee per day: 12 euros; Free days: 3": 3,
        "Vessel: Cargo ship; Fee per day: 410 euros; Free days: 0": 3,
    }


def test_rows_of_workbooks_and_csv_files_name_their_columns():
    expected = [
        "Ship: Petrel; Built: 1931; Length in metres: 55.5; Remark: The dredger, called Pet",
        "Ship: Tern; Built: 1990; Length in metres: 12; Remark: Yacht",
        "Ship: Kittiwake; Built: 2003; Length in metres: 140; Remark: Largest ship so far",
    ]
    assert read("ships.xlsx").text.splitlines() == ["ships", "", *expected]
    csv = 'Ship;Built;Length in metres;Remark\r\nPetrel;1931;55.5;"The dredger, called Pet"\r\nTern;1990;12;Yacht\r\n'
    csv += "Kittiwake;2003;140;Largest ship so far\r\n"
    document = read_document(csv.encode("utf-8-sig"), "ships.csv")
    assert document.text.splitlines() == expected
    sentences = sentences_of(document.text, document.blocks)
    assert [document.text[s.start : s.end] for s in sentences] == expected
    assert len({s.unit for s in sentences}) == 3


def test_a_form_of_two_columns_is_not_taken_for_a_table_with_a_head():
    assert read_document(b"Seat,Lyon\nChair,Jane Smith\n", "a.csv").text == "Seat: Lyon\nChair: Jane Smith"


def test_word_changes_text_boxes_and_footnotes_are_read_as_a_reader_sees_them():
    word = docx.Document()
    word.add_heading("Tides", 0)
    paragraph = word.add_paragraph("The sea rises ")
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    for xml in (
        f'<w:ins {space} w:id="1" w:author="a"><w:r><w:t>twice </w:t></w:r></w:ins>',
        f'<w:del {space} w:id="2" w:author="a"><w:r><w:delText>once </w:delText></w:r></w:del>',
        f"<w:r {space}><w:t>a day.</w:t></w:r>",
    ):
        paragraph._p.append(docx.oxml.parse_xml(xml))
    word.add_paragraph("First point", style="List Bullet")
    data = io.BytesIO()
    word.save(data)
    document = read_document(data.getvalue(), "a.docx")
    assert document.text == "Tides\n\nThe sea rises twice a day.\n\nFirst point"
    assert [block.kind for block in document.blocks] == ["heading", "prose", "item"]


def test_pages_are_read_in_the_encoding_they_name_and_without_what_is_not_shown():
    page = (
        "<meta charset=windows-1252><title>Tides</title><nav>Home</nav><script>secret()</script>"
        "<p hidden>Unseen.<p>The caf\xe9 opens.<sup><a href=#1>1</a></sup> It <b>clo</b>ses."
        "<pre>make chat\n\nmake test</pre>"
    )
    document = read_document(page.encode("cp1252"), "a.html")
    assert document.text == "Tides\n\nThe café opens. It closes.\n\nmake chat\nmake test"


def test_a_parted_word_is_joined_when_a_line_of_a_pdf_ends_in_a_hyphen():
    document = read_document(
        pdf("The responsi-", "bility lies with the first-", "class harbour, a first-class one."), "a.pdf"
    )
    assert document.text == "The responsibility lies with the first-class harbour, a first-class one."


def test_page_numbers_and_running_heads_of_a_pdf_are_left_out():
    pages = [
        ["Almen Papers", f"On page {word} the sea rises higher.", str(n)]
        for n, word in enumerate(["one", "two", "three"], 1)
    ]
    document = read_document(pdf_pages(pages), "a.pdf")
    assert document.text.split("\n\n") == [f"On page {word} the sea rises higher." for word in ("one", "two", "three")]
    assert [document_page(document, document.text.index(word)) for word in ("one", "two", "three")] == [1, 2, 3]


def test_scanned_pages_are_named_and_the_rest_is_read():
    scan = io.BytesIO()
    Image.new("L", (200, 300), 200).save(scan, "PDF")
    assert (
        reason(scan.getvalue(), "scan.pdf")
        == "scan.pdf holds no text: its page is a picture. It needs OCR, as with ocrmypdf."
    )
    mixed = joined(pdf("The sea rises."), scan.getvalue(), scan.getvalue(), pdf("It falls."), scan.getvalue())
    document, error = read_documents(mixed, "mixed.pdf")
    assert isinstance(document, Document)
    assert document.text == "The sea rises.\n\nIt falls."
    assert document.pages == (0, 16, 16, 16, 25)
    assert str(error) == "mixed.pdf: no text on page 2-3, 5, which needs OCR; the rest is read."


def test_protected_files_are_refused_with_the_remedy():
    assert (
        reason((DATA / "protected.pdf").read_bytes(), "a.pdf")
        == "a.pdf is protected by a password. Save a copy without one."
    )
    office97 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    for ending in (".docx", ".pptx", ".xlsx"):
        assert "password" in reason(office97, "a" + ending)


@pytest.mark.parametrize("file", ["almen.docx", "slides.pptx", "ships.xlsx", "almen.epub", "almen_chromium.pdf"])
def test_a_file_cut_short_is_refused_or_read_in_part_but_never_crashes(file):
    data = (DATA / file).read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        for found in read_documents(data[: int(len(data) * share)], file):
            assert isinstance(found, Document) or str(found).startswith(file)


@pytest.mark.parametrize("ending", [".docx", ".pptx", ".xlsx", ".epub"])
def test_a_zip_bomb_is_refused_before_it_unfolds(ending):
    bomb = package({"[Content_Types].xml": b"<x/>", "word/document.xml": bytes(60 * 2**20)})
    start = time.process_time()
    said = reason(bomb, "bomb" + ending)
    assert "unpacks to 60 MB" in said or "is a DOCX file" in said
    assert time.process_time() - start < 2


def test_a_package_that_lies_about_its_size_is_damaged():
    data = bytearray(package({"word/document.xml": b"<x>" + bytes(10_000) + b"</x>"}))
    for at in range(len(data) - 4):
        if data[at : at + 4] == (10_007).to_bytes(4, "little"):
            data[at : at + 4] = (10).to_bytes(4, "little")
    assert "damaged" in reason(bytes(data), "a.docx")


def test_a_sheet_with_a_stray_cell_far_out_does_not_fill_the_memory():
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
        '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>b</t></is></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(DATA / "ships.xlsx") as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["xl/worksheets/sheet1.xml"] = sheet.encode()
    assert "too many cells" in reason(package(parts), "a.xlsx")
    assert read("ships.xlsx").text


def test_a_parser_that_crashes_or_hangs_costs_one_file_only(monkeypatch):
    assert read("almen.docx").text
    child = apart._parser._child
    assert child
    child._process.kill()
    assert "its parser stopped" in reason((DATA / "almen.docx").read_bytes(), "a.docx")
    assert read("almen.docx").text
    monkeypatch.setattr(apart, "LONGEST_S", 0.0)
    assert "takes longer" in reason((DATA / "almen.docx").read_bytes(), "a.docx")
    monkeypatch.undo()
    assert read("almen.docx").text


def test_a_script_that_reads_documents_leaves_no_process_behind():
    code = (
        "from pathlib import Path; from rag.documents import isolation, read_document;"
        f"read_document(Path({str(DATA / 'almen.docx')!r}).read_bytes(), 'a.docx');"
        "print(isolation._parser._child._process.pid)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert not Path(f"/proc/{pid}").exists()


def pdf(*lines: str) -> bytes:
    return pdf_pages([list(lines)])


def pdf_pages(pages: list[list[str]]) -> bytes:
    """A PDF with these lines: the first line of a page at its top, the others below each other, as by hand."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        heights = [800 - 14 * n for n in range(len(lines))] if len(pages) == 1 else [800, 400, 30]
        shown = "".join(f"BT /F1 11 Tf 50 {y} Td ({line}) Tj ET\n" for y, line in zip(heights, lines, strict=True))
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}endstream")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body = "%PDF-1.4\n" + "".join(f"{n} 0 obj\n{text}\nendobj\n" for n, text in enumerate(objects, 1))
    return (body + "trailer << /Root 1 0 R >>\n%%EOF\n").encode("latin-1")


def joined(*files: bytes) -> bytes:
    """The pages of several PDFs in one."""
    import pypdfium2

    whole = pypdfium2.PdfDocument.new()
    for data in files:
        whole.import_pages(pypdfium2.PdfDocument(data))
    result = io.BytesIO()
    whole.save(result)
    return result.getvalue()
