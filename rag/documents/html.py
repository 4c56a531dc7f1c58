"""HTML, parsed by lxml: what a page shows, without scripts, navigation and controls."""

import codecs
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.documents.blocks import has_words
from rag.documents.draft import Draft
from rag.documents.grids import Cell, cell_of, spread
from rag.documents.inline import formula, raised
from rag.documents.plain import decoded
from rag.errors import ReadError
from rag.types import BlockKind, Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

# What is passed over, and what the ingest calls it when it counts; the page's own machinery is not counted.
SKIPPED = {
    **dict.fromkeys(
        ("script", "style", "noscript", "template", "head", "title", "button", "select", "input", "textarea",
         "datalist", "dialog", "menu", "rp", "rt"), ""
    ),
    **dict.fromkeys(("img", "svg", "canvas", "picture"), "pictures"),
    **dict.fromkeys(("iframe", "object", "embed", "audio", "video"), "embedded media"),
    "nav": "navigation menus",
    "del": "deleted passages",
}  # fmt: skip
# Elements that stand within a line; every other one begins a new block.
INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em", "font", "i", "ins", "kbd",
    "label", "mark", "q", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u",
    "var", "wbr", "math", "br", *SKIPPED,
}  # fmt: skip
MACHINERY = ("script", "style", "title", "noscript", "template")
KINDS: dict[str, tuple[BlockKind, int]] = {f"h{level}": ("heading", level) for level in range(1, 7)}
KINDS["li"] = ("item", 0)
KINDS["footer"] = ("notice", 0)
SPACE = re.compile(r"[ \t\r\n\f]+")
LINE_BREAK = "\u2028"
CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"'\s]*([\w-]{2,30})", re.IGNORECASE)
# A part that is marked as the main one and holds less than this share of the text is not trusted to be.
MAIN_SHARE = 0.5
LONGEST_LINK = 120
# What has more zero bytes than this share is no text.
NULS = 0.001


def read_html(data: bytes, name: str) -> Iterator[Document]:
    """A web page saved as a file, in the encoding it names, else the likeliest."""
    root = parse(data, name)
    draft = Draft()
    title = next((SPACE.sub(" ", element.text or "") for element in root.iter("title")), "")
    said = {str(m.get("name") or m.get("property")).lower(): m.get("content") or "" for m in root.iter("meta")}
    draft.author = said.get("author") or said.get("article:author", "")
    draft.modified = said.get("article:modified_time") or said.get("last-modified", "")
    main = main_part(root)
    if next(main.iter("h1"), None) is None:
        above = next((line_of(heading, draft) for heading in root.iter("h1")), "")
        draft.add(above if has_words(above) else title, "heading", 1)
    walk(main, draft)
    draft.leave_out("words outside the page's main part", _words(root) - _words(main))
    yield draft.document(name)


def parse(data: bytes, name: str) -> "Element":
    """The root element. Raises ReadError when there is none."""
    from lxml import etree

    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not marked and data.count(0) > NULS * len(data):
        raise ReadError(f"{name} holds binary data, not HTML.")
    named = CHARSET.search(data[:4096])
    text, _ = decoded(data, name, named[1].decode() if named else "")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.LxmlError:
        root = None
    if root is None:
        raise ReadError(f"{name} is not HTML.")
    for inner in list(root.iter("dd")):  # the parser takes a definition after an unclosed one for a part of it
        outer = inner.getparent()
        if outer is not None and outer.tag == "dd":
            outer.addnext(inner)
    return root


def main_part(root: "Element") -> "Element":
    """What the page marks as its main part, or what its articles have in common, or else all of it."""
    whole = _words(root)
    for marked in (
        [e for e in root.iter() if e.tag == "main" or e.get("role") == "main"][:1],
        [e for e in root.iter("article") if next(e.iterancestors("article"), None) is None],
    ):
        if not marked:
            continue
        common = next(e for e in (marked[0], *marked[0].iterancestors()) if all(_within(other, e) for other in marked))
        if _words(common) >= MAIN_SHARE * whole:
            return common
    return root


def _within(element: "Element", outer: "Element") -> bool:
    return element is outer or any(parent is outer for parent in element.iterancestors())


def _words(root: "Element") -> int:
    """How many words an element shows, about."""
    return sum(
        (0 if element.tag in MACHINERY else len((element.text or "").split()))
        + (0 if element is root else len((element.tail or "").split()))
        for element in root.iter()
    )


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
        self._terms: list[str] = []
        self._kinds: list[tuple[BlockKind, int]] = [("prose", 0)]
        self._preformatted = 0
        self._in_link = self._linked = 0

    def enters(self, element: "Element") -> bool:
        """Take in the element's own text; False when it is to be passed over with all that is in it."""
        tag = str(element.tag)
        if (what := passed_over(element)) is not None:
            self._draft.leave_out(what, 1 if what else 0)
            return False
        if tag in ("sup", "math"):
            self._take(_mark(element, "".join(self._text)))
            return False
        if tag == "table" and (table := _data_table(element, self._draft)):
            self.flush()
            for caption in element.iter("caption"):
                self._draft.add(line_of(caption, self._draft), "prose")
            self._draft.table(*table)
            return False
        if tag == "dt" or (tag == "dd" and self._terms):
            self.flush()
            return self._defines(element)
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
            if tag not in INLINE:
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

    def _defines(self, element: "Element") -> bool:
        """A term waits for its definition, which is a row with it; one of several blocks is led in by it."""
        if element.tag == "dt":
            self._terms.append(line_of(element, self._draft))
            return False
        terms, self._terms = ", ".join(self._terms).rstrip(":"), []
        following = element.getnext()
        if following is not None and following.tag == "dd":
            self._terms = [terms]
        if all(str(child.tag) in INLINE for child in element.iterdescendants()):
            self._draft.add(f"{terms}: {line_of(element, self._draft)}", "row")
            return False
        self._draft.add(f"{terms}:", "prose")
        self._kinds.append(self._kinds[-1])
        self._take(element.text)
        return True

    def _take(self, text: str | None) -> None:
        if text:
            self._text.append(text)
            if self._in_link:
                self._linked += len(SPACE.sub(" ", text))


def passed_over(element: "Element") -> str | None:
    """What an element that is not read is called, empty for one that is not counted; None for one that is read."""
    tag = str(element.tag)
    style = (element.get("style") or "").replace(" ", "").lower()
    if tag in SKIPPED:
        return SKIPPED[tag]
    if element.get("hidden") is not None or "display:none" in style or "visibility:hidden" in style:
        return "hidden passages" if "".join(map(str, element.itertext())).strip() else ""
    return "" if element.get("aria-hidden") == "true" and tag != "math" else None


def _mark(element: "Element", before: str) -> str:
    """A formula on a line; a raised mark, but for the link to a note."""
    if element.tag == "math":
        return formula(element, before)
    if len(element) == 1 and element[0].tag == "a" and not (element.text or "").strip():
        return ""
    return raised(before, "".join(map(str, element.itertext())))


def line_of(element: "Element", draft: Draft) -> str:
    """The text of an element on one line, a space wherever the page begins a new one."""
    pieces = [element.text or ""]
    for child in element:
        tag = str(child.tag)
        if (what := passed_over(child)) is not None:
            draft.leave_out(what, 1 if what else 0)
            inner = ""
        elif tag in ("sup", "math"):
            inner = _mark(child, "".join(pieces))
        else:
            inner = line_of(child, draft)
        apart = "" if tag in INLINE - {"br"} else " "
        pieces += [apart, inner, apart, child.tail or ""]
    return SPACE.sub(" ", "".join(pieces))


def _data_table(table: "Element", draft: Draft) -> tuple[list[list[Cell]], int | None] | None:
    """The cells of a table that holds data and how many rows are its head; None for one that only lays out a page."""
    if table.find(".//table") is not None or table.get("role") == "presentation":
        return None
    rows = [row for row in table.iter("tr") if passed_over(row) is None]
    cells = [[one for one in row if one.tag in ("td", "th") and passed_over(one) is None] for row in rows]
    if len(rows) < 2 or max(map(len, cells)) < 2:
        return None
    grid = spread(
        [
            (cell_of(line_of(one, draft), one.tag == "th"), _span(one, "colspan"), _span(one, "rowspan") or len(rows))
            for one in row
        ]
        for row in cells
    )
    named = [
        next(row.iterancestors("thead"), None) is not None or (bool(ones) and all(one.tag == "th" for one in ones))
        for row, ones in zip(rows, cells, strict=True)
    ]
    marked = any(named) or table.find(".//th") is not None
    return grid, (sum(1 for _ in itertools.takewhile(bool, named)) if marked else None)


def _span(element: "Element", name: str) -> int:
    value = (element.get(name) or "1").strip()
    return int(value[:6]) if value.isdecimal() else 1
