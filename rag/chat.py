"""The door that the page, the command line, the API and the evaluation share: a question in, a checked answer out."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from rag.answer import replies
from rag.answer.answerer import Answerer, Found, Part, Reply, Restart
from rag.answer.builder import MOST_STATEMENTS, Inquiry, Origin
from rag.answer.catalogue import catalogue_answer
from rag.answer.checking import SHOWN, Checked, check, order_notices
from rag.answer.exactness import Exactness
from rag.answer.extractive import NAME as OFFLINE
from rag.answer.extractive import ExtractiveAnswerer
from rag.answer.followup import FollowUps
from rag.answer.intents import Intent, Intents
from rag.answer.llm import LlmAnswerer
from rag.answer.markers import Marker
from rag.answer.overview import indexed_document, opening_passages
from rag.answer.parser import Draft
from rag.answer.selection import Reading, Selector
from rag.documents.language import question_warning
from rag.documents.tokens import count_tokens
from rag.errors import BackendError, BackendNotReady, BackendUnavailable, NoDocument, QuestionError, StreamCut
from rag.index.ingest import Progress, Summary, ingest
from rag.index.rows import Entry, IndexedFile
from rag.index.store import Store
from rag.llms import check_spec, context_tokens, open_model, parse_spec, passages_for
from rag.llms.budget import fit, prompt_room
from rag.llms.prompts import numbered, prompt
from rag.models.embeddings import open_embedder
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.models.token_vectors import TokenVectors
from rag.search.hybrid import Retrieval
from rag.search.rerank import open_reranker
from rag.search.scope import documents_in
from rag.settings import Settings
from rag.types import Answer, Document, Event, Passage, Searched, Statement, Turn
from rag.verify import Verifier, check_verifier, open_verifier
from rag.verify.conflicts import conflicts

QUESTION_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document that can be asked about, and the `file` of the documents folder that it came from.

    `bytes` and `modified` (seconds since 1970) are the file's; `pages` is 0 for formats without pages.
    """

    id: str
    title: str
    sha256: str
    characters: int
    chunks: int
    file: str
    pages: int
    bytes: int
    modified: float
    left_out: tuple[tuple[str, int], ...] = ()


class Chat:
    """An open index with everything that answers from it. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.model = MiniLM(settings.threads)
        token_vectors = TokenVectors(self.model, settings.data / "token_vectors.sqlite")
        self.embedder = open_embedder(settings, self.model, token_vectors)
        self.store = Store(settings.data, self.embedder.fingerprint, settings.chroma_url)
        self.reader = open_reader(settings.reader, settings.threads)
        reranker = open_reranker(settings, self.model, token_vectors, self.reader)
        self.retrieval = Retrieval(self.store, self.embedder, reranker)
        self._intents = Intents(self.model)
        self._selector = Selector(self.model, token_vectors, self.reader)
        self.follow_ups = FollowUps(self.model, self.reader)
        self._extractive = ExtractiveAnswerer(self._selector, self.follow_ups)
        self.verifier: Verifier = open_verifier(
            settings.verifier, self.model, self.reader, lambda spec: open_model(spec, settings)
        )
        self._opened: dict[str, list[Answerer]] = {}
        self._exactness = Exactness(self.store)

    def ingest(self, progress: Progress | None = None) -> Summary:
        """Bring the index up to date with the documents folder."""
        return ingest(self.settings, self.store, self.embedder, progress=progress)

    def documents(self) -> list[DocumentInfo]:
        """The documents in the index, by id."""
        entries = sorted(self.store.catalogue().values(), key=lambda e: e.document)
        files = self.store.files()
        return [_info(entry, files.get(entry.file)) for entry in entries]

    def document(self, document: str) -> Document:
        """A document as it was indexed: text, headings and pages. Raises NoDocument when none has that id."""
        text = self.store.text_of(document)
        if text is None:
            raise NoDocument(f"There is no document {document!r} in the index. To list them, type: pincite show")
        left_out = self.store.catalogue()[document].left_out
        return replace(indexed_document(document, text, self.store.chunks_of(document)), left_out=left_out)

    def read(self, question: str, history: Sequence[Turn] = ()) -> Reading:
        """What the passages found for a question say about it, and how probable it is that they answer it."""
        count = self.settings.passages
        found = self._extractive.find(question, history, lambda text: self.retrieval.search(text, count))
        return self._selector.read(found.question, found.passages)

    def search(self, question: str, count: int | None = None, documents: Sequence[str] = ()) -> tuple[Passage, ...]:
        """The passages that best answer a standalone question, best first; no answer. Raises QuestionError."""
        where = self._in_scope(documents)
        return self.retrieval.search(checked_question(question), count or self.settings.passages, where)

    def _in_scope(self, globs: Sequence[str]) -> list[str] | None:
        """The ids of the documents that globs match; None when there are no globs, which is every document."""
        return documents_in(globs, self.store.catalogue().values()) if globs else None

    def ask(
        self, question: str, history: Sequence[Turn] = (), backend: str | None = None, documents: Sequence[str] = ()
    ) -> Answer:
        """The whole answer. The same as the last item of `stream`."""
        for event in self.stream(question, history, backend, documents):
            if isinstance(event, Answer):
                return event
        raise AssertionError("a stream ends with an answer")

    def stream(
        self, question: str, history: Sequence[Turn] = (), backend: str | None = None, documents: Sequence[str] = ()
    ) -> Iterator[Event]:
        """What was searched, then each statement as soon as it is checked (the withheld ones too), last the answer.

        `documents` are globs that limit what is searched; without any, every document is. Raises QuestionError,
        UsageError for a glob that matches nothing, UnknownBackend, BackendNotReady or StoreError before anything is
        asked; a provider that fails later gives an answer with status "failed".
        """
        question = checked_question(question)
        spec = backend or self.settings.backend
        check_spec(spec, self.settings)
        where = self._in_scope(documents)
        inquiry = Inquiry.of(question, spec, self.settings, documents)
        origin = Origin(self.embedder.fingerprint, self.verifier.name, self.store.name)
        titles = {info.id: info.title for info in self.documents() if where is None or info.id in where}
        intent = self._intents.of(question, titles)
        if intent.kind in replies.OWN_WORDS:
            text = (
                replies.greeting(len(titles)) if intent.kind == "greeting" else replies.abilities(list(titles.values()))
            )
            inquiry.notice(intent.kind, "This is not an answer from the documents.")
            yield inquiry.answer("abstained", text, origin)
            return
        # A follow-up such as "Who wrote it?" is about what was spoken of, so the documents are asked first.
        if intent.kind == "question" and not history and (facts := self._about_files(inquiry, where)):
            yield inquiry.answer("abstained", facts, origin)
            return
        if self.embedder.fingerprint == MiniLM.fingerprint and (warning := question_warning(question)):
            inquiry.notice("language", warning)
        try:
            yield from self._written(inquiry, history, intent, where)
        except BackendError as error:
            if not isinstance(error, StreamCut) or not (inquiry.shown or inquiry.withheld):
                yield inquiry.answer("failed", "", origin, error=str(error))
                return
            inquiry.notice("stream_cut", str(error))
        if inquiry.shown or inquiry.withheld:
            yield from self._conflicting(inquiry)
        elif intent.kind == "question" and history and (facts := self._about_files(inquiry, where)):
            yield inquiry.answer("abstained", facts, origin)
            return
        inquiry.notices += order_notices(inquiry.passages, inquiry.cited_documents(), inquiry.read_by())
        yield from inquiry.end()
        yield inquiry.concluded(origin)

    def _about_files(self, inquiry: Inquiry, where: list[str] | None) -> str:
        """What the catalogue answers; empty when the question is not about the files."""
        if facts := catalogue_answer(inquiry.question, self.store, self.reader, where):
            inquiry.notice("catalogue", "This is about the files, not from what they say.")
        return facts

    def _written(
        self, inquiry: Inquiry, history: Sequence[Turn], intent: Intent, where: list[str] | None
    ) -> Iterator[Event]:
        """Have the answer written, by the first backend that can, and check it statement by statement."""
        answerers = self._answerers(inquiry.spec)
        for answerer in answerers:
            try:
                if not inquiry.passages:
                    yield self._found(inquiry, answerer, history, intent, where)
                yield from self._answered(inquiry, answerer, intent)
                return
            except (BackendNotReady, BackendUnavailable) as error:
                if answerer is answerers[-1] or inquiry.shown or inquiry.withheld:
                    raise
                inquiry.note(Reply(passed_over=tuple(str(error).splitlines())))

    def _found(
        self, inquiry: Inquiry, answerer: Answerer, history: Sequence[Turn], intent: Intent, where: list[str] | None
    ) -> Searched:
        """Find the passages, as many as the model can read."""
        if intent.kind == "question":
            count = passages_for(inquiry.spec, self.settings)
            found = answerer.find(inquiry.question, history, lambda text: self.retrieval.search(text, count, where))
        else:
            every = self.store.catalogue() if where is None else where
            found = Found(inquiry.question, opening_passages(self.store, intent.document, every))
        room = prompt_room(context_tokens(inquiry.spec, self.settings))
        kept = fit(found.passages, room, lambda some: _prompt_tokens(_prompt_of(intent), inquiry.question, some))
        inquiry.found(replace(found, passages=kept))
        if dropped := len(found.passages) - len(kept):
            inquiry.notice(
                "passages_dropped",
                f"{dropped} of {dropped + len(kept)} passages did not fit the model's context window.",
            )
        if intent.kind == "question" and kept:
            inquiry.answers_question = round(self._selector.read(found.question, kept).probability, 4)
        return Searched(inquiry.search_question, inquiry.passages)

    def _answered(self, inquiry: Inquiry, answerer: Answerer, intent: Intent) -> Iterator[Statement]:
        if not inquiry.passages:
            return
        if intent.kind == "question":
            if self._forbidden(inquiry, answerer):
                return
            parts = answerer.answer(inquiry.search_question, inquiry.passages)
        else:
            parts = answerer.outline(inquiry.search_question, inquiry.passages)
        with closing(parts):  # type: ignore[type-var]
            yield from self._checked(inquiry, parts)

    def _forbidden(self, inquiry: Inquiry, answerer: Answerer) -> bool:
        """Whether it is less probable than it should be that the passages answer: as the settings say, or else whoever
        writes the answer.
        """
        probability, point = inquiry.answers_question or 0.0, self.settings.abstain_below
        if point is not None and probability < point:
            inquiry.notice("weak_evidence", f"Not enough evidence in the documents (PINCITE_ABSTAIN_BELOW={point:g}).")
        return probability < (answerer.abstain_below if point is None else point)

    def forget_models(self) -> None:
        """Opens language models anew when they are asked next, with the keys that the settings have by then."""
        self._opened.clear()

    def _answerers(self, spec: str) -> list[Answerer]:
        """Who is asked, in order: the language models that stand before the offline backend, then that.

        Opened once: opening a model loads its package and its certificates.
        """
        if spec not in self._opened:
            names = [str(one) for one in parse_spec(spec)]
            models = list(itertools.takewhile(lambda name: name != OFFLINE, names))
            opener = functools.partial(open_model, ",".join(models), self.settings)
            self._opened[spec] = [
                *([LlmAnswerer(opener)] if models else []),
                *([self._extractive] if len(models) < len(names) else []),
            ]
        return self._opened[spec]

    def _checked(self, inquiry: Inquiry, parts: Iterator[Part]) -> Iterator[Statement]:
        for part in parts:
            if isinstance(part, Reply):
                inquiry.note(part)
            elif isinstance(part, Restart):
                inquiry.forget()
            elif isinstance(part, Draft):
                checked = self._check(part, inquiry)
                yield from inquiry.add(checked)
                if checked.statement.verdict in SHOWN:
                    inquiry.conflicting(conflicts(checked.statement, inquiry.passages, self.reader))
                if inquiry.is_long:
                    inquiry.notice("answer_cut", f"The answer was stopped after {MOST_STATEMENTS} statements.")
                    return

    def _conflicting(self, inquiry: Inquiry) -> Iterator[Statement]:
        """What the passages say otherwise than shown statements, quoted, unless one of those cites it."""
        for conflict in inquiry.uncited_conflicts():
            checked = self._check(Draft(conflict.text, (Marker(conflict.passage + 1, conflict.position + 1),)), inquiry)
            text = f"But {conflict.document} says: {conflict.text}"
            yield from inquiry.add(replace(checked, statement=replace(checked.statement, text=text)))

    def _check(self, draft: Draft, inquiry: Inquiry) -> Checked:
        checked = check(draft, inquiry.passages, self.model, self.verifier)
        self._exactness.confirm(checked.statement.citations)
        return checked


def open_chat(settings: Settings, progress: Progress | None = None, building: Callable[[], None] | None = None) -> Chat:
    """The chat over the documents folder's index. Without an index it is built first; `building` is called then."""
    check_spec(settings.backend, settings)
    check_verifier(settings.verifier)
    chat = Chat(settings)
    if not chat.store.catalogue():
        if building:
            building()
        chat.ingest(progress)
    return chat


def checked_question(question: str) -> str:
    """The question without white space around it. Raises QuestionError."""
    question = question.strip()
    if not any(c.isalnum() for c in question):
        raise QuestionError("The question is empty. Type one, for example: what are these documents about?")
    if any("\ud800" <= c <= "\udfff" for c in question):
        raise QuestionError("The question is not UTF-8 text. Type it again, or save its file as UTF-8.")
    if len(question) > QUESTION_CHARACTERS:
        raise QuestionError(
            f"The question has {len(question):,} characters. Ask it in at most {QUESTION_CHARACTERS:,}."
        )
    return question


def _info(entry: Entry, file: IndexedFile | None) -> DocumentInfo:
    size, modified = (file.size, file.mtime_ns / 1e9) if file else (0, 0.0)
    return DocumentInfo(
        entry.document,
        entry.title,
        entry.sha256,
        entry.characters,
        entry.chunks,
        entry.file,
        entry.pages,
        size,
        modified,
        entry.left_out,
    )


def _prompt_of(intent: Intent) -> str:
    return "answer" if intent.kind == "question" else "outline"


def _prompt_tokens(name: str, question: str, passages: Sequence[Passage]) -> int:
    values: Mapping[str, str] = {"question": question, "passages": numbered(passages)}
    return sum(count_tokens(message.text) for message in prompt(name).format_messages(**values))
