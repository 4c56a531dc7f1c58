"""What programs get back, as schemas: for `/openapi.json`, and for the output of the MCP tools."""

from typing import Literal

from pydantic import BaseModel, Field

from rag.receipts.recheck import State
from rag.types import Notice, Statement, Status, Usage

Offset = Field(ge=0, description="In Unicode code points of the document's canonical text.")


class Place(BaseModel):
    """Where a passage stands."""

    document: str
    start: int = Offset
    end: int = Offset
    score: float
    heading: list[str]


class Timings(BaseModel):
    """Milliseconds."""

    search: float
    first_statement: float | None
    total: float


class AnswerRecord(BaseModel):
    """An answer, as `pincite ask --json` prints it."""

    schema_: Literal["pincite.answer/2"] = Field(alias="schema")
    id: str | None
    question: str
    search_question: str
    status: Status
    answers_question: float | None = Field(description="How probable it is that what is shown answers the question.")
    text: str = Field(description="The shown statements joined; when abstained, the refusal.")
    statements: list[Statement]
    withheld: list[Statement] = Field(description="What failed its check; not to be shown without saying so.")
    dangling: list[str]
    idle_citations: int
    passages: list[Place]
    backend: str
    answered_by: str | None
    embedder: str
    verifier: str
    index: str
    usage: Usage
    timings_ms: Timings
    notices: list[Notice]
    error: str | None
    scope: list[str] = Field(description="The globs that limited what was asked; empty for every document.")


class Passage(Place):
    """A passage with its words."""

    sha256: str
    page: int | None
    page_label: str | None
    text: str


class Passages(BaseModel):
    """What was found, best first."""

    question: str
    passages: list[Passage]


class Text(BaseModel):
    """A document's canonical text from `start` to `end`."""

    document: str
    title: str
    sha256: str
    characters: int = Field(description="How long the whole document is.")
    start: int = Offset
    end: int = Offset
    text: str


class Listed(BaseModel):
    """A document that can be asked about."""

    document: str
    title: str
    characters: int
    left_out: dict[str, int] = Field(description="What its text does not hold, and how many: pictures, page margins.")


class Documents(BaseModel):
    """All of them, by id."""

    documents: list[Listed]


class Now(BaseModel):
    """Where cited words stand today."""

    start: int = Offset
    end: int = Offset


class Checked(BaseModel):
    """What became of one citation."""

    statement: int
    document: str
    start: int
    end: int
    quote: str
    state: State
    now: Now | None
    reason: str | None


class Verification(BaseModel):
    """Which citations of a saved answer still hold, as `pincite verify --json` prints it."""

    schema_: Literal["pincite.verify/1"] = Field(alias="schema")
    question: str
    intact: bool | None
    counts: dict[State, int]
    citations: list[Checked]


class Fault(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class Error(BaseModel):
    """A request that was not answered."""

    error: Fault
