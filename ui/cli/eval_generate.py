"""`pincite eval generate`: cases from a folder of documents, and a page to go through them."""

from collections.abc import Iterable
from pathlib import Path

import click

from eval.cases import load_cases
from eval.generate import generate
from eval.material import Material, read_material
from eval.model_questions import QUESTIONS_A_CHUNK, model_questions
from eval.question_templates import TEMPLATES
from eval.review_page import review_page
from eval.rows import write_rows, write_whole
from rag.errors import PinciteError
from rag.llms import open_model
from rag.settings import Settings
from rag.types import JSON
from ui.cli.output import note
from ui.cli.progress import Progress

# A language model asks what the documents answer; what they do not is still made by these.
UNANSWERABLE = ("invented_name", "swapped_name", "elsewhere")


def write_cases(settings: Settings, out: Path, page: Path | None, count: int, backend: str | None) -> None:
    """Write the cases, and check the file as every exam will. Raises PinciteError when none could be made."""
    material = read_material(settings.documents, settings.chunk_tokens)
    drafts = _by_model(material, settings, backend, count) if backend else None
    cases = generate(material, count, drafts)
    if not cases:
        raise PinciteError(f"No question could be made from {settings.documents}: it holds too few whole sentences.")
    write_rows(out, cases)
    load_cases(out, settings.documents)
    unanswerable = sum(not case["answerable"] for case in cases)
    note(f"{len(cases):,} cases, {unanswerable:,} of which cannot be answered: {out}")
    if page:
        write_whole(page, review_page(cases, out.name).encode("utf-8"))
        note(f"Open {page} to accept, edit or drop them.")
    click.echo(out)


def _by_model(material: Material, settings: Settings, backend: str, count: int) -> dict[str, Iterable[JSON]]:
    model = open_model(backend, settings)
    chunks = 2 * count // QUESTIONS_A_CHUNK + 1
    with Progress() as progress:
        asked = list(
            model_questions(material, model, chunks, lambda done, total: progress("Asking for questions", done, total))
        )
    return {backend: asked, **{name: TEMPLATES[name](material) for name in UNANSWERABLE}}
