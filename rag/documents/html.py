"""HTML, parsed by lxml, without scripts, navigation and forms; only the main part where a page marks it."""

import codecs
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.documents.draft import Draft
from rag.errors import ReadError
from rag.types import BlockKind, Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

SKIPPED = {
    "script", "style", "noscript", "template", "nav", "form", "button", "select", "svg", "math", "iframe", "object",
    "head", "aside", "audio", "video", "canvas", "dialog", "menu", "footer", "title",
}  # fmt: skip
# Elements that stand within a line; every other one begins a new block.
INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "input", "ins", "kbd", "label", "mark", "q", "ruby", "rt", "rp", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
}  # fmt: skip
KINDS: dict[str, tuple[BlockKind, int]] = {f"h{level}": ("heading", level) for level in range(1, 7)}
KINDS["li"] = ("item", 0)
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
SPACE = re.compile(r"[ \t\r\n\f]+")
LINE_BREAK = "\u2028"
CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"'\s]*([\w-]{2,30})", re.IGNORECASE)
# A part that is marked as the main one and holds less than this share of the text is not trusted to be.
MAIN_SHARE = 0.25
LONGEST_LINK = 120
# What has more zero bytes than this share is no text.
NULS = 0.001


def read_html(data: bytes, name: str) -> Iterator[Document]:
    """A web page saved as a file, in the encoding it names, else UTF-8."""
    root = parse(data, name)
    draft = Draft()
    title = next((SPACE.sub(" ", element.text or "") for element in root.iter("title")), "")
    if next(root.iter("h1"), None) is None:
        draft.add(title, "heading", 1)
    walk(main_part(root), draft)
    yield draft.document(name)


def parse(data: bytes, name: str) -> "Element":
    """The root element. Raises ReadError when there is none."""
    from lxml import etree

    marked = any(data.startswith(mark) for mark, _ in MARKS)
    if not marked and data.count(0) > NULS * len(data):
        raise ReadError(f"{name} holds binary data, not HTML.")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = etree.fromstring(_in_utf8(data), parser)
    except etree.LxmlError:
        root = None
    if root is None:
        raise ReadError(f"{name} is not HTML.")
    return root


def main_part(root: "Element") -> "Element":
    """What the page marks as its main part, or else all of it."""
    whole = _length(root)
    for element in root.iter("main", "article", "div", "section"):
        marked = element.tag in ("main", "article") or element.get("role") == "main"
        if marked and _length(element) >= MAIN_SHARE * whole:
            return element
    return root


def _length(element: "Element") -> int:
    return sum(len(piece) for piece in element.itertext())


def _in_utf8(data: bytes) -> bytes:
    """The bytes of a page as UTF-8, whatever it is in: by its mark, its own word, or trying."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace").encode()
    named = CHARSET.search(data[:4096])
    for encoding in (named[1].decode() if named else "utf-8", "utf-8", "cp1252"):
        try:
            return data.decode(encoding).encode()
        except (UnicodeError, LookupError):
            continue
    return data


def walk(root: "Element", draft: Draft, deeper: int = 0) -> None:
    """Add the blocks below `root` to the draft, headings `deeper` levels down."""
    from lxml import etree

    page = _Walk(draft, deeper)
    steps = etree.iterwalk(root, events=("start", "end"))
    for event, element in steps:
        if event == "start":
            if not page.enters(element):
                page.skipped.add(element)
                steps.skip_subtree()
        else:
            page.leaves(element, element is root)
    page.flush()


class _Walk:
    """Where a walk through a page stands: the text since the last block, and what kind of block it belongs to."""

    def __init__(self, draft: Draft, deeper: int) -> None:
        self.skipped: set[Element] = set()
        self._draft, self._deeper = draft, deeper
        self._text: list[str] = []
        self._kinds: list[tuple[BlockKind, int]] = [("prose", 0)]
        self._preformatted = 0
        self._in_link = self._linked = 0

    def enters(self, element: "Element") -> bool:
        """Take in the element's own text; False when it is to be passed over with all that is in it."""
        tag = str(element.tag)
        if tag in SKIPPED or _is_hidden(element) or _is_note_mark(element):
            return False
        if tag == "table" and (rows := _data_table(element)):
            self.flush()
            self._draft.table(rows, has_head=element.find(".//th") is not None and len(rows[0]) > 1)
            return False
        if tag == "br":
            self._text.append(LINE_BREAK)
        elif tag not in INLINE:
            self.flush()
            self._kinds.append(KINDS.get(tag, self._kinds[-1]))
            self._preformatted += tag == "pre"
        self._in_link += tag == "a"
        self._take(element.text)
        return True

    def leaves(self, element: "Element", last: bool) -> None:
        """Close what the element opened, and take in the text after it."""
        tag = str(element.tag)
        if element in self.skipped:
            self.skipped.discard(element)
        else:
            self._in_link -= tag == "a"
            if tag not in INLINE and tag != "br":
                self.flush()
                self._kinds.pop()
                self._preformatted -= tag == "pre"
        if not last:
            self._take(element.tail)

    def flush(self) -> None:
        """Add the text since the last block as a block of its own; the lines of a program are items."""
        text, self._text = "".join(self._text), []
        linked, self._linked = self._linked, 0
        kind, level = self._kinds[-1]
        if self._preformatted:
            for line in text.splitlines():
                self._draft.add(line, "item")
            return
        lines = [SPACE.sub(" ", line).strip() for line in text.split(LINE_BREAK)]
        text = "\n".join(filter(None, lines))
        if kind == "item" and linked >= len(text) and len(text) <= LONGEST_LINK and not self._draft.in_list:
            kind = "link"
        if kind == "heading":
            text, level = text.replace("\n", " "), level + self._deeper
        self._draft.add(text, kind, level)

    def _take(self, text: str | None) -> None:
        if text:
            self._text.append(text)
            if self._in_link:
                self._linked += len(SPACE.sub(" ", text))


def _is_hidden(element: "Element") -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return element.get("hidden") is not None or element.get("aria-hidden") == "true" or "display:none" in style


def _is_note_mark(element: "Element") -> bool:
    """Whether it is the raised number of a footnote, which would stick to the word before it."""
    return element.tag == "sup" and len(element) == 1 and element[0].tag == "a" and not (element.text or "").strip()


def _data_table(table: "Element") -> list[list[str]] | None:
    """The cells of a table that holds data; None for one that only lays out a page."""
    if table.find(".//table") is not None or table.get("role") == "presentation":
        return None
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    rows = [["".join(map(str, cell.itertext())) for cell in row] for row in cells if row]
    if len(rows) < 2 or max(map(len, rows)) < 2:
        return None
    return rows
