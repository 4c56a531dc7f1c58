"""What a program may ask of Pincite, over HTTP or MCP, and the one line that says what is wrong with a request."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.errors import UsageError
from rag.turns import turns_of
from rag.types import Turn

TURNS = 200
SCOPE = 10_000
GLOBS = "Globs of the documents that may be used, such as reports/*.pdf; without any, every document."
MOST = 1_000_000_000
SPEC_CHARACTERS = 300
NAME_CHARACTERS = 60
# Pydantic's words for the commonest slips, in ours.
WORDS = {
    "string_type": "it should be text",
    "list_type": "it should be a list",
    "int_type": "it should be a whole number",
    "int_parsing": "it should be a whole number",
    "bool_parsing": "it should be true or false",
    "model_attributes_type": "it should be an object",
    "model_type": "it should be an object",
    "dict_type": "it should be an object",
    "string_unicode": "it is not UTF-8 text",
    "json_invalid": "it is not JSON",
}


class Wanted(BaseModel):
    """A request. A field that it does not know is refused, so that a typing mistake is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Said(Wanted):
    """One turn of the conversation so far."""

    role: Literal["user", "assistant"]
    content: str


class Ask(Wanted):
    """A question to be answered."""

    question: str = Field(
        description="The question, in at most 4,000 characters.", examples=["What is hybrid warfare?"]
    )
    history: list[Said] = Field(
        default_factory=list, max_length=TURNS, description="The conversation so far, oldest first, without sources."
    )
    backend: str | None = Field(
        None,
        max_length=SPEC_CHARACTERS,
        description="Who writes the answer, where the server lets callers choose; leave it out otherwise.",
    )

    documents: list[str] = Field(
        default_factory=list, max_length=SCOPE, description=GLOBS, examples=[["reports/*.pdf"]]
    )

    def turns(self) -> tuple[Turn, ...]:
        """The history as the chat takes it. Raises UsageError for text that is none."""
        try:
            return turns_of([said.model_dump() for said in self.history])
        except ValueError as error:
            raise UsageError(f"The history cannot be used: {error}.") from None


class Search(Wanted):
    """A question whose passages are wanted, and no answer."""

    question: str = Field(description="A standalone question or keywords.", examples=["steps in technology transfer"])
    count: int | None = Field(None, ge=1, le=40, description="How many passages; without it as many as an answer gets.")
    documents: list[str] = Field(
        default_factory=list, max_length=SCOPE, description=GLOBS, examples=[["reports/*.pdf"]]
    )


class Read(Wanted):
    """A stretch of one document's text."""

    document: str = Field(description="The document's id, as in a citation or in the list of documents.")
    start: int = Field(0, ge=0, le=MOST, description="First character, counted from 0 in Unicode code points.")
    end: int | None = Field(None, ge=0, le=MOST, description="The character after the last one.")


class Nothing(Wanted):
    """No fields at all."""


def wrong(errors: Sequence[Any], model: type[BaseModel] | None = None) -> str:
    """The first of pydantic's errors in one line that says what to send. Never repeats a value."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    name = ".".join(place)[:NAME_CHARACTERS] or "request"
    kind = first["type"]
    if kind == "json_invalid":
        return "The request is not JSON. Send one JSON object."
    if kind == "missing" and place:
        return f"The field {name} is missing."
    if kind == "extra_forbidden":
        known = f" The fields are: {', '.join(model.model_fields)}." if model and len(place) == 1 else ""
        return f"There is no field {name!r}.{known or ' Leave it out.'}"
    if not place:
        return f"A JSON object is missing. Send the fields {', '.join(model.model_fields)}." if model else "Send JSON."
    why = WORDS.get(kind) or first["msg"].replace("Input should", "it should").replace("List should", "it should")
    return f"The field {name} cannot be used: {' '.join(why.split())}."
