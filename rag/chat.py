"""The door that the page, the command line, the API and the evaluation share: a question in, a checked answer out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from langchain_core.language_models import BaseChatModel

from rag.answer import replies
from rag.answer.answerability import Evidence
from rag.answer.builder import MOST_STATEMENTS, Inquiry, Origin
from rag.answer.chain import Part, Reply, State, finding, writing
from rag.answer.checking import Checked, check, order_notices
from rag.answer.disagreement import Disagreements, cited_places
from rag.answer.exactness import Exactness
from rag.answer.extractive import OfflineChatModel
from rag.answer.intents import Intent, intent_of
from rag.answer.overview import indexed_document, opening_passages
from rag.answer.parser import Draft
from rag.answer.premise import Premise
from rag.documents.language import question_warning
from rag.errors import BackendError, NoDocument, QuestionError, StreamCut
from rag.index.ingest import Progress, Summary, ingest
from rag.index.rows import Entry, IndexedFile
from rag.index.store import Store
from rag.llms import check_spec, context_tokens, open_model
from rag.llms.budget import fit, prompt_room
from rag.llms.prompts import numbered, prompt
from rag.models.embeddings import open_embedder
from rag.models.minilm import MiniLM
from rag.models.token_vectors import TokenVectors
from rag.models.tokens import count_tokens
from rag.search.hybrid import Retrieval
from rag.search.rerank import open_reranker
from rag.search.scope import documents_in
from rag.search.spelling import corrected
from rag.settings import Settings
from rag.types import Answer, Document, Event, Passage, Searched, Statement, Turn, Usage
from rag.verify import Verifier, open_verifier
from rag.verify.wording import Reader

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


class Chat:
    """An open index with everything that answers from it. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.model = MiniLM(settings.threads)
        token_vectors = TokenVectors(self.model, settings.data / "token_vectors.sqlite")
        self.embedder = open_embedder(settings, self.model, token_vectors)
        self.store = Store(settings.data, self.embedder.fingerprint, settings.chroma_url)
        self.retrieval = Retrieval(self.store, self.embedder, open_reranker(settings, self.model, token_vectors))
        self._offline = OfflineChatModel(self.model, token_vectors, settings.abstain_below)
        self.verifier: Verifier = open_verifier("offline", self.model)
        self._reader = Reader(self.model)
        self._models: dict[str, BaseChatModel] = {}
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
        return indexed_document(document, text, self.store.chunks_of(document))

    def evidence(self, question: str) -> Evidence | None:
        """What speaks for and against the documents answering a standalone question; None when nothing is found."""
        return self._offline.evidence(question, self.retrieval.search(question, self.settings.passages))

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
        intent = intent_of(question, titles)
        if intent.kind in replies.OWN_WORDS:
            text = (
                replies.greeting(len(titles)) if intent.kind == "greeting" else replies.abilities(list(titles.values()))
            )
            inquiry.notice(intent.kind, "This is not an answer from the documents.")
            yield inquiry.answer("abstained", text, origin)
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
            yield from self._rivals(inquiry, final=True)
        inquiry.notices += order_notices(inquiry.passages, inquiry.cited_documents(), inquiry.read_by())
        yield from inquiry.end()
        yield inquiry.concluded(origin)

    def _written(
        self, inquiry: Inquiry, history: Sequence[Turn], intent: Intent, where: list[str] | None
    ) -> Iterator[Event]:
        """Find the passages, have the answer written, and check it statement by statement."""
        model = self._model(inquiry.spec)
        state: State = {"question": inquiry.question, "history": list(history)}
        name = "answer" if intent.kind == "question" else "outline"
        if intent.kind == "question":
            state = finding(
                model,
                lambda text: self.retrieval.search(text, self.settings.passages, where),
                lambda text, passages: corrected(text, passages, self.model),
            ).invoke(state)
            inquiry.used(state.get("rewriting", Usage()))
        else:
            every = self.store.catalogue() if where is None else where
            opening = opening_passages(self.store, intent.document, every)
            state |= {"search_question": inquiry.question, "passages": opening}
        found: tuple[Passage, ...] = state["passages"]
        room = prompt_room(context_tokens(inquiry.spec, self.settings))
        state["passages"] = fit(found, room, lambda some: _prompt_tokens(name, inquiry.question, some))
        inquiry.found(state["search_question"], state["passages"])
        if dropped := len(found) - len(inquiry.passages):
            inquiry.notice(
                "passages_dropped", f"{dropped} of {len(found)} passages did not fit the model's context window."
            )
        yield Searched(inquiry.search_question, inquiry.passages)
        if inquiry.passages and not (intent.kind == "question" and self._forbidden(inquiry)):
            # Closing what it wrote ends the request to the model, whoever stops listening.
            with closing(writing(model, name).stream(state)) as parts:  # type: ignore[type-var]
                yield from self._checked(inquiry, parts)

    def _forbidden(self, inquiry: Inquiry) -> bool:
        """Whether it is less probable that the passages hold an answer than the settings ask for, whoever writes it."""
        point = self.settings.abstain_below
        if point is None:
            return False
        evidence = self._offline.evidence(inquiry.search_question, inquiry.passages)
        if evidence and evidence.probability >= point:
            return False
        inquiry.notice(
            "weak_evidence", f"Too little speaks for an answer in the documents (PINCITE_ABSTAIN_BELOW={point:g})."
        )
        return True

    def _model(self, spec: str) -> BaseChatModel:
        """The model of a list of backends, opened once: opening one loads its package and its certificates."""
        if spec not in self._models:
            self._models[spec] = open_model(spec, self.settings, ready={"offline": self._offline})
        return self._models[spec]

    def _checked(self, inquiry: Inquiry, parts: Iterator[Part]) -> Iterator[Statement]:
        disagreements = Disagreements(inquiry.search_question, inquiry.passages, self._reader)
        premise = Premise(inquiry.search_question, inquiry.question, inquiry.passages, self._reader)
        inquiry.contradicted(premise.nearest())
        for part in parts:
            if isinstance(part, Reply):
                inquiry.note(part)
            elif isinstance(part, Draft):
                checked = self._check(part, inquiry)
                places = cited_places(checked.statement, inquiry.passages)
                inquiry.contradicted(premise.among(places))
                inquiry.cites(places, checked.statement)
                yield from self._rivals(inquiry)
                if inquiry.has_quoted(part.text):
                    continue
                yield from inquiry.add(checked)
                inquiry.contradicted(disagreements.against(checked.statement), part.text.startswith("- "))
                if inquiry.is_long:
                    inquiry.notice("answer_cut", f"The answer was stopped after {MOST_STATEMENTS} statements.")
                    return

    def _rivals(self, inquiry: Inquiry, final: bool = False) -> Iterator[Statement]:
        """What the passages say against the question or the last statement, quoted, unless the model cites it."""
        for rival, item in inquiry.uncited_rivals(final):
            checked = self._check(rival.draft, inquiry)
            yield from inquiry.add(replace(checked, statement=rival.introduced(checked.statement, item)))

    def _check(self, draft: Draft, inquiry: Inquiry) -> Checked:
        checked = check(draft, inquiry.passages, self.model, self.verifier)
        self._exactness.confirm(checked.statement.citations)
        return checked


def open_chat(settings: Settings, progress: Progress | None = None, building: Callable[[], None] | None = None) -> Chat:
    """The chat over the documents folder's index. Without an index it is built first; `building` is called then."""
    check_spec(settings.backend, settings)
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
    )


def _prompt_tokens(name: str, question: str, passages: Sequence[Passage]) -> int:
    values: Mapping[str, str] = {"question": question, "passages": numbered(passages)}
    return sum(count_tokens(message.text) for message in prompt(name).format_messages(**values))
