"""What the value of a setting should have been, in words that a person can act on."""

from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

# What a setting with a pattern looks like.
FORMS = {
    "compatible": "NAME=URL, several separated by commas, such as mine=http://127.0.0.1:8000/v1",
    "chroma_url": "an address that begins with http:// or https://, such as http://127.0.0.1:8000",
}
# A longer value is not repeated: no number or choice is so long, but a key in the wrong place is.
MOST_CHARACTERS = 12


def expected(name: str, field: FieldInfo, error: ErrorDetails, value: object) -> str:
    """What the setting called `name` should be. Of the value it says only what cannot be a key."""
    if name in FORMS:
        return f"it should be {FORMS[name]}"
    wanted = _choices(field) or _number(field)
    if not wanted:
        return error["msg"].replace("Input should", "it should").replace("String should", "it should")
    default = f". The default is {field.default}" if field.default is not None else ""
    return f"it should be {wanted}{_instead_of(value)}{default}"


def _instead_of(value: object) -> str:
    text = str(value)
    return f", not {text!r}" if len(text) <= MOST_CHARACTERS and text.isprintable() else ""


def _choices(field: FieldInfo) -> str:
    """The words a setting can be; empty when it can be others."""
    if get_origin(field.annotation) is not Literal:
        return ""
    *others, last = get_args(field.annotation)
    return f"{', '.join(others)} or {last}"


def _number(field: FieldInfo) -> str:
    """Which numbers a setting can be; empty when it is no number."""
    kinds = {field.annotation, *get_args(field.annotation)}
    noun = "a whole number" if int in kinds else "a number" if float in kinds else ""
    if not noun:
        return ""
    low, above, high = (_bound(field, name) for name in ("ge", "gt", "le"))
    return f"{noun} {f'from {low} to' if low is not None else f'above {above}, at most'} {high}"


def _bound(field: FieldInfo, name: str) -> Any:
    return next((getattr(one, name) for one in field.metadata if hasattr(one, name)), None)
