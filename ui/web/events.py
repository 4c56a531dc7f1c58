"""What happens on the page, one method an event. Knows chat and HTML, not the web framework that carries them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.chat import checked_question
from rag.errors import PinciteError, QuestionError
from rag.receipts.receipt import receipt_of
from rag.receipts.recheck import Finding, check
from rag.settings import Settings
from rag.types import Document
from ui.web import render, side, source
from ui.web.asking import Asking, Question
from ui.web.conversation import BROKEN, Chat, Conversation, Exchange, Listed, settled
from ui.web.conversations import Conversations

EXAMPLES = 4
EXAMPLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Here:
    """What a page sends along with every event: the open conversation, whose it is, and what is chosen at the top.

    `told` are the backends on other machines that it has said so of, `words` what the conversations are searched for.
    """

    conversation: str = ""
    owner: str = ""
    backend: str | None = None
    beside: str | None = None
    told: frozenset[str] = frozenset()
    words: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What an event changes on the page; None leaves a part as it is."""

    conversation: str | None = None
    told: frozenset[str] | None = None
    past: str | None = None
    current: str | None = None
    note: str | None = None
    source: str | None = None
    box: str | None = None
    running: bool | None = None
    list: str | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a page over one open chat. What people asked and were answered is in `conversations` alone.

    `examples` are questions for the empty page; without them some are made from the documents' own headings.
    `leaves_machine` says of a backend whether passages are sent to another machine.
    """

    chat: Chat
    settings: Settings
    leaves_machine: Callable[[str], bool]
    examples: Sequence[str] = ()
    conversations: Conversations = field(init=False)
    asking: Asking = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conversations", Conversations(self.settings.data))
        object.__setattr__(self, "asking", Asking(self.chat, self.settings, self.conversations))

    def opened(self, here: Here) -> Iterator[View]:
        """A conversation as it was left, with what is still being answered; an empty one where there is none."""
        around = self._around()
        exchanges = self._settled(here.conversation)
        chosen = self.backends_chosen(here)
        if not exchanges:
            lost = render.note("There is no such conversation any more.", warning=True) if here.conversation else ""
            empty = View(
                "", chosen.told, "", self._welcome(), lost + (chosen.note or ""), self._documents(), running=False
            )
            yield replace(empty, list=self._list(replace(here, conversation="")))
            return
        begun = replace(self._seen(exchanges, around), conversation=here.conversation, told=chosen.told)
        yield replace(begun, note=chosen.note, source=self._documents(), list=self._list(here))
        if running := self.asking.running(here.conversation):
            position, question = running
            yield from self._followed(question, exchanges[:position], around)

    def backends_chosen(self, here: Here) -> View:
        """Says once, before the first question, that passages will be sent elsewhere."""
        hosted: list[str] = []
        notes: list[str] = []
        for spec in dict.fromkeys(filter(None, (here.backend or self.settings.backend, here.beside))):
            try:
                hosted += [spec] if self.leaves_machine(spec) and spec not in here.told else []
            except PinciteError as error:
                notes.append(render.note(str(error), warning=True))
        if hosted:
            notes.insert(0, render.leaving(hosted))
        return View(note="".join(notes), told=here.told | set(hosted) if hosted else None)

    def asked(self, text: str, here: Here) -> Iterator[View]:
        """An answer as it grows, or two when there is a backend `beside` the first.

        What cannot be asked stays in the box, with one line that says why.
        """
        notice = self.backends_chosen(here)
        if notice.told is not None:  # the question was faster than the picker: say it now, and ask when it comes again
            yield replace(notice, box=text)
            return
        try:
            new = Exchange(checked_question(text), backend=here.backend or self.settings.backend)
        except QuestionError as error:
            yield View(box=text, note=render.note(str(error), warning=True), running=False)
            return
        if here.beside:
            new = replace(new, beside=Exchange(new.question, backend=here.beside))
        around, past = self._around(), self._settled(here.conversation)
        conversation, question = self.asking.ask(here.conversation, new, past, here.owner)
        now = replace(here, conversation=conversation)
        begun = replace(self._seen((*past, new), around), conversation=conversation, box="", note="")
        yield replace(begun, list=self._list(now))
        yield from self._followed(question, past, around)

    def stopped(self, here: Here) -> View:
        """The conversation after the reader stopped an answer."""
        if running := self.asking.running(here.conversation):
            running[1].stop()
        return self._seen(self._settled(here.conversation), self._around())

    def broken(self, here: Here) -> View:
        """The page after a bug, whose traceback is in the terminal."""
        exchanges = self._settled(here.conversation)
        view = self._seen(exchanges, self._around()) if exchanges else View(running=False)
        return replace(view, note=render.note(BROKEN, warning=True))

    def listed(self, here: Here) -> View:
        """The conversations that hold the words which are searched for."""
        return View(list=self._list(here))

    def managed(self, chosen: Mapping[str, object], here: Here) -> View:
        """A conversation renamed, pinned, deleted or brought back, and the list after it."""
        conversation, do = str(chosen.get("conversation", "")), str(chosen.get("do", ""))
        title, told = self.conversations.title(conversation) or "", ""
        try:
            match do:
                case "rename":
                    self.conversations.rename(conversation, str(chosen.get("title", "")), here.owner)
                case "pin" | "unpin":
                    self.conversations.pin(conversation, do == "pin", here.owner)
                case "delete":
                    self.conversations.delete(conversation, here.owner)
                    told = side.deleted(conversation, title)
                case "restore":
                    self.conversations.restore(conversation, here.owner)
        except PinciteError as error:
            told = side.refused(str(error))
        if do == "delete" and conversation == here.conversation:
            empty = next(self.opened(replace(here, conversation="")))
            return replace(empty, list=self._list(replace(here, conversation=""), told))
        return View(list=self._list(here, told))

    def place_chosen(self, chosen: Mapping[str, object], here: Here) -> str:
        """The source panel at the place whose attributes `render.place` wrote, or else the list of documents."""
        try:
            if "document" not in chosen:
                return source.document_list(self.chat.documents())
            name, sha256 = str(chosen["document"]), str(chosen.get("sha256", ""))
            start, end = int(str(chosen.get("start", 0))), int(str(chosen.get("end", 0)))
            kind = str(chosen.get("kind", "citation"))
            hashes = {document.id: document.sha256 for document in self.chat.documents()}
            if sha256 and hashes.get(name) != sha256 and (found := self._finding(here, name, sha256, (start, end))):
                return self._changed(found)
            return source.open_document(self.chat.document(name), start, end, sha256, kind)
        except PinciteError as error:
            return source.unavailable(str(error))
        except ValueError as error:
            return source.unavailable(f"There is no such place: {error}.")

    def _finding(self, here: Here, name: str, sha256: str, place: tuple[int, int]) -> Finding | None:
        """What has become of a citation into a document that has changed, by the receipt of its answer."""
        today: dict[str, Document] = {}
        if name in {document.id for document in self.chat.documents()}:
            now = self.chat.document(name)
            today[name] = Document(now.id, now.text, now.blocks, now.pages)
        for exchange in self.conversations.exchanges(here.conversation):
            for kept in (column.receipt for column in exchange.columns if column.receipt):
                for found in check(receipt_of(kept), today):
                    cited = found.cited
                    if (cited.document, cited.sha256, cited.start, cited.end) == (name, sha256, *place):
                        return found
        return None

    def _changed(self, found: Finding) -> str:
        if found.now:
            return source.open_moved(self.chat.document(found.cited.document), found.now)
        return source.lost(found, self._around().titles.get(found.cited.document))

    def _followed(self, question: Question, past: Conversation, around: render.Around) -> Iterator[View]:
        for exchange in question.follow():
            yield self._seen((*past, exchange), around, only_last=True)

    def _settled(self, conversation: str) -> Conversation:
        """The exchanges of a conversation; what is unfinished and not being answered any more was interrupted."""
        exchanges = self.conversations.exchanges(conversation)
        return exchanges if self.asking.running(conversation) else settled(exchanges)

    def _welcome(self) -> str:
        try:
            documents = self.chat.documents()
            return render.welcome(len(documents), self.examples or examples_from(self.chat, documents))
        except PinciteError as error:
            return render.failure(str(error))

    def _documents(self) -> str:
        try:
            return source.document_list(self.chat.documents())
        except PinciteError:  # asking says what is wrong
            return source.document_list(())

    def _list(self, here: Here, told: str = "") -> str:
        return side.conversation_list(
            self.conversations.listed(here.owner, here.words), here.conversation, here.words, told
        )

    def _around(self) -> render.Around:
        try:
            documents = self.chat.documents()
        except PinciteError:  # titles are only for show; asking says what is wrong
            documents = []
        titles = {d.id: d.title for d in documents}
        hashes = {d.id: d.sha256 for d in documents}
        return render.Around(titles, self.settings.show, self.chat.verifier.quality, hashes)

    def _seen(self, conversation: Conversation, around: render.Around, only_last: bool = False) -> View:
        """A conversation as it looks; `only_last` when nothing before its last exchange has changed."""
        if not conversation:
            return View(past="", current=self._welcome(), running=False)
        return View(
            past=None if only_last else render.exchanges(conversation[:-1], around),
            current=render.exchanges(conversation[-1:], around),
            running=conversation[-1].running,
        )


def examples_from(chat: Chat, documents: Sequence[Listed]) -> list[str]:
    """Questions to begin with, from the documents' own titles and headings."""
    examples = ["What is in these documents?"] if documents else []
    examples += [f"Summarise “{d.title}”" for d in documents if len(d.title) <= EXAMPLE_CHARACTERS][:1]
    for listed in documents[: EXAMPLES * 2]:
        document = chat.document(listed.id)
        headings = [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"][1:]
        fitting = [h for h in headings if 15 <= len(h) <= EXAMPLE_CHARACTERS - 30]
        if fitting:
            examples.append(f"What do the documents say about {fitting[len(examples) % len(fitting)]}?")
        if len(examples) == EXAMPLES:
            break
    return examples
