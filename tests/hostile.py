"""Files made to break a reader: corrupted, cut short, deeply nested, and small ones that unfold to fill a memory."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"
WHOLE = {
    ".docx": "almen.docx",
    ".pptx": "slides.pptx",
    ".xlsx": "ships.xlsx",
    ".epub": "almen.epub",
    ".pdf": "almen_chromium.pdf",
}
MAIN = {
    ".docx": "word/document.xml",
    ".pptx": "ppt/presentation.xml",
    ".xlsx": "xl/worksheets/sheet1.xml",
    ".epub": "META-INF/container.xml",
}
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'ha'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    + "]><x>&j;</x>"
).encode()


def hostile_files() -> Iterator[tuple[str, bytes]]:
    """Names and bytes; of none of them can anything be read."""
    for ending, file in WHOLE.items():
        data = (DATA / file).read_bytes()
        yield f"cut{ending}", data[: len(data) // 3]
        yield f"noise{ending}", data[:8] + bytes((n * 197 + 31) % 256 for n in range(5_000))
    for ending, part in MAIN.items():
        yield f"bomb{ending}", _with(ending, part, b"<x>" + bytes(80 * 2**20) + b"</x>")
        yield f"laughs{ending}", _with(ending, part, LAUGHS)
        yield f"nested{ending}", _with(ending, part, b"<x>" * 100_000 + b"</x>" * 100_000)
        yield f"no_xml{ending}", _with(ending, part, b"this is no XML at all")
        yield f"hollow{ending}", _package({"a.txt": b"x"})
    for ending in (".txt", ".md", ".csv", ".html", ".jsonl"):
        yield f"zeros{ending}", bytes(100_000)
        yield f"gzip{ending}", gzip.compress(b"The sea rises. " * 1000)
    for ending in (".txt", ".md", ".csv", ".html"):
        yield f"endless{ending}", b"a" * 2_000_000
    yield "deep.jsonl", b"[" * 1_000_000
    yield "endless.jsonl", b'{"id": "a", "text": "' + b"a" * 2_000_000
    yield (
        "loop.pdf",
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[2 0 R]/Count 9>>endobj trailer<</Root 1 0 R>>",
    )


def _with(ending: str, part: str, content: bytes) -> bytes:
    """A good package in which one part is something else."""
    with zipfile.ZipFile(DATA / WHOLE[ending]) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    return _package(parts | {part: content})


def _package(parts: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return data.getvalue()
