"""The report's plots, as SVG to put into a page. Text and lines take the page's colour, so they read in the dark."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.metrics import METRICS
from eval.metrics_retrieval import overlaps
from eval.summary import figure
from rag.types import JSON

# Okabe and Ito's colours, told apart by every eye; the line style tells them apart on paper.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", "-.", ":")
MARKS = "osD^vP"
INK = "#010203"
BINS = 5
LEGEND_LINE = 0.2  # inches
STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "font.family": "sans-serif", "font.size": 10,
    "svg.fonttype": "none", "svg.hashsalt": "pincite", "figure.facecolor": "none", "axes.facecolor": "none",
    "legend.frameon": False,
}  # fmt: skip

Systems = Mapping[str, Sequence[JSON]]
"""The rows of each system that a report shows, by its label."""


def by_kind(systems: Systems) -> str:
    """The share of passed cases for each kind of question, with intervals."""
    kinds = sorted({row["kind"] for rows in systems.values() for row in rows}, reverse=True)
    step = min(0.3, 0.75 / len(systems))

    def draw(axes: Axes) -> None:
        for number, (label, rows) in enumerate(systems.items()):
            for height, kind in enumerate(kinds):
                found = figure([row for row in rows if row["kind"] == kind], "correct", METRICS["correct"])
                if found["mean"] is None:
                    continue
                y = height - step * (number - (len(systems) - 1) / 2)
                if found["low"] is not None:
                    axes.plot([found["low"], found["high"]], [y, y], color=_colour(number), linewidth=1.5)
                axes.plot(found["mean"], y, MARKS[number % len(MARKS)], color=_colour(number), markersize=5)
            axes.plot([], [], MARKS[number % len(MARKS)] + "-", color=_colour(number), label=label)
        axes.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
        for between in range(1, len(kinds)):
            axes.axhline(between - 0.5, color=INK, alpha=0.12, linewidth=0.8)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.6, len(kinds) - 0.4)
        axes.set_xlabel("share of cases passed, with 95 % interval")
        axes.grid(axis="x", alpha=0.25)

    return _svg(draw, height=0.8 + len(kinds) * max(0.28, 0.13 * len(systems)), names=len(systems))


def risk_coverage(systems: Systems) -> str:
    """How often what is answered is wrong, when only the surest share is answered (El-Yaniv and Wiener, 2010)."""

    def draw(axes: Axes) -> None:
        for number, (label, rows) in enumerate(systems.items()):
            answered = [row for row in rows if row["answer"]["status"] == "answered"]
            answered.sort(key=_confidence, reverse=True)
            wrong = np.cumsum([1 - row["scores"]["correct"] for row in answered])
            if len(wrong):
                ranks = np.arange(1, len(wrong) + 1)
                axes.plot(ranks / len(rows), wrong / ranks, _line(number), color=_colour(number), label=label)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("share of the questions answered, surest first")
        axes.set_ylabel("share of these that are wrong")
        axes.grid(alpha=0.25)

    return _svg(draw, names=len(systems))


def reliability(systems: Systems) -> str:
    """Whether a statement's score, as shown to readers, says how likely its citations are right."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=INK, alpha=0.3, linewidth=1)
        for number, (label, rows) in enumerate(systems.items()):
            points = np.array([point for row in rows if row["expected"]["gold"] for point in _scored_statements(row)])
            if not len(points):
                continue
            bins = np.minimum((points[:, 0] * BINS).astype(int), BINS - 1)
            at = [
                (points[bins == b, 0].mean(), points[bins == b, 1].mean(), (bins == b).sum()) for b in sorted(set(bins))
            ]
            scores, right, counts = zip(*at, strict=True)
            axes.plot(
                scores, right, _line(number), marker=MARKS[number % len(MARKS)], color=_colour(number), label=label
            )
            for x, y, n in zip(scores, right, counts, strict=True):
                axes.annotate(f"{n}", (x, y), (3, 4), textcoords="offset points", fontsize=8)
        axes.set_xlim(-0.02, 1.05)
        axes.set_ylim(-0.02, 1.05)
        axes.set_xlabel("score of the statement, in fifths")
        axes.set_ylabel("share that cites the right words")
        axes.grid(alpha=0.25)

    return _svg(draw, names=len(systems))


def latency(systems: Systems) -> str:
    """How many answers are complete after so many seconds."""

    def draw(axes: Axes) -> None:
        for number, (label, rows) in enumerate(systems.items()):
            seconds = np.sort(
                [row["scores"]["latency_p50"] for row in rows if row["scores"]["latency_p50"] is not None]
            )
            if len(seconds):
                share = np.arange(1, len(seconds) + 1) / len(seconds)
                axes.step(seconds, share, _line(number), where="post", color=_colour(number), label=label)
        axes.set_xlim(left=0)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("seconds from question to whole answer")
        axes.set_ylabel("share of the answers")
        axes.grid(alpha=0.25)

    return _svg(draw, names=len(systems))


def _confidence(row: JSON) -> tuple[float, float]:
    """How sure the system is: its least sure statement, then its best passage."""
    statements, passages = row["answer"]["statements"], row["answer"]["passages"]
    return min(s["score"] for s in statements), max((p["score"] for p in passages), default=0.0)


def _scored_statements(row: JSON) -> list[tuple[float, float]]:
    gold = [*row["expected"]["gold"], *row["expected"].get("also", ())]
    return [
        (s["score"], float(any(overlaps(c, g["document"], g["start"], g["end"]) for c in s["citations"] for g in gold)))
        for s in row["answer"]["statements"]
    ]


def _svg(draw: Callable[[Axes], None], height: float = 3.2, names: int = 1) -> str:
    """What is drawn, as an `svg` element without a header; the same drawing gives the same text.

    Several names are explained above the drawing, where nothing is drawn over them.
    """
    with mpl.rc_context(STYLE):
        lines = (names + 1) // 2 if names > 1 else 0
        drawing = Figure(figsize=(5.2, height + LEGEND_LINE * lines), layout="constrained")
        axes = drawing.add_subplot()
        draw(axes)
        if names > 1 and axes.get_legend_handles_labels()[0]:
            drawing.legend(loc="outside upper left", fontsize=8, ncols=2)
        text = io.StringIO()
        drawing.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(
        r' id="(?:figure|axes|patch|text|xtick|ytick|line2d|matplotlib\.axis|LineCollection|legend)_\d+"', "", svg
    )
    return re.sub(
        r'<svg [^>]*?width="([\d.]+)pt"', '<svg role="img" style="width:100%;max-width:\\1pt;height:auto"', svg, count=1
    )


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _line(number: int) -> str:
    return STYLES[number % len(STYLES)]
