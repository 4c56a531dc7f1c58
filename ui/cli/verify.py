"""`pincite verify`: which citations of a saved answer still hold, and `pincite ask --receipt`, which saves one."""

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from rag.errors import PinciteError
from rag.receipts.receipt import Receipt, read_receipt, receipt
from rag.receipts.recheck import GOOD, Finding, State, check, read_today
from rag.settings import Settings
from rag.types import JSON, Answer
from ui.cli.output import as_json_text, as_one_line

if TYPE_CHECKING:
    from rag.chat import Chat

QUOTE_CHARACTERS = 80


def check_place(path: Path) -> None:
    """Raises PinciteError when no receipt can stand there: an answer may have to be paid for."""
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a folder" if path.is_dir() else f"there is no folder {str(path.parent)!r}"
        raise PinciteError(f"The receipt {str(path)!r} cannot be written: {why}. Name another file with --receipt.")


def save(answer: Answer, chat: "Chat", path: Path) -> None:
    """Write the answer's receipt. Raises PinciteError in one line when the file cannot be written."""
    text = json.dumps(receipt(answer, chat.settings, chat.store.text_of), ensure_ascii=False, indent=2)
    try:
        path.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise PinciteError(
            f"The receipt {str(path)!r} cannot be written ({error.strerror}). Name another file with --receipt."
        ) from None


def run(settings: Settings, path: Path, as_json: bool) -> int:
    """Print what became of each citation; 1 when one does not hold any more or the receipt was edited, else 0."""
    try:
        saved = read_receipt(path.read_bytes(), str(path))
    except OSError as error:
        raise PinciteError(f"The receipt {str(path)!r} cannot be read ({error.strerror}). Name another file.") from None
    names = {cited.document for cited in saved.citations}
    findings = check(saved, read_today(settings.documents, names) if names else {})
    if as_json:
        click.echo(as_json_text(findings_record(saved, findings), indent=2))
    else:
        click.echo(findings_text(saved, findings))
    return int(saved.intact is False or any(finding.state not in GOOD for finding in findings))


def findings_text(saved: Receipt, findings: Sequence[Finding]) -> str:
    """A line for each citation, then how many hold."""
    return "\n".join([*map(_line, findings), _summary(saved, findings)])


def _line(finding: Finding) -> str:
    """What became of one citation."""
    cited = finding.cited
    place = f"{cited.document}, characters {cited.start}-{cited.end}"
    if finding.state == "moved" and finding.now:
        place += f", now {finding.now[0]}-{finding.now[1]}"
    why = f" ({finding.reason})" if finding.reason else ""
    quote = textwrap.shorten(cited.quote, QUOTE_CHARACTERS, placeholder=" …")
    return f"{finding.state:9} {as_one_line(f'{place}: “{quote}”{why}')}"


def _summary(saved: Receipt, findings: Sequence[Finding]) -> str:
    """How many hold, and what became of the others."""
    counts = _counts(findings)
    good = sum(counts[state] for state in GOOD)
    total = len(findings)
    words = f"{good:,} of {total:,} citation{'' if total == 1 else 's'} still hold{'s' if total == 1 else ''}"
    others = [f"{count:,} {state}" for state, count in counts.items() if count and state != "holds"]
    edited = " The receipt was edited after it was saved." if saved.intact is False else ""
    if not findings:
        return f"The answer cites nothing.{edited}"
    return f"{words}{': ' + ', '.join(others) if others else ''}.{edited}"


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    found = Counter(finding.state for finding in findings)
    return {state: found[state] for state in get_args(State)}


def findings_record(saved: Receipt, findings: Sequence[Finding]) -> JSON:
    """What `--json` prints; `start` and `end` are as cited, `now` is where the words stand today, or null."""
    return {
        "schema": "pincite.verify/1",
        "question": saved.question,
        "intact": saved.intact,
        "counts": _counts(findings),
        "citations": [
            {
                "statement": finding.cited.statement,
                "document": finding.cited.document,
                "start": finding.cited.start,
                "end": finding.cited.end,
                "quote": finding.cited.quote,
                "state": finding.state,
                "now": {"start": finding.now[0], "end": finding.now[1]} if finding.now else None,
                "reason": finding.reason,
            }
            for finding in findings
        ],
    }
