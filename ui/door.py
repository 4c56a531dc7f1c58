"""What programs get from an open index, whichever protocol they speak: the nouns, without HTTP and without MCP."""

from collections.abc import Generator
from typing import Literal

from rag.answer.checking import is_shown
from rag.chat import Chat
from rag.documents import LARGEST_BYTES
from rag.documents.isolation import picture_apart
from rag.errors import NoDocument, ReadError, UsageError
from rag.receipts.receipt import parse_receipt
from rag.receipts.recheck import check, read_today
from rag.settings import Settings
from rag.types import JSON, Answer, Event, Statement
from ui.api.requests import Ask, Read, Search
from ui.cli.verify import findings_record, findings_text
from ui.permitted import spec_of

Kind = Literal["searched", "statement", "withheld", "answer"]


class Door:
    """An open chat as programs may use it. Threads may share it."""

    def __init__(self, chat: Chat, settings: Settings) -> None:
        self.chat, self.settings = chat, settings

    def stream(self, wanted: Ask) -> Generator[tuple[Kind, Event], None, None]:
        """What happens on the way to an answer, the answer last. Each statement is said to be shown or withheld.

        Raises what `Chat.stream` raises, and UnknownBackend.
        """
        held = self.settings.show == "strict"  # until all are checked, it is not known what is shown
        for event in self.chat.stream(
            wanted.question, wanted.turns(), spec_of(wanted.backend, self.settings), wanted.documents
        ):
            if isinstance(event, Answer):
                if held:
                    yield from (("statement", statement) for statement in event.statements)
                    yield from (("withheld", statement) for statement in event.withheld)
                yield "answer", event
            elif isinstance(event, Statement):
                shown = is_shown(event, self.settings.show)
                if not held:
                    yield "statement" if shown else "withheld", event
            else:
                yield "searched", event

    def documents(self) -> JSON:
        """The documents that can be asked about."""
        listed = self.chat.documents()
        return {
            "documents": [
                {"document": d.id, "title": d.title, "characters": d.characters, "left_out": dict(d.left_out)}
                for d in listed
            ]
        }

    def read(self, wanted: Read, most: int | None = None) -> JSON:
        """A document's canonical text, or part of it; without an end at most `most` characters.

        Raises NoDocument, and UsageError for offsets outside of it.
        """
        try:
            document = self.chat.document(wanted.document)
        except NoDocument:
            raise NoDocument("There is no document of that id. Ask for the list of documents.") from None
        long = len(document.text)
        end = wanted.end
        if end is None:
            end = long if most is None else max(wanted.start, min(wanted.start + most, long))
        for name, place in (("start", wanted.start), ("end", end)):
            if place > long:
                raise UsageError(f"{name} {place} lies beyond the end: the document has {long} characters.")
        if end < wanted.start:
            raise UsageError(f"end {end} lies before start {wanted.start}. Exchange them.")
        return {
            "document": document.id,
            "title": document.title,
            "sha256": document.sha256,
            "characters": long,
            "start": wanted.start,
            "end": end,
            "text": document.text[wanted.start : end],
        }

    def picture(self, wanted: Read, page: int) -> bytes:
        """A page of a PDF as PNG, with the words of the wanted part marked.

        Raises NoDocument for a document or a page that there is not, UsageError for one that is no PDF.
        """
        entry = self.chat.store.catalogue().get(wanted.document)
        if entry is None:
            raise NoDocument("There is no document of that id. Ask for the list of documents.")
        file = self.settings.documents / entry.file
        if file.suffix.lower() != ".pdf" or not file.resolve().is_relative_to(self.settings.documents.resolve()):
            raise UsageError("That document has no pictures of its pages. Ask for those of a PDF file.")
        try:
            data = file.read_bytes() if file.stat().st_size <= LARGEST_BYTES else b""
            return picture_apart(data, entry.file, page, (wanted.start, wanted.end or 0), entry.sha256)
        except (OSError, ReadError) as error:
            reason = str(error) if isinstance(error, ReadError) else f"{entry.file} is not there any more."
            raise NoDocument(reason) from None

    def search(self, wanted: Search) -> JSON:
        """The passages that best answer a question, best first."""
        found = self.chat.search(wanted.question, wanted.count, wanted.documents)
        texts = [
            {
                "sha256": p.chunk.sha256,
                "page": p.chunk.page,
                "page_label": p.chunk.page_label_at(p.chunk.start),
                "text": p.chunk.text,
            }
            for p in found
        ]
        return {
            "question": wanted.question.strip(),
            "passages": [passage.record() | text for passage, text in zip(found, texts, strict=True)],
        }

    def verify(self, saved: bytes) -> tuple[JSON, str]:
        """Which citations of a saved answer or receipt still hold, also as text. Raises UsageError for all else."""
        try:
            receipt = parse_receipt(saved)
        except ValueError as error:
            raise UsageError(
                f"That is no saved answer: {error}. Send an answer record, or what pincite ask --receipt has written."
            ) from None
        names = {cited.document for cited in receipt.citations}
        today = read_today(self.settings.documents, names) if names else {}
        findings = check(receipt, today)
        return findings_record(receipt, findings), findings_text(receipt, findings)
