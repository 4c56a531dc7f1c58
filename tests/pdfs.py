"""Small PDFs as people's programs write them: words at places, in Helvetica, and rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Text at a place, counted from the lower left corner of an A4 page."""

    x: float
    y: float
    text: str
    size: float = 10
    bold: bool = False
    rise: float = 0


@dataclass(frozen=True)
class Rule:
    """A line from place to place."""

    x1: float
    y1: float
    x2: float
    y2: float


Mark = Words | Rule


def lines(texts: Sequence[str], x: float = 60, y: float = 780, step: float = 14, size: float = 10) -> list[Mark]:
    """Texts below each other."""
    return [Words(x, y - step * n, text, size) for n, text in enumerate(texts)]


def table(rows: Iterable[Sequence[str]], xs: Sequence[float], y: float, step: float = 18, bold: int = 0) -> list[Mark]:
    """Cells at these places, empty ones left out; so many of the first rows in bold type."""
    return [
        Words(x, y - step * n, text, bold=n < bold)
        for n, row in enumerate(rows)
        for x, text in zip(xs, row, strict=True)
        if text
    ]


def drawn(pages: Sequence[Sequence[Mark]], labels: str = "", rotate: int = 0) -> bytes:
    """A PDF of these pages. `labels` is the /Nums of its /PageLabels; `rotate` turns every page, not its content."""
    numbers = f"/PageLabels << /Nums [{labels}] >>" if labels else ""
    fonts = [f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica{bold} >>" for bold in ("", "-Bold")]
    objects = [f"<< /Type /Catalog /Pages 2 0 R {numbers} >>", "", *fonts]
    kids = []
    for page in pages:
        shown = "".join(map(_operators, page))
        objects.append(f"<< /Length {len(shown)} >>\nstream\n{shown}endstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate {rotate} /Resources << /Font "
            f"<< /F0 3 0 R /F1 4 0 R >> >> /Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body = "%PDF-1.4\n" + "".join(f"{n} 0 obj\n{text}\nendobj\n" for n, text in enumerate(objects, 1))
    return (body + "trailer << /Root 1 0 R >>\n%%EOF\n").encode("latin-1")


def _operators(mark: Mark) -> str:
    if isinstance(mark, Rule):
        return f"0.5 w {mark.x1} {mark.y1} m {mark.x2} {mark.y2} l S\n"
    return f"BT /F{int(mark.bold)} {mark.size} Tf {mark.x} {mark.y} Td {mark.rise} Ts ({mark.text}) Tj ET\n"
