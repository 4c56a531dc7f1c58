"""The cases of an exam: a question, the exact words that answer it, and what a good answer contains.

The fields are described in `eval/cases/README.md`. A file of anyone's own, in the same shape, is read the same way.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.texts import Texts
from rag.errors import PinciteError, UsageError
from rag.turns import turns_of
from rag.types import JSON, Turn, sha256_of

MOST_PROBLEMS = 3
# Cases that ship with Pincite; they are offered where they are about the documents.
SHIPPED = Path(__file__).parent / "cases"


class CasesError(PinciteError):
    """A file of cases that cannot be used; the message names the case."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Words that answer the question: `quote == text[start:end]`. Those of one `group` are alternatives."""

    document: str
    start: int
    end: int
    quote: str
    group: int


@dataclass(frozen=True, slots=True)
class Nugget:
    """A short fact that a good answer contains; one that is not `vital` is welcome, not required."""

    text: str
    vital: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what is expected of its answer. `texts` are the documents that it is asked of.

    `also` are words that are right to cite too, though a complete answer does without them; `wrong` are words that a
    reader has said do not answer it; `documents` are indexed for this case only; `answers` are short answer strings,
    any of which is right; `forbidden` must not appear in the answer; `digest` changes when anything about the case
    does.
    """

    id: str
    kind: str
    split: str
    question: str
    answerable: bool
    gold: tuple[Gold, ...]
    also: tuple[Gold, ...]
    wrong: tuple[Gold, ...]
    nuggets: tuple[Nugget, ...]
    history: tuple[Turn, ...]
    documents: tuple[str, ...]
    answers: tuple[str, ...]
    forbidden: tuple[str, ...]
    cluster: str | None
    digest: str
    texts: Texts = field(compare=False, repr=False)

    @property
    def groups(self) -> Mapping[int, tuple[Gold, ...]]:
        """The gold quotes by group, in order."""
        found: dict[int, tuple[Gold, ...]] = {}
        for gold in self.gold:
            found[gold.group] = (*found.get(gold.group, ()), gold)
        return found


def find_cases(name: Path) -> Path:
    """The file that is called so, or else the set that ships under this name."""
    shipped = SHIPPED / f"{name}.jsonl"
    return name if name.is_file() or not shipped.is_file() else shipped


def load_cases(path: Path, documents: Path) -> list[Case]:
    """The cases in the file, bound to the folder of documents that they ask about.

    Raises CasesError when a case is incomplete, or when its gold does not stand exactly once in its document.
    """
    extra_of: dict[tuple[str, ...], Texts] = {}
    cases, problems = dict[str, Case](), list[str]()
    for number, fields in _rows(path):
        try:
            case = _case(fields, lambda names: _texts(names, path, documents, extra_of))
            if case.id in cases:
                raise ValueError("another case has this id")
        except ValueError as error:
            problems.append(f"{path} line {number} ({fields.get('id', 'without id')}): {error}.")
            continue
        cases[case.id] = case
    if problems:
        more = f" ({len(problems) - MOST_PROBLEMS} more)" if len(problems) > MOST_PROBLEMS else ""
        raise CasesError("\n".join(problems[:MOST_PROBLEMS]) + more)
    if not cases:
        raise CasesError(f"{path} holds no case. Write one a line; eval/cases/README.md says how.")
    return list(cases.values())


def choose(cases: Sequence[Case], split: str | None, most: int | None) -> list[Case]:
    """The cases of one split, at most so many of them, spread evenly over the file. Raises UsageError when none is."""
    chosen = [case for case in cases if split in (None, case.split)]
    if not chosen:
        known = ", ".join(sorted({case.split for case in cases}))
        raise UsageError(f"No case belongs to the split {split!r}. Use one of: {known}.")
    if most is None or most >= len(chosen):
        return chosen
    return [chosen[i * len(chosen) // most] for i in range(most)]


def _rows(path: Path) -> Iterable[tuple[int, JSON]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"The cases {str(path)!r} cannot be read ({error.strerror}). Name another file.") from None
    except UnicodeDecodeError:
        raise CasesError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise CasesError(f"{path} line {number} is not JSON ({error}).") from None
        if not isinstance(fields, dict):
            raise CasesError(f'{path} line {number} is no object. Write {{"id": "…", "question": "…", …}}')
        yield number, fields


def _texts(names: tuple[str, ...], path: Path, documents: Path, known: dict[tuple[str, ...], Texts]) -> Texts:
    """The texts of the folder and of the files that one case adds; each different set of files is read once."""
    if names not in known:
        files = {name: path.parent / name for name in names}
        for name, file in files.items():
            if not file.is_file():
                raise ValueError(f"its document {name} does not exist beside the cases")
        known[names] = Texts(documents, files)
    return known[names]


def _case(fields: JSON, texts_of: Callable[[tuple[str, ...]], Texts]) -> Case:
    """One case. Raises ValueError, which says what is missing or wrong."""
    question = _text(fields, "question")
    answerable = fields.get("answerable", True)
    if not isinstance(answerable, bool):
        raise ValueError("its answerable is neither true nor false")
    names = _strings(fields, "documents")
    texts = texts_of(names)
    gold = tuple(_gold(item, texts) for item in _objects(fields, "gold"))
    also, wrong = (tuple(_gold(item, texts) for item in _objects(fields, name)) for name in ("also", "wrong"))
    if answerable and not (gold or wrong or _strings(fields, "answers")):
        raise ValueError("it is answerable, but has neither gold nor answers")
    if not answerable and gold:
        raise ValueError("it has gold, but is not answerable")
    if also and not gold:
        raise ValueError("it has words to cite also, but no gold")
    attack = fields.get("attack") or {}
    return Case(
        id=_text(fields, "id"),
        kind=str(fields.get("kind", "question")),
        split=str(fields.get("split", "all")),
        question=question,
        answerable=answerable,
        gold=gold,
        also=also,
        wrong=wrong,
        nuggets=tuple(Nugget(_text(n, "text"), bool(n.get("vital", True))) for n in _objects(fields, "nuggets")),
        history=turns_of(fields.get("history") or []),
        documents=names,
        answers=_strings(fields, "answers"),
        forbidden=_strings(attack, "forbidden") if isinstance(attack, dict) else (),
        cluster=str(fields["cluster"]) if fields.get("cluster") else None,
        digest=sha256_of(json.dumps(fields, sort_keys=True, ensure_ascii=False))[:16],
        texts=texts,
    )


def _gold(fields: JSON, texts: Texts) -> Gold:
    document, quote = _text(fields, "document"), _text(fields, "quote")
    text = texts.of(document)
    if text is None:
        raise ValueError(f"there is no document {document!r}")
    if (times := text.count(quote)) != 1:
        raise ValueError(f"its gold “{quote[:60]}…” stands {times} times in {document}, not once")
    start = text.index(quote)
    return Gold(document, start, start + len(quote), quote, int(fields.get("group", 1)))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"it has no {name}")
    return value


def _strings(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"its {name} is no list of texts")
    return tuple(value)


def _objects(fields: Mapping[str, Any], name: str) -> list[JSON]:
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"its {name} is no list of objects")
    return value
