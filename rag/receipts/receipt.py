"""Receipts: an answer as a file, with what decided it and what is needed to find its citations again later."""

import hashlib
import importlib.resources
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import cast

from rag import __version__
from rag.documents import CONVERTERS
from rag.errors import PinciteError
from rag.receipts.surroundings import Surroundings, surroundings
from rag.settings import Settings
from rag.types import JSON, READABLE, Answer, sha256_of

SCHEMA = "pincite.receipt/1"
# Settings that decide what an answer says, besides its backend. No key, no folder and no address is among them.
DECISIVE = ("embedder", "reranker", "chunk_tokens", "passages", "show", "context_tokens")

# What receipts do not name that were saved before converters were counted.
FIRST_CONVERTERS = 1

Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation of a saved answer; `statement` counts its statements from 1."""

    statement: int
    document: str
    sha256: str
    start: int
    end: int
    quote: str
    around: Surroundings | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A saved answer as far as it can be checked. `intact` is False when the file was edited after it was saved,
    and None for a bare answer record, of which that cannot be told. `converters` is their version when it was saved."""

    question: str
    citations: tuple[Cited, ...]
    intact: bool | None
    converters: int | None = None


def receipt(
    answer: Answer, settings: Settings, text_of: Callable[[str], str | None], now: datetime | None = None
) -> JSON:
    """The answer record with the hashes of what decided it, and each quote's surroundings.

    `text_of` gives the canonical text of a document, or None; one that has changed since it was cited is left out.
    """
    texts: dict[tuple[str, str], str | None] = {}
    around: dict[Place, Surroundings] = {}
    for cited in (citation for statement in answer.statements for citation in statement.citations):
        version = (cited.document, cited.sha256)
        if version not in texts:
            text = text_of(cited.document)
            texts[version] = text if text is not None and sha256_of(text) == cited.sha256 else None
        if (text := texts[version]) is not None:
            around[cited.document, cited.start, cited.end] = surroundings(text, cited.start, cited.end)
    value = {
        "schema": SCHEMA,
        "saved": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "pincite": __version__,
        "converters": CONVERTERS,
        "prompts": prompt_hashes(),
        "settings": settings_hash(settings, answer.backend),
        "surroundings": [
            {"document": document, "start": start, "end": end, **asdict(sides)}
            for (document, start, end), sides in around.items()
        ],
        "answer": answer.record(),
    }
    return {**value, "sha256": _digest(value)}


def prompt_hashes() -> dict[str, str]:
    """The sha256 of each prompt file, by name."""
    files = (importlib.resources.files("rag") / "llms" / "templates").iterdir()
    hashes = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.name.endswith(".md")}
    return dict(sorted(hashes.items()))


def settings_hash(settings: Settings, backend: str) -> str:
    """One sha256 of the settings that decide what an answer says."""
    return _digest({"backend": backend, **{name: getattr(settings, name) for name in DECISIVE}})


def read_receipt(data: bytes, name: str) -> Receipt:
    """The receipt or bare answer record in the bytes of the file called `name`. Raises PinciteError for all else."""
    try:
        return parse_receipt(data)
    except ValueError as error:
        raise PinciteError(
            f"{name!r} is not a receipt: {error}. Name a file that pincite ask --receipt or --json has written."
        ) from None


def parse_receipt(data: bytes) -> Receipt:
    """The receipt or bare answer record in these bytes. Raises ValueError, which says what they are instead."""
    try:
        return receipt_of(json.loads(data.decode("utf-8-sig")))
    except json.JSONDecodeError as error:
        why = "it holds several records, save one of its lines" if error.msg == "Extra data" else "it is not JSON"
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except RecursionError:
        why = "it is nested too deeply"
    raise ValueError(why)


def receipt_of(saved_json: object) -> Receipt:
    """The receipt or bare answer record in a JSON value. Raises ValueError, which says what it is instead."""
    value = _object(saved_json)
    saved = value.get("schema") == SCHEMA
    record = _object(value.get("answer")) if saved else value
    if record.get("schema") not in READABLE:
        raise ValueError(f"its schema is neither {SCHEMA} nor {READABLE[0]}")
    around = dict(map(_surroundings, _list(value.get("surroundings")))) if saved else {}
    intact = value.get("sha256") == _digest({k: v for k, v in value.items() if k != "sha256"}) if saved else None
    converters = value.get("converters", FIRST_CONVERTERS) if saved else None
    if converters is not None and not isinstance(converters, int):
        raise ValueError("its converters are no number")
    return Receipt(_text(record.get("question")), tuple(_citations(record, around, intact)), intact, converters)


def _citations(record: JSON, around: dict[Place, Surroundings], intact: bool | None) -> Iterator[Cited]:
    """The citations of the statements that were shown, in order.

    Of an edited receipt, words are found again only between the characters that were cited with them: standing once
    in the document says nothing for words that may have been put in.
    """
    for number, statement in enumerate(_list(record.get("statements")), 1):
        for value in _list(_object(statement).get("citations")):
            place, quote = _place(value), _text(_object(value).get("quote"))
            if not quote:
                raise ValueError("a citation has an empty quote")
            sha256 = _text(_object(value).get("sha256"))
            sides = around.get(place)
            if intact is False:
                sides = replace(sides, once=False) if sides else Surroundings(None, None, once=False)
            yield Cited(number, place[0], sha256, place[1], place[2], quote, sides)


def _surroundings(value: object) -> tuple[Place, Surroundings]:
    fields = _object(value)
    before, after = (None if fields.get(side) is None else _text(fields[side]) for side in ("before", "after"))
    return _place(value), Surroundings(before, after, fields.get("once") is True)


def _place(value: object) -> Place:
    fields = _object(value)
    start, end = (fields.get(name) for name in ("start", "end"))
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        raise ValueError("a citation has no offsets that can be")
    return _text(fields.get("document")), start, end


def _object(value: object) -> JSON:
    if not isinstance(value, dict):
        raise ValueError("an object is missing")
    return cast("JSON", value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("a list is missing")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is missing")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("a text holds half a character (a lone surrogate)")
    return value


def _digest(value: JSON) -> str:
    """The sha256 of JSON, however it is indented or spelled in a file."""
    return sha256_of(json.dumps(value, sort_keys=True, separators=(",", ":")))
