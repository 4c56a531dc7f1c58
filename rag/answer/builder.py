"""One question on its way: what has been found, said, withheld and noted so far, and the answer that comes of it."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rag.answer import replies
from rag.answer.answerer import Found, Reply
from rag.answer.checking import Checked, is_shown, joined
from rag.answer.extractive import NAME as OFFLINE
from rag.llms import cost_usd
from rag.settings import Settings
from rag.types import Answer, Notice, Passage, Statement, Status, Timings, Usage
from rag.verify.conflicts import Conflict

# A model that goes on and on is stopped after this many statements.
MOST_STATEMENTS = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """What every answer of one chat has in common: which embedder, verifier and index it comes from."""

    embedder: str
    verifier: str
    index: str


@dataclass(slots=True)
class Inquiry:
    """What has become of one question so far. `spec` says who was asked, `show` what to do with failed statements."""

    question: str
    spec: str
    show: str
    scope: tuple[str, ...] = ()
    search_question: str = ""
    passages: tuple[Passage, ...] = ()
    answers_question: float | None = None
    shown: list[Statement] = field(default_factory=list)
    withheld: list[Statement] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    conflicts: dict[frozenset[str], Conflict] = field(default_factory=dict)
    idle_citations: int = 0
    answered_by: str | None = None
    usage: Usage = field(default_factory=Usage)
    search_ms: float = 0.0
    first_statement_ms: float | None = None
    _began: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, question: str, spec: str, settings: Settings, scope: Iterable[str] = ()) -> "Inquiry":
        """A question that has just been asked, of the documents in `scope`."""
        return cls(question, spec, settings.show, tuple(scope), search_question=question)

    def notice(self, code: str, message: str) -> None:
        """Something the reader should know."""
        self.notices.append(Notice(code, message))

    def found(self, found: Found) -> None:
        """The search is done."""
        self.search_question, self.passages, self.search_ms = found.question, found.passages, self._elapsed_ms()
        self.used(found.usage)

    def add(self, checked: Checked) -> Iterator[Statement]:
        """Takes in a checked statement; gives it back unless the whole answer is held until its end."""
        self.dangling += [marker for marker in checked.dangling if marker not in self.dangling]
        self.idle_citations += checked.idle_citations
        statement = checked.statement
        shown = is_shown(statement, self.show)
        (self.shown if shown else self.withheld).append(statement)
        if self.show != "strict":
            if shown and self.first_statement_ms is None:
                self.first_statement_ms = self._elapsed_ms()
            yield statement

    def conflicting(self, found: Iterable[Conflict]) -> None:
        """Notes sentences that say otherwise than a cited one, each pair once. The model may cite them yet."""
        for conflict in found:
            if self.conflicts.setdefault(conflict.pair, conflict) is conflict:
                self.notice("sources_disagree", conflict.message)

    def uncited_conflicts(self) -> list[Conflict]:
        """What no shown statement cites, of that which says otherwise; each sentence once."""
        cited = {(citation.document, citation.start) for one in self.shown for citation in one.citations}
        left = {(one.document, one.start): one for one in self.conflicts.values()}
        return [conflict for place, conflict in left.items() if place not in cited]

    def cited_documents(self) -> set[str]:
        """The documents that statements cite, the withheld ones too: a reader can open those."""
        return {citation.document for one in (*self.shown, *self.withheld) for citation in one.citations}

    def read_by(self) -> str | None:
        """Who has read the passages as they are; None when that was the offline backend, or nobody."""
        by = self.answered_by or (self.spec if self.shown or self.withheld else OFFLINE)
        return None if by == OFFLINE else by

    @property
    def is_long(self) -> bool:
        """Whether the model has said enough."""
        return len(self.shown) + len(self.withheld) >= MOST_STATEMENTS

    def end(self) -> Iterator[Statement]:
        """Everything is checked: what was held is given back, and withheld whole if any of it failed."""
        if self.show != "strict":
            return
        if self.withheld:
            self.withheld, self.shown = self.shown + self.withheld, []
        elif self.shown:
            self.first_statement_ms = self._elapsed_ms()
        yield from (*self.shown, *self.withheld)

    def note(self, reply: Reply) -> None:
        """Keeps what the model's side says about its answer."""
        self.answered_by = reply.answered_by or self.answered_by
        for why in reply.passed_over:
            self.notice("backend_passed_over", why)
        if reply.usage != Usage():
            self.used(reply.usage)
        if reply.finish == "length":
            self.notice("answer_cut", "The model stopped before its answer was complete.")
        if reply.finish == "repeated":
            self.notice("answer_cut", "The model repeated itself and was stopped.")
        if reply.finish == "refused":
            self.notice("model_refused", "The model declined to answer.")

    def forget(self) -> None:
        """What was said so far were the model's thoughts."""
        for said in (self.shown, self.withheld, self.dangling):
            said.clear()
        self.idle_citations, self.first_statement_ms = 0, None

    def used(self, usage: Usage) -> None:
        """Adds the tokens of one call to the model."""
        if usage.input_tokens is not None or usage.output_tokens is not None:
            self.usage = Usage(
                (self.usage.input_tokens or 0) + (usage.input_tokens or 0),
                (self.usage.output_tokens or 0) + (usage.output_tokens or 0),
            )

    def concluded(self, origin: Origin) -> Answer:
        """The answer once everything is written and checked: what is shown, or a refusal that says why."""
        if self.shown:
            return self.answer("answered", joined(self.shown), origin)
        if self.withheld:
            return self.answer("abstained", replies.all_withheld(self.search_question, self.withheld), origin)
        return self.answer("abstained", replies.refusal(self.search_question, self.passages), origin)

    def answer(self, status: Status, text: str, origin: Origin, error: str | None = None) -> Answer:
        """The answer as it stands."""
        tokens = self.usage.input_tokens, self.usage.output_tokens
        cost = cost_usd(self.answered_by, *tokens) if self.answered_by else None
        return Answer(
            question=self.question, search_question=self.search_question, status=status, text=text,
            statements=tuple(self.shown) if status == "answered" else (), withheld=tuple(self.withheld),
            dangling=tuple(self.dangling), idle_citations=self.idle_citations, passages=self.passages,
            backend=self.spec, answered_by=self.answered_by, embedder=origin.embedder, verifier=origin.verifier,
            index=origin.index, usage=Usage(*tokens, cost),
            timings=Timings(self.search_ms, self.first_statement_ms, self._elapsed_ms()),
            notices=tuple(self.notices), error=error, scope=self.scope,
            answers_question=self.answers_question,
        )  # fmt: skip

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000
