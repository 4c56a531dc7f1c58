"""`pincite ask`: an answer in plain text, and the conversation it continues."""

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import click

from rag.answer.replies import OWN_WORDS
from rag.documents.passages import flat
from rag.errors import PinciteError, UsageError
from rag.settings import Settings
from rag.turns import turns_of
from rag.types import Answer, Passage, Statement, Turn
from ui.cli.output import as_json_text, note, visible
from ui.cli.verify import check_place, save
from ui.numbered import Numbered, page_named, where, withheld_line
from ui.opening import open_index
from ui.searched import searched_for

QUOTE_CHARACTERS = 200
NEAREST_SHOWN = 3


def run(
    settings: Settings,
    question: str,
    history: Path | None,
    as_json: bool,
    *,
    receipt: Path | None = None,
    scope: Sequence[str] = (),
) -> None:
    """Ask one question, print the answer and save its receipt. Raises PinciteError when nobody could answer."""
    turns = read_history(history) if history else ()
    if receipt:
        check_place(receipt)
    chat = open_index(settings)
    answer = chat.ask(question, turns, documents=scope)
    if as_json:
        click.echo(as_json_text(answer.record(), indent=2))
    else:
        print_answer(answer)
    if answer.status == "failed":
        raise PinciteError(answer.error or "The question could not be answered.")
    if receipt:
        save(answer, chat, receipt)


def read_history(path: Path) -> tuple[Turn, ...]:
    """The turns in a JSON file. Raises UsageError in one line when it is anything else."""
    try:
        return turns_of(json.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        why = "is not UTF-8 text"
    except (ValueError, RecursionError) as error:
        why = f"is no conversation ({flat(str(error))})"
    raise UsageError(f"The history {str(path)!r} {why}. Name a file with a JSON list of {{role, content}}.")


def print_answer(answer: Answer) -> None:
    """The answer with numbered citations below it, then what was withheld.

    What was searched for instead of the question, and the notices, go to standard error.
    """
    if searched := searched_for(answer.question, answer.search_question):
        note(searched)
    for notice in answer.notices:
        if notice.code not in OWN_WORDS:
            note(f"Note: {notice.message}")
    if answer.status == "failed":
        return
    numbered = Numbered()
    for paragraph in _paragraphs(answer.statements, numbered) or [answer.text]:
        _say(paragraph)
    if numbered.cited:
        click.echo()
    for number, citation in enumerate(numbered.cited, 1):
        page = page_named(citation.page, citation.page_label)
        place = where(citation.document, citation.heading, page, citation.start, citation.end)
        _say(f"[{number}] {place}")
        if flat(citation.quote) not in flat(answer.text):
            _say(f"    “{textwrap.shorten(citation.quote, QUOTE_CHARACTERS, placeholder=' …')}”")
    if answer.withheld:
        _say(f"\n{withheld_line(answer.withheld)}; --json shows what and why.")
    elif answer.status == "abstained" and answer.passages:
        _say("\nNearest passages (not an answer):")
        for passage in answer.passages[:NEAREST_SHOWN]:
            _say(f"- {_excerpt(passage)}")


def _paragraphs(statements: Sequence[Statement], numbered: Numbered) -> list[str]:
    """Running text with numbered marks; a list item is a paragraph of its own."""
    paragraphs: list[str] = []
    for statement in statements:
        said = numbered.said(statement)
        if said.begins_paragraph:
            paragraphs.append(said.text)
        else:
            paragraphs[-1] += f" {said.text}"
    return paragraphs


def _excerpt(passage: Passage) -> str:
    """Where a passage stands, and how its sentences begin."""
    chunk = passage.chunk
    words = chunk.quote(chunk.sentences[0].start, chunk.sentences[-1].end) if chunk.sentences else chunk.text
    begins = textwrap.shorten(words, QUOTE_CHARACTERS, placeholder=" …")
    page = page_named(chunk.page, chunk.page_label_at(chunk.start))
    return f"{where(chunk.document, chunk.headings, page, chunk.start, chunk.end)}: {begins}"


def _say(text: str) -> None:
    """Print a paragraph, broken between words where a terminal would break it anywhere."""
    if sys.stdout.isatty():
        width = min(shutil.get_terminal_size().columns, 100)
        hang = "    " if text.startswith(("[", "    ")) else "  " if text.startswith("- ") else ""
        lead = "\n" * (len(text) - len(text.lstrip("\n")))
        text = lead + textwrap.fill(text.lstrip("\n"), width, subsequent_indent=hang, break_long_words=False)
    click.echo(visible(text))
