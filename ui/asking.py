"""`pincite ask`: an answer in plain text, and the conversation it continues."""

import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from rag.datatypes import Answer, Citation, Disagreement, Passage, Statement, Turn
from rag.errors import PinciteError, UsageError
from rag.passages import flat
from rag.settings import Settings
from rag.turns import turns_of
from ui.lines import as_json_text, note
from ui.opening import open_index
from ui.searched import searched_for
from ui.verifying import save

QUOTE_CHARACTERS = 200
NEAREST_SHOWN = 3
# Replies that are no answers need no notice that says so.
PLAIN = frozenset({"greeting", "help"})
CAUTIONS = {"partial": "check this", "unsupported": "not supported", "contradicted": "contradicted"}

Cited = dict[tuple[str, int, int], Citation]


def run(settings: Settings, question: str, history: Path | None, as_json: bool, receipt: Path | None = None) -> None:
    """Ask one question, print the answer and save its receipt. Raises PinciteError when nobody could answer."""
    turns = read_history(history) if history else ()
    chat = open_index(settings)
    answer = chat.ask(question, turns)
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
        if notice.code not in PLAIN:
            note(f"Note: {notice.message}")
    if answer.status == "failed":
        return
    cited: Cited = {}
    for paragraph in _paragraphs(answer.statements, cited) or [answer.text]:
        _say(paragraph)
    if cited:
        click.echo()
    for number, citation in enumerate(cited.values(), 1):
        where = _where(citation.document, citation.heading, citation.page, citation.start, citation.end)
        _say(f"[{number}] {where}")
        if flat(citation.quote) not in flat(answer.text):
            _say(f"    “{textwrap.shorten(citation.quote, QUOTE_CHARACTERS, placeholder=' …')}”")
    if answer.withheld:
        _say(f"\n{withheld_line(answer.withheld)}; --json shows what and why.")
    elif answer.status == "abstained" and answer.passages:
        _say("\nNearest passages (not an answer):")
        for passage in answer.passages[:NEAREST_SHOWN]:
            _say(f"- {_excerpt(passage)}")


def withheld_line(withheld: Sequence[Statement]) -> str:
    """How many statements were withheld, by verdict."""
    kinds = Counter(statement.verdict for statement in withheld)
    words = " and ".join(f"{count} {verdict}" for verdict, count in kinds.items())
    return f"{words} statement{'' if len(withheld) == 1 else 's'} withheld"


def _paragraphs(statements: Sequence[Statement], cited: Cited) -> list[str]:
    """Running text with numbered marks, and what they stand for in `cited`; a list item is a paragraph of its own."""
    paragraphs: list[str] = []
    in_list = False
    for statement in statements:
        marks = "".join(_mark(citation, cited) for citation in statement.citations)
        said = " ".join(part for part in (statement.text, marks, _caution(statement)) if part)
        item = statement.text.startswith("- ")
        if item or in_list or not paragraphs:
            paragraphs.append(said)
        else:
            paragraphs[-1] += f" {said}"
        in_list = item
    return paragraphs


def _mark(citation: Citation, cited: Cited) -> str:
    """The number of the cited words, the same throughout an answer."""
    place = (citation.document, citation.start, citation.end)
    cited.setdefault(place, citation)
    return f"[{list(cited).index(place) + 1}]"


def _caution(statement: Statement) -> str:
    """What to be careful about, in brackets; empty for a supported statement."""
    if statement.verdict == "supported":
        return ""
    why = "; ".join(map(_disagreement, statement.disagreements)) or statement.reason or ""
    return f"({CAUTIONS[statement.verdict]}{': ' + flat(why) if why else ''})"


def _disagreement(found: Disagreement) -> str:
    if found.source is None:
        return f"“{found.claim}” is not in the cited words"
    return f"“{found.claim}” here, “{found.source}” in the source"


def _where(document: str, headings: Sequence[str], page: int | None, start: int, end: int) -> str:
    """Where words stand, for people: the nearest heading only."""
    heading = f" › {flat(headings[-1])}" if headings else ""
    return f"{document}{heading}{f', page {page}' if page else ''}, characters {start}-{end}"


def _excerpt(passage: Passage) -> str:
    """Where a passage stands, and how its sentences begin."""
    chunk = passage.chunk
    words = chunk.quote(chunk.sentences[0].start, chunk.sentences[-1].end) if chunk.sentences else chunk.text
    begins = textwrap.shorten(words, QUOTE_CHARACTERS, placeholder=" …")
    return f"{_where(chunk.document, chunk.headings, chunk.page, chunk.start, chunk.end)}: {begins}"


def _say(text: str) -> None:
    """Print a paragraph, broken between words where a terminal would break it anywhere."""
    if sys.stdout.isatty():
        width = min(shutil.get_terminal_size().columns, 100)
        hang = "    " if text.startswith(("[", "    ")) else "  " if text.startswith("- ") else ""
        lead = "\n" * (len(text) - len(text.lstrip("\n")))
        text = lead + textwrap.fill(text.lstrip("\n"), width, subsequent_indent=hang, break_long_words=False)
    click.echo(text)
