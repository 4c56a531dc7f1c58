"""What happens on the page, one method an event. Knows chat and HTML, not the web framework that carries them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.errors import PinciteError, QuestionError
from rag.settings import Settings
from ui.web import render, source
from ui.web.compare import converse_both
from ui.web.conversation import BROKEN, Chat, Conversation, Exchange, Listed, converse, settled

EXAMPLES = 4
EXAMPLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class View:
    """What an event changes on the page; None leaves a part as it is."""

    conversation: Conversation | None = None
    told: frozenset[str] | None = None
    past: str | None = None
    current: str | None = None
    note: str | None = None
    source: str | None = None
    box: str | None = None
    running: bool | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a page over one open chat. Holds nothing of anybody's conversation.

    `examples` are questions for the empty page; without them some are made from the documents' own headings.
    `leaves_machine` says of a backend whether passages are sent to another machine.
    """

    chat: Chat
    settings: Settings
    leaves_machine: Callable[[str], bool]
    examples: Sequence[str] = ()

    def opened(self, backend: str | None, beside: str | None, told: frozenset[str]) -> View:
        """An empty conversation, with the documents beside it."""
        try:
            documents = self.chat.documents()
            welcome = render.welcome(len(documents), self.examples or examples_from(self.chat, documents))
            panel = source.document_list(documents)
        except PinciteError as error:
            welcome, panel = render.failure(str(error)), source.document_list(())
        empty = View(conversation=(), past="", current=welcome, source=panel, box="", running=False)
        chosen = self.backends_chosen(backend, beside, told)
        return replace(empty, note=chosen.note, told=chosen.told)

    def backends_chosen(self, backend: str | None, beside: str | None, told: frozenset[str]) -> View:
        """Says once, before the first question, that passages will be sent elsewhere."""
        hosted: list[str] = []
        notes: list[str] = []
        for spec in dict.fromkeys(filter(None, (backend or self.settings.backend, beside))):
            try:
                hosted += [spec] if self.leaves_machine(spec) and spec not in told else []
            except PinciteError as error:
                notes.append(render.note(str(error), warning=True))
        if hosted:
            notes.insert(0, render.leaving(hosted))
        return View(note="".join(notes), told=told | set(hosted) if hosted else None)

    def asked(
        self, text: str, so_far: Conversation, backend: str | None, beside: str | None, told: frozenset[str]
    ) -> Iterator[View]:
        """An answer as it grows, or two when there is a backend `beside` the first.

        What cannot be asked stays in the box, with one line that says why.
        """
        notice = self.backends_chosen(backend, beside, told)
        if notice.told is not None:  # the question was faster than the picker: say it now, and ask when it comes again
            yield replace(notice, box=text)
            return
        past, around = settled(so_far), self._around()
        new = Exchange(text, backend=backend or self.settings.backend)
        if beside:
            new = replace(new, beside=Exchange(text, backend=beside))
        try:
            if text.strip():
                yield replace(self._seen((*past, new), around), box="", note="")
            for exchange in (converse_both if beside else converse)(self.chat, new, past):
                yield self._seen((*past, exchange), around, only_last=True)
        except QuestionError as error:
            yield replace(self._seen(past, around), box=text, note=render.note(str(error), warning=True))
        except PinciteError as error:
            yield replace(self._seen((*past, new.ended(str(error))), around), note="")

    def stopped(self, so_far: Conversation) -> View:
        """The conversation after the reader stopped an answer."""
        return self._seen(settled(so_far), self._around())

    def broken(self, so_far: Conversation) -> View:
        """The conversation after a bug, whose traceback is in the terminal."""
        if not so_far or not so_far[-1].running:
            return View(note=render.note(BROKEN, warning=True), running=False)
        return self._seen(settled(so_far, error=BROKEN), self._around())

    def place_chosen(self, chosen: Mapping[str, object]) -> str:
        """The source panel at the place whose attributes `render.place` wrote, or else the list of documents."""
        try:
            if "document" not in chosen:
                return source.document_list(self.chat.documents())
            document = self.chat.document(str(chosen["document"]))
            start, end = int(str(chosen.get("start", 0))), int(str(chosen.get("end", 0)))
            kind = str(chosen.get("kind", "citation"))
            return source.open_document(document, start, end, str(chosen.get("sha256", "")), kind)
        except PinciteError as error:
            return source.unavailable(str(error))
        except ValueError as error:
            return source.unavailable(f"There is no such place: {error}.")

    def _around(self) -> render.Around:
        try:
            titles = {d.id: d.title for d in self.chat.documents()}
        except PinciteError:  # titles are only for show; asking says what is wrong
            titles = {}
        return render.Around(titles, self.settings.show, self.chat.verifier.quality)

    def _seen(self, conversation: Conversation, around: render.Around, only_last: bool = False) -> View:
        """A conversation as it looks; `only_last` when nothing before its last exchange has changed."""
        if not conversation:
            return replace(self.opened(None, None, frozenset()), source=None, told=None, note=None, box=None)
        return View(
            conversation=conversation,
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
