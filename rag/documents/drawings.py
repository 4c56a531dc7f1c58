"""Charts and diagrams of Word documents and slides: their data as tables, their words as a list."""

from typing import TYPE_CHECKING

from rag.documents.draft import Draft
from rag.documents.grids import Cell, cell_of
from rag.documents.numbers import as_shown

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def add_chart(chart: "Element", draft: Draft) -> None:
    """The figures that a chart shows: a row for each category, a column for each series."""
    title = "".join(text.text or "" for text in chart.iterfind(".//{*}chart/{*}title//" + A + "t"))
    draft.add(title, "prose")
    names: list[str] = []
    rows: dict[str, dict[int, str]] = {}
    for number, series in enumerate(chart.iter("{*}ser")):
        names.append("".join(e.text or "" for e in series.iterfind("{*}tx//{*}v")))
        keys = _points(series, "cat", "xVal")
        for point, value in _points(series, "val", "yVal").items():
            rows.setdefault(keys.get(point, str(int(point) + 1)), {})[number] = value
    if not rows:
        draft.leave_out("charts")
        return
    grid: list[list[Cell]] = [[cell_of(name) for name in ("", *names)]]
    grid += [
        [cell_of(text) for text in (key, *(row.get(n, "") for n in range(len(names))))] for key, row in rows.items()
    ]
    draft.table(grid, head=1)


def _points(series: "Element", *axes: str) -> dict[str, str]:
    """The values along an axis by their place, numbers as the chart's source shows them."""
    found: dict[str, str] = {}
    for axis in axes:
        for cache in series.iterfind(f"{{*}}{axis}//{{*}}numCache"):
            code = cache.findtext("{*}formatCode") or ""
            for point in cache.iterfind("{*}pt"):
                text = point.findtext("{*}v") or ""
                found[point.get("idx") or "0"] = _number(text, code)
        for point in series.iterfind(f"{{*}}{axis}//{{*}}strCache//{{*}}pt"):
            levels = found.get(point.get("idx") or "0")
            text = point.findtext("{*}v") or ""
            found[point.get("idx") or "0"] = f"{text} {levels}" if levels else text
    return found


def _number(text: str, code: str) -> str:
    try:
        return as_shown(float(text), code)
    except ValueError:
        return text


def add_diagram(data: "Element", draft: Draft) -> None:
    """The words in the boxes of a diagram."""
    for point in data.iter("{*}pt"):
        draft.add(" ".join("".join(t.text or "" for t in p.iter(A + "t")) for p in point.iter(A + "p")), "item")
