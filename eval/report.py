"""The report: one HTML file with everything in it, to look at without anything else."""

import functools
import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from eval import charts
from eval.agreement import agreement
from eval.compare import Side, compare, corrected, p_value
from eval.metrics import METRICS, definition
from eval.metrics_retrieval import overlaps
from eval.runs import Run
from eval.summary import by_backend, detectable_of, shown, summarized
from rag.types import JSON

CAPTIONS = {
    charts.by_kind: "Score by kind of question",
    charts.risk_coverage: "Risk and coverage",
    charts.reliability: "Reliability of the shown scores (numbers: statements)",
    charts.latency: "Latency",
}
GROUPS = {
    "overall": "Overall",
    "retrieval": "Finding",
    "pointers": "Citations",
    "fidelity": "Fidelity",
    "content": "Content",
    "refusal": "Declining",
    "attack": "Attacks",
    "running": "Running",
}


def render(runs: Sequence[Run]) -> str:
    """The report on one run or on several beside each other."""
    systems = systems_of(runs)
    figures = {label: summarized(rows) for label, rows in systems.items()}
    return _template().render(
        systems=list(systems),
        cases=_cases(systems),
        kinds=sorted({row["kind"] for rows in systems.values() for row in rows}),
        groups=_groups(figures),
        comparisons=_comparisons(systems),
        detectable={label: detectable_of(rows, "correct") for label, rows in systems.items()},
        charts=[{"caption": caption, "svg": draw(systems)} for draw, caption in CAPTIONS.items()],
        judges=list(dict.fromkeys(f"{j['name']}: {j['quality']}" for run in runs for j in run.manifest["judges"])),
        agreement=[found for run in runs for found in agreement(run.rows)],
        manifests=[run.manifest for run in runs],
        definitions={name: definition(metric) for name, metric in METRICS.items()},
        metrics=METRICS,
    )


def systems_of(runs: Sequence[Run]) -> dict[str, list[JSON]]:
    """The rows of every backend of every run by a label of its own: the backend, its controls, the run if need be."""
    found: dict[str, list[JSON]] = {}
    for run in runs:
        for backend, rows in by_backend(run.rows).items():
            label = " + ".join([shown(backend), *(name.replace("_", " ") for name in run.manifest["controls"])])
            found[label if label not in found else f"{label} ({run.folder.name})"] = rows
    return found


def _groups(figures: Mapping[str, JSON]) -> list[JSON]:
    """The scoreboard: groups of metrics that apply at all, each with one figure a system, the best ones marked."""
    groups = []
    for group, title in GROUPS.items():
        lines = []
        for name, metric in METRICS.items():
            cells = [of[name] for of in figures.values()]
            if metric.group != group or all(cell["mean"] is None for cell in cells):
                continue
            best = max((metric.sign * cell["mean"] for cell in cells if cell["mean"] is not None), default=None)
            marked = [
                cell | {"best": len(cells) > 1 and cell["mean"] is not None and metric.sign * cell["mean"] == best}
                for cell in cells
            ]
            lines.append({"name": name, "cells": marked})
        if lines:
            groups.append({"title": title, "lines": lines})
    return groups


def _comparisons(systems: Mapping[str, Sequence[JSON]]) -> list[JSON]:
    """Every other system beside the first, corrected for all the tests on the page."""
    first, *others = [Side(label, rows, {}) for label, rows in systems.items()]
    compared = corrected([compare(first, other) for other in others])
    return [{"before": first.label, "after": one.after.label, "differences": one.differences} for one in compared]


def _cases(systems: Mapping[str, Sequence[JSON]]) -> list[JSON]:
    """The cases in order, each with what every system answered; of several repeats the first."""
    cases: dict[str, JSON] = {}
    for label, rows in systems.items():
        for row in rows:
            case = cases.setdefault(row["case"], {"row": row, "answers": {}})
            case["answers"].setdefault(label, row)
    return list(cases.values())


@functools.cache
def _template() -> jinja2.Template:
    templates = importlib.resources.files("eval") / "templates"
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.loader = jinja2.FunctionLoader(lambda name: (templates / name).read_text("utf-8"))
    environment.filters |= {"figure": _figure, "place": _place, "p_value": p_value, "standing": _standing}
    return environment.get_template("report.html")


def _figure(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _standing(citation: JSON, expected: JSON) -> str:
    """Whether a citation is `gold`, right to cite `also`, or of `other` words."""
    for name in ("gold", "also"):
        if any(overlaps(citation, one["document"], one["start"], one["end"]) for one in expected.get(name, ())):
            return name
    return "other"


def _place(citation: Mapping[str, Any]) -> str:
    """What a row's `around` is keyed by."""
    return f"{citation['document']}:{citation['start']}:{citation['end']}"
