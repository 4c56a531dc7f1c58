"""What stands within a line and is not plain text: raised marks, and formulas of Word (OMML) and the web (MathML)."""

import re
from typing import TYPE_CHECKING

from rag.documents.packages import attribute

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

RAISED = str.maketrans("0123456789+-−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾")
FIGURES = re.compile(r"[\d+−=(),;\s-]+")
# Parts of a formula that say how it looks, or say it again for another program.
UNREAD = {
    "annotation", "annotation-xml", "degHide", "del", "moveFrom",
}  # fmt: skip
RELATIONS = set("=<>≤≥≈≠+±×·→∈")


def raised(before: str, mark: str) -> str:
    """How a raised mark is written after `before`: never so that it makes another number of the one before it.

    10⁶ and m² are raised figures; a figure raised at any other number is the mark of a note.
    """
    mark = mark.strip()
    if not FIGURES.fullmatch(mark) or not before or before[-1].isspace():
        return mark
    if before[-1].isdigit() and not (before.endswith("10") and not before[:-2][-1:].isdigit()):
        return f" [{mark}]"
    return mark.translate(RAISED)


def formula(element: "Element", before: str) -> str:
    """A formula on one line, parted by a space from what stands before it: (a+b)/2, x^2, √(x)."""
    text = " ".join(_linear(element).split())
    return f" {text}" if before and before[-1].isalnum() and text else text


def _linear(element: "Element") -> str:  # noqa: PLR0912 (a table of shapes)
    if not isinstance(element.tag, str):
        return ""
    name = element.tag.rsplit("}", 1)[-1]
    if name in UNREAD or name.endswith("Pr"):
        return ""
    kept = [child for child in element if isinstance(child.tag, str) and not child.tag.endswith("Pr")]
    children = [_linear(child) for child in kept]
    parts = {child.tag.rsplit("}", 1)[-1]: text for child, text in zip(kept, children, strict=True)}
    match name, children:
        case ("f" | "mfrac", [top, bottom]):
            return f"{_grouped(top)}/{_grouped(bottom)}"
        case ("sSup" | "msup", [base, up]):
            return f"{_grouped(base)}^{_grouped(up)}"
        case ("sSub" | "msub", [base, down]):
            return f"{_grouped(base)}_{_grouped(down)}"
        case ("sSubSup" | "msubsup" | "munderover", [base, down, up]):
            return f"{base}_{_grouped(down)}^{_grouped(up)}"
        case ("nary", _):
            sign = next((attribute(e, "val") for e in element.iter("{*}chr")), "") or "∫"
            under, over = parts.get("sub", ""), parts.get("sup", "")
            return f"{sign}{under and '_' + _grouped(under)}{over and '^' + _grouped(over)} {parts.get('e', '')}"
        case ("rad", _):
            degree = parts.get("deg", "")
            return f"{degree and degree + '-'}√({parts.get('e', '')})"
        case ("mroot", [base, degree]):
            return f"{degree}-√({base})"
        case ("msqrt", _):
            return f"√({''.join(children)})"
        case ("d", _):
            return f"({', '.join(children)})"
        case ("mr" | "mtr", _):
            return " ".join(children) + "; "
        case ("mo" | "t", []):
            text = element.text or ""
            return f" {text} " if text in RELATIONS else text
        case _:
            return "".join(children) if children else (element.text or "").strip("\n")


def _grouped(text: str) -> str:
    text = text.strip()
    return text if len(text) < 2 or text.replace(".", "").isalnum() else f"({text})"
