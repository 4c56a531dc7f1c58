"""What a file is by its first bytes, to say so when its name says something else."""

from pathlib import Path

SIGNATURES = (
    (b"%PDF-", "a PDF file", (".pdf",)),
    (b"PK\x03\x04", "a zip package", (".docx", ".pptx", ".xlsx", ".epub")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a file of Office 97", (".docx", ".pptx", ".xlsx")),
    (b"{\\rtf", "an RTF file", ()),
    (b"\x89PNG", "a picture", ()),
    (b"\xff\xd8\xff", "a picture", ()),
    (b"GIF8", "a picture", ()),
    (b"\x1f\x8b", "a compressed file", ()),
    (b"7z\xbc\xaf", "a compressed file", ()),
    (b"SQLite format 3", "a database", ()),
    (b"\x7fELF", "a program", ()),
    (b"MZ\x90", "a program", ()),
)
# What stands in a zip package tells which kind it is.
PACKAGES = ((b"word/", ".docx"), (b"ppt/", ".pptx"), (b"xl/", ".xlsx"), (b"application/epub+zip", ".epub"))
NEEDED = {".pdf": b"%PDF-", ".docx": b"PK", ".pptx": b"PK", ".xlsx": b"PK", ".epub": b"PK"}
SEARCHED = 1024


def mismatch(data: bytes, name: str) -> str | None:
    """What is wrong with the name of a file, in words that follow it: "is a PDF file. Rename it to end in .pdf."."""
    ending = Path(name).suffix.lower()
    for signature, what, endings in SIGNATURES:
        if data.startswith(signature):
            if what == "a zip package":
                return _wrong_package(data, ending)
            if ending in endings:
                return None
            return f"is {what}, not what {ending} says. {_advice(endings)}"
    needed = NEEDED.get(ending)
    if needed and needed not in data[:SEARCHED]:
        return f"is not {'an' if ending == '.epub' else 'a'} {ending[1:].upper()} file, or it is damaged."
    return None


def _wrong_package(data: bytes, ending: str) -> str | None:
    """A package is known by the names of its parts, which stand at its end."""
    found = next((kind for mark, kind in PACKAGES if mark in data[:SEARCHED] or mark in data[-65_536:]), None)
    if found == ending or (found is None and ending in NEEDED and NEEDED[ending] == b"PK"):
        return None
    if found is None:
        return f"is a zip archive, not what {ending} says. Unpack it."
    return f"is {'an' if found == '.epub' else 'a'} {found[1:].upper()} file. Rename it to end in {found}."


def _advice(endings: tuple[str, ...]) -> str:
    return f"Rename it to end in {endings[0]}." if len(endings) == 1 else "Convert it or take it out of the folder."
