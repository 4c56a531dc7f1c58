"""The conversation so far, from JSON values as people hand them over."""

from typing import cast

from rag.types import Turn

ROLES = ("user", "assistant")


def turns_of(value: object) -> tuple[Turn, ...]:
    """Turns from a JSON list of {role, content}. Raises ValueError, which says what it is instead."""
    if not isinstance(value, list):
        raise ValueError(f"a list was expected, not {_kind(value)}")
    return tuple(_turn(number, item) for number, item in enumerate(value, 1))


def _turn(number: int, item: object) -> Turn:
    if not isinstance(item, dict):
        raise ValueError(f"item {number} is {_kind(item)}")
    fields = cast("dict[str, object]", item)
    role, content = fields.get("role"), fields.get("content")
    if role not in ROLES:
        raise ValueError(f"item {number} has no role 'user' or 'assistant'")
    if not isinstance(content, str):
        raise ValueError(f"item {number} has no content that is text")
    if any("\ud800" <= character <= "\udfff" for character in content):
        raise ValueError(f"item {number} holds half a character (a lone surrogate)")
    return Turn("user" if role == "user" else "assistant", content)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
