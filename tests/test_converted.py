"""What authors wrote is what is read: tables by row, formulas, numbers, encodings; and what is not read is counted."""

import io
import zipfile

import pptx
import pytest
import xlsxwriter
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from rag.documents import read_document, read_documents
from rag.documents.sentences import sentences_of
from rag.types import Document

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"


def lines(data: bytes | str, name: str) -> list[str]:
    document = read_document(data.encode() if isinstance(data, str) else data, name)
    return [line for line in document.text.splitlines() if line]


def left_out(data: bytes | str, name: str) -> dict[str, int]:
    return dict(read_document(data.encode() if isinstance(data, str) else data, name).left_out)


def word(body: str, space: str = W, **parts: str) -> bytes:
    """A Word document of this body, with more parts such as `numbering` or `styles`."""
    office = "http://purl.oclc.org/ooxml/officeDocument" if space == STRICT else ""
    office = office or "http://schemas.openxmlformats.org/officeDocument/2006"
    links = "".join(
        f'<Relationship Id="r{n}" Type="{office}/relationships/{kind.rstrip("123")}" Target="{kind}.xml"/>'
        for n, kind in enumerate(parts)
    )
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    head = f'xmlns:w="{space}" xmlns:m="{M}"'
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations.format(
            f'<Relationship Id="r" Type="{office}/relationships/officeDocument" Target="word/document.xml"/>'
        ),
        "word/_rels/document.xml.rels": relations.format(links),
        "word/document.xml": f"<w:document {head}><w:body>{body}</w:body></w:document>",
        **{
            f"word/{kind}.xml": content.replace("<w:", "<w:", 1).replace(">", f" {head}>", 1)
            for kind, content in parts.items()
        },
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return data.getvalue()


def p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>"


def tr(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>" + "".join(f"<w:tc>{cell}</w:tc>" for cell in cells) + "</w:tr>"


def workbook(write, name: str = "a.xlsx") -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        write(book)
    return data.getvalue()


def deck(fill) -> bytes:
    presentation = pptx.Presentation()
    fill(presentation)
    data = io.BytesIO()
    presentation.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("<table><tr><th>Drug<th>Dose<tr><td>Orvil<td>15<br>40</table>", "Drug: Orvil; Dose: 15 40"),
        ("<table><tr><th>Drug<th>Note<tr><td>Orvil<td><p>dawn</p><p>dusk</p></table>", "Drug: Orvil; Note: dawn dusk"),
        ("<table><tr><th>Drug<th>Note<tr><td>Orvil<td><ul><li>a</li><li>b</li></ul></table>", "Drug: Orvil; Note: a b"),
        ("<p>The limit is 300<sup>4</sup> mg.", "The limit is 300 [4] mg."),
        ("<p>About 6 × 10<sup>23</sup> of them in 3 m<sup>2</sup>.", "About 6 × 10²³ of them in 3 m²."),
        ("<p>On the 1<sup>st</sup> of May.", "On the 1st of May."),
        ("<dl><dt>Mass<dd>420 grams<dt>Colour<dd>red</dl>", "Mass: 420 grams"),
        ("<p>Take <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math> of it.", "Take 1/2 of it."),
        ("<aside><p>Never open the lid.</aside><p>Text.", "Never open the lid."),
        ("<body><form action=x><h1>Rules</h1><p>Park here.<input value=no><button>Go</button></form>", "Park here."),
        ("<article><p>One is here.</article><article><p>Two is here.</article>", "Two is here."),
    ],
)
def test_a_web_page_keeps_its_words_apart_and_whole(page, line):
    assert line in lines(page, "a.html")


FORMS = [
    ("a.csv", "Owner,Mira Holt\nHeight,16 m\nMass,23 t\n"),
    ("a.csv", "Owner;Mira Holt\nAge;34\nHeight;16 m\nMass;23 t\n"),
    ("a.html", "<table><tr><td>Owner<td>Mira Holt<tr><td>Age<td>34<tr><td>Mass<td>23 t</table>"),
    ("a.html", "<table><tr><th>Owner<td>Mira Holt<tr><th>Age<td>34<tr><th>Mass<td>23</table>"),
    ("a.html", "<table><tr><td>Owner:<td>Mira Holt<td>Port:<td>Lund<tr><td>Age:<td>34<td>Mass:<td>23 t</table>"),
    ("a.html", "<table><tr><td>Owner<td>Mira Holt<td>Port<td>Lund<tr><td>Age<td>34<td>Mass<td>23 t</table>"),
    ("a.docx", word("<w:tbl>" + tr(p("Owner"), p("Mira Holt")) + tr(p("Mass"), p("23 t")) + "</w:tbl>")),
]


@pytest.mark.parametrize(("name", "data"), FORMS)
def test_the_first_pair_of_a_form_is_a_statement_not_its_head(name, data):
    text = "; ".join(lines(data, name))
    assert text.startswith("Owner: Mira Holt")
    assert "Mass: 23" in text


@pytest.mark.parametrize(
    ("name", "data", "row"),
    [
        ("a.csv", "Port report,,\nPrinted,2024-05-01,\n,,\nShip,Built,Length\nTern,1990,12\nPetrel,1931,55\n", "Ship: Tern; Built: 1990; Length: 12"),
        ("a.csv", "Town,People\nLund,90000\nMalm,3000\nOster,400\n", "Town: Lund; People: 90000"),
        ("a.csv", "Year,Tonnes\n2021,41\n2022,37\n", "Year: 2021; Tonnes: 41"),
        ("a.csv", "Crop,2021,2022\nRye,41,37\nOats,9,12\n", "Crop: Rye; 2021: 41; 2022: 37"),
        ("a.csv", "Ward,Day,,Night,\n,Nurses,Doctors,Nurses,Doctors\nElm,11,4,5,1\nAsh,14,6,8,2\n", "Ward: Elm; Day Nurses: 11; Day Doctors: 4; Night Nurses: 5; Night Doctors: 1"),
        ("a.html", "<table><tr><th rowspan=2>Route<th colspan=2>Child<tr><th>Single<th>Return<tr><td>Lund<td>7<td>12</table>", "Route: Lund; Child Single: 7; Child Return: 12"),
        ("a.html", "<table><tr><th>Deck<th>Who<th>Rooms<tr><td rowspan=2>Upper<td>Anna<td>4<tr><td>Paul<td>8</table>", "Deck: Upper; Who: Paul; Rooms: 8"),
        ("a.html", "<table><tr><th>Part<th>Weekday<th>Saturday<tr><td>Garden<td colspan=2>8 to 19</table>", "Part: Garden; Weekday: 8 to 19; Saturday: 8 to 19"),
    ],
)  # fmt: skip
def test_a_row_names_its_columns_whatever_stands_above_and_is_merged(name, data, row):
    document = read_document(data.encode(), name)
    quotes = [document.text[s.start : s.end] for s in sentences_of(document.text, document.blocks)]
    assert row in quotes


def test_merged_cells_of_word_stand_in_every_row_and_column_that_they_cover():
    span, down, on = (
        "<w:tcPr><w:gridSpan w:val='2'/></w:tcPr>",
        "<w:tcPr><w:vMerge w:val='restart'/></w:tcPr>",
        "<w:tcPr><w:vMerge/></w:tcPr>",
    )
    table = (
        "<w:tbl>"
        + tr(down + p("Unit"), span + p("2023"))
        + tr(on + p(""), p("Planned"), p("Spent"))
        + tr(p("Archive"), p("120"), p("131"))
        + "</w:tbl>"
    )
    assert lines(word(table), "a.docx") == ["Unit: Archive; 2023 Planned: 120; 2023 Spent: 131"]


def test_word_is_read_after_its_changes_with_its_numbers_and_formulas():
    numbering = (
        "<w:numbering><w:abstractNum w:abstractNumId='0'>"
        "<w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.'/></w:lvl>"
        "<w:lvl w:ilvl='1'><w:start w:val='1'/><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='(%2)'/></w:lvl>"
        "</w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num></w:numbering>"
    )
    at = "<w:numPr><w:ilvl w:val='{}'/><w:numId w:val='1'/></w:numPr>".format
    fraction = (
        "<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
    )
    hidden = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Secret 99.</w:t></w:r><w:r><w:t>Seen.</w:t></w:r></w:p>"
    raised = "<w:p><w:r><w:t>Rome has 320</w:t></w:r><w:r><w:rPr><w:vertAlign w:val='superscript'/></w:rPr><w:t>1</w:t></w:r><w:r><w:t> people.</w:t></w:r></w:p>"
    table = "<w:tbl>" + tr(p("Boat"), p("Price"), p("Since")) + tr(p("Tern"), p("30"), p("2019"))
    table += tr(p("Sauna"), p("75"), p("2021"), properties="<w:del w:id='1' w:author='a'/>") + "</w:tbl>"
    body = p("Keep the garden.", at(0)) + p("By day.", at(1)) + p("By night.", at(1)) + p("Repair the roof.", at(0))
    body += f"<w:p><w:r><w:t xml:space='preserve'>Take </w:t></w:r>{fraction}<w:r><w:t xml:space='preserve'> of it.</w:t></w:r></w:p>"
    document = word(
        body + hidden + raised + table, numbering=numbering, header1="<w:hdr>" + p("Contract 5512") + "</w:hdr>"
    )
    assert lines(document, "a.docx") == [
        "1. Keep the garden.", "(a) By day.", "(b) By night.", "2. Repair the roof.", "Take 1/2 of it.", "Seen.",
        "Rome has 320 [1] people.", "Boat: Tern; Price: 30; Since: 2019", "Contract 5512",
    ]  # fmt: skip
    assert left_out(document, "a.docx") == {"deleted rows": 1, "hidden passages": 1}


def test_strict_word_files_are_read():
    assert lines(word(p("The supplier delivers coal."), STRICT), "a.docx") == ["The supplier delivers coal."]


def test_a_sheet_shows_its_numbers_as_it_formats_them_and_leaves_out_what_it_hides():
    def write(book):
        sheet = book.add_worksheet("Leases")
        bold = book.add_format({"bold": True})
        for column, head in enumerate(("House", "Let", "Rent", "Ends", "Ratio", "Secret")):
            sheet.write(0, column, head, bold)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write(1, 0, "Quay")
        sheet.write(1, 1, 0.875, book.add_format({"num_format": "0.0%"}))
        sheet.write(1, 2, 12500.5, book.add_format({"num_format": '#,##0.00 "EUR"'}))
        sheet.write(1, 3, 46450, day)
        sheet.write(1, 4, 0.1 + 0.2)
        sheet.write(1, 5, "x")
        sheet.write(2, 0, "Mill")
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(5, 5, None, None, {"hidden": True})
        book.add_worksheet("Old").hide()
        top = book.add_worksheet("Staff")
        top.merge_range(0, 1, 0, 2, "Day")
        for row, cells in enumerate((("Ward",), ("", "Nurses", "Doctors"), ("Elm", 11, 4))):
            for column, cell in enumerate(cells):
                if cell != "":
                    top.write(row, column, cell)

    data = workbook(write)
    assert lines(data, "a.xlsx") == [
        "Leases",
        "House: Quay; Let: 87.5%; Rent: 12,500.50 EUR; Ends: 2027-03-04; Ratio: 0.3",
        "Staff",
        "Ward: Elm; Day Nurses: 11; Day Doctors: 4",
    ]
    assert left_out(data, "a.xlsx") == {"hidden columns": 1, "hidden rows": 1, "hidden sheets": 1}


def test_one_odd_shape_costs_nothing_else_and_a_chart_is_read_by_its_figures():
    def fill(presentation):
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = "Harvest"
        figures = CategoryChartData()
        figures.categories = ["2021", "2022"]
        figures.add_series("Tonnes", (41, 37))
        slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, Inches(2), Inches(4), Inches(3), figures)
        box = slide.shapes.add_textbox(0, Inches(5), Inches(4), Inches(1))
        box.text_frame.text = "Seven people work here."
        empty = slide.shapes.add_textbox(0, Inches(6), Inches(4), Inches(1))._element
        empty.spPr.clear()
        empty.nvSpPr.cNvSpPr.attrib.pop("txBox", None)
        hidden = presentation.slides.add_slide(presentation.slide_layouts[5])
        hidden.shapes.title.text = "Draft"
        hidden._element.set("show", "0")

    data = deck(fill)
    assert lines(data, "a.pptx") == ["Harvest", "2021; Tonnes: 41", "2022; Tonnes: 37", "Seven people work here."]
    assert left_out(data, "a.pptx") == {"hidden slides": 1}


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_separators_of_unicode_do_not_end_a_sentence_within_it(mark):
    document = read_document(f"The bridge of{mark}Tistedal weighs 40 tonnes. It was built in 1921.\n".encode(), "a.txt")
    quotes = [document.text[s.start : s.end] for s in sentences_of(document.text, document.blocks)]
    assert quotes == [f"The bridge of{mark}Tistedal weighs 40 tonnes.", "It was built in 1921."]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16", "a.txt"), ("utf-16-be", "a.txt"), ("cp1252", "a.csv"), ("cp1252", "a.md"), ("cp1251", "a.txt")],
)
def test_text_in_another_encoding_is_read_with_a_note_where_it_was_a_guess(encoding, name):
    text = "Мост держит сорок тонн." if encoding == "cp1251" else "Das Tor in Köln schließt um neun."
    (document,) = read_documents(text.encode(encoding), name)
    assert isinstance(document, Document)
    assert document.text == text
    assert bool(document.notes) is (encoding != "utf-16")


def test_a_numbered_clause_is_quoted_alone_and_with_its_number():
    lists = "<w:numbering><w:abstractNum w:abstractNumId='0'><w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='upperRoman'/><w:lvlText w:val='§ %1.'/></w:lvl></w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num></w:numbering>"
    at = "<w:numPr><w:ilvl w:val='0'/><w:numId w:val='1'/></w:numPr>"
    for form, marks in (("§ %1.", ("§ I.", "§ II.")), ("%1.", ("I.", "II."))):
        data = word(p("Keep the garden.", at) + p("Repair the roof.", at), numbering=lists.replace("§ %1.", form))
        document = read_document(data, "a.docx")
        sentences = sentences_of(document.text, document.blocks)
        quotes = [document.text[s.start : s.end] for s in sentences]
        assert quotes == [f"{marks[0]} Keep the garden.", f"{marks[1]} Repair the roof."]
        assert len({s.unit for s in sentences}) == 2
