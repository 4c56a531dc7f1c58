"""PDFs as their authors wrote them: each with the faults that readers make of it, and the right words."""

import io
import itertools

import pytest
from pdfs import Mark, Rule, Words, drawn, lines, table
from PIL import Image

from rag.documents import read_document
from rag.documents.chunks import chunk_document
from rag.documents.pdf import lay_out
from rag.documents.pdf_boxes import boxes, page_png
from rag.documents.pdf_text import opened
from rag.documents.sentences import sentences_of
from rag.errors import ReadError
from rag.types import Document

XS = (60, 160, 260, 360)


def read(pages: list[list[Mark]], **how: object) -> Document:
    return read_document(drawn(pages, **how), "a.pdf")  # type: ignore[arg-type]


def rows(document: Document) -> list[str]:
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == "row"]


def quotable(document: Document) -> list[str]:
    return [document.text[s.start : s.end] for s in sentences_of(document.text, document.blocks)]


def test_rows_that_differ_in_digits_alone_are_no_margins_of_a_pdf():
    number = itertools.count(1)
    pages = [
        [*lines([f"Motion {n} was carried with {30 + n} votes." for n in itertools.islice(number, 20)], step=34)]
        for _ in range(3)
    ]
    for n, page in enumerate(pages, 1):
        page.append(Words(280, 30, f"Page {n} of 3", 8))
    document = read(pages)
    assert quotable(document) == [f"Motion {n} was carried with {30 + n} votes." for n in range(1, 61)]
    assert document.left_out == (("page margins", 3),)


def test_a_head_of_columns_that_a_pdf_repeats_on_every_page_names_the_columns_of_all():
    head = ("Date", "Purpose", "Amount", "Balance")
    pages = [
        table(
            [head, *((f"{d:02}.0{m}.2024", f"Payment {m}{d:02}", "40.20", "9000.00") for d in range(1, 29))],
            XS,
            780,
            24,
            1,
        )
        for m in (1, 2, 3)
    ]
    assert rows(read(pages))[28] == "Date: 01.02.2024; Purpose: Payment 201; Amount: 40.20; Balance: 9000.00"
    assert len(rows(read(pages))) == 84


def test_raised_marks_of_a_pdf_stand_apart_from_numbers():
    text = "The plant employs 320"
    page = [
        Words(60, 700, text),
        Words(158.4, 700, "1", 6, rise=4),
        Words(166, 700, "people and produces 45"),
        Words(269.4, 700, "2", 6, rise=4),
        Words(276, 700, "tonnes on 20 m"),
        Words(345, 700, "2", 6, rise=4),
    ]
    words = read([page]).text.split()
    assert "320" in words and "45" in words and "3201" not in words


@pytest.mark.parametrize("across", [True, False], ids=["drawn line by line", "drawn column by column"])
def test_two_columns_of_a_pdf_are_read_one_after_the_other(across):
    left = "The northern dam was built in|1952 and holds back twelve|million cubic metres of water.|It feeds the mill canal.".split(
        "|"
    )
    right = "The southern dam dates from|1968 and is much smaller. It|holds four million cubic metres|and serves only the saw mill.".split(
        "|"
    )
    both = [lines(left), lines(right, x=320)]
    page = [mark for pair in zip(*both, strict=True) for mark in pair] if across else both[0] + both[1]
    assert read([page]).text.split("\n\n") == [" ".join(left), " ".join(right)]


def test_prose_and_a_footer_below_a_table_of_a_pdf_are_not_its_rows():
    page = [
        *table(
            [("Permission", "Staff"), ("Open the sluice", "yes"), ("Change the gauge", "no")], (60, 260), 700, bold=1
        ),
        *lines(["The sluice log         of the year 1999 is kept in the mill."], y=600),
        Words(60, 40, "Chapter 1. Working the sluice", 8),
        Words(520, 40, "11", 8),
    ]
    document = read([page])
    assert rows(document) == ["Permission: Open the sluice; Staff: yes", "Permission: Change the gauge; Staff: no"]
    assert "of the year 1999 is kept in the mill." in document.text


def test_the_contents_of_a_pdf_are_not_quoted_and_its_pages_have_the_numbers_printed_on_them():
    pages: list[list[Mark]] = [
        [Words(60, 780, "Preface", 16, True), *lines(["This handbook was written for the staff of Grell."], y=740)],
        [Words(60, 780, "Contents", 16, True), *lines(["Rules ........ 1", "Penalties ........ 2"], y=740)],
        [Words(60, 780, "Rules", 16, True), *lines(["Anchoring in the inner basin is forbidden at night."], y=740)],
        [Words(60, 780, "Penalties", 16, True), *lines(["Whoever anchors there pays a fine of 400 crowns."], y=740)],
    ]
    document = read(pages, labels="0 << /S /r >> 2 << /S /D >>")
    assert document.page_labels == ("i", "ii", "1", "2")
    assert ("contents pages", 1) in document.left_out
    assert not any("....." in quote for quote in quotable(document))
    (fine,) = (c for c in chunk_document(document, 256) if "400 crowns" in c.text)
    assert (fine.page_at(fine.end - 1), fine.page_label_at(fine.end - 1)) == (4, "2")


def test_contents_without_dots_are_known_by_the_headings_they_name():
    names = ["Rules of the house", "Fees and fines", "Opening hours"]
    front: list[Mark] = [Words(60, 780, "Handbook", 18, True)]
    front += table([(name, str(n)) for n, name in enumerate(names, 2)], (60, 480), 740, 16)
    pages = [front, *([Words(60, 780, n, 14, True), *lines([f"This is said about {n}."], y=750)] for n in names)]
    assert quotable(read(pages)) == [f"This is said about {name}." for name in names]


def test_the_cells_of_a_sparse_table_in_a_pdf_stay_under_their_heads():
    cells = [
        ("Article", "Shelf", "Expected", "Counted"),
        ("Rope", "A1", "40", "38"),
        ("Lamp", "B4", "", "12"),
        ("Crate", "", "75", "75"),
        ("Sail", "C2", "9", ""),
    ]
    assert rows(read([table(cells, XS, 700, bold=1)])) == [
        "Article: Rope; Shelf: A1; Expected: 40; Counted: 38",
        "Article: Lamp; Shelf: B4; Counted: 12",
        "Article: Crate; Expected: 75; Counted: 75",
        "Article: Sail; Shelf: C2; Expected: 9",
    ]


def test_wrapped_cells_of_a_pdf_belong_to_their_row():
    page: list[Mark] = table([("Course", "Teacher", "Day", "Fee")], XS, 740, bold=1)
    page += table([("Pottery", "Ada Moll", "Monday", "40"), ("for beginners", "", "", "")], XS, 720, 12)
    page += table([("Sailing", "Ben Orr", "Friday", "90")], XS, 688)
    page += table([("Reading old", "Cleo Vane", "Sunday", "15"), ("handwriting", "", "and holidays", "")], XS, 668, 12)
    assert rows(read([page])) == [
        "Course: Pottery for beginners; Teacher: Ada Moll; Day: Monday; Fee: 40",
        "Course: Sailing; Teacher: Ben Orr; Day: Friday; Fee: 90",
        "Course: Reading old handwriting; Teacher: Cleo Vane; Day: Sunday and holidays; Fee: 15",
    ]


def test_rules_part_the_cells_of_a_table_in_a_pdf_whatever_is_written_in_them():
    page: list[Mark] = table([("Team", "2023", "", "2024"), ("", "Won", "Lost", "Won")], (60, 160, 210, 260), 704, 20)
    page += table([("Orle", "5", "3", "7"), ("Grell", "2", "6", "4")], (60, 160, 210, 260), 664, 20)
    page += [Rule(50, y, 300, y) for y in (720, 680, 660, 640)] + [Rule(150, 700, 300, 700)]
    page += [Rule(x, 720, x, 640) for x in (50, 150, 250, 300)] + [Rule(200, 700, 200, 640)]
    assert rows(read([page])) == [
        "Team: Orle; 2023 Won: 5; 2023 Lost: 3; 2024 Won: 7",
        "Team: Grell; 2023 Won: 2; 2023 Lost: 6; 2024 Won: 4",
    ]


@pytest.mark.parametrize("ruled", [True, False])
def test_a_form_in_a_pdf_says_each_thing_beside_its_name(ruled):
    page = table([("Borrower", "Corin Dale"), ("Principal", "250,000 euros"), ("Term", "12 years")], (60, 160), 700, 20)
    if ruled:
        page += [Rule(50, y, 300, y) for y in (716, 696, 676, 656)] + [Rule(x, 716, x, 656) for x in (50, 150, 300)]
    assert rows(read([page])) == ["Borrower: Corin Dale", "Principal: 250,000 euros", "Term: 12 years"]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_is_turned_with_its_text_is_read_from_its_first_line(turn):
    text = ["The rotated page says that the east gate closes at ten.", "It opens again at five."]
    document = read([[Words(60, 780, "Rotated", 14, True), *lines(text, y=750)]], rotate=turn)
    assert document.text == "Rotated\n\n" + " ".join(text)
    assert document.blocks[0].kind == "heading"


@pytest.mark.parametrize("turn", [0, 90])
def test_the_boxes_of_words_are_where_they_are_on_the_page_as_it_is_shown(turn):
    data = drawn([lines(["The east gate closes at ten.", "It opens again at five."], y=700)], rotate=turn)
    with opened(data, "a.pdf") as pdf:
        layout = lay_out(pdf, data, "a.pdf")
        start = layout.document.text.index("It opens")
        (box,) = boxes(pdf[0], 1, layout.origins[start : start + 8])
    x, y, long = 60 / 595, 1 - 686 / 842, 36 / 595
    place = (x, y, x + long) if turn == 0 else (686 / 842, x, 686 / 842 + 10 / 842)
    found = (box.left, box.bottom, box.right) if turn == 0 else (box.left, box.top, box.right)
    assert found == pytest.approx(place, abs=0.02)
    marked = Image.open(io.BytesIO(page_png(data, "a.pdf", 1, (start, start + 8), layout.document.sha256)))
    yellow = [pixel for pixel in marked.get_flattened_data() if pixel == (255, 214, 0)]
    assert yellow and len(yellow) < 0.01 * marked.width * marked.height
    with pytest.raises(ReadError, match="there is no page 2"):
        page_png(data, "a.pdf", 2)
