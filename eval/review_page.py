"""A page on which generated cases are accepted, edited or dropped, and the accepted ones saved: one HTML file."""

import importlib.resources
import json
from collections.abc import Sequence

import jinja2

from rag.types import JSON


def review_page(cases: Sequence[JSON], name: str) -> str:
    """The page for these cases; what is saved from it is called `name`."""
    templates = importlib.resources.files("eval") / "templates"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.loader = jinja2.FunctionLoader(lambda file: (templates / file).read_text("utf-8"))
    # Inside a script element only "</" and "<!" could end it.
    data = json.dumps(list(cases), ensure_ascii=False).replace("<", "\\u003c")
    return environment.get_template("review.html").render(cases=cases, data=data, name=name)
