"""Questions on their way. Each answer grows in threads of its own, so that it outlives the page that asked for it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from rag.errors import NoDocument, PinciteError
from rag.receipts.receipt import receipt
from rag.settings import Settings
from ui.web.conversation import BROKEN, Chat, Conversation, Exchange, converse
from ui.web.conversations import Conversations


class Question:
    """One question, put to one backend or to several at the same time. What goes wrong in one leaves the others."""

    def __init__(
        self, chat: Chat, exchange: Exchange, past: Conversation, finished: Callable[[Exchange], None]
    ) -> None:
        self._chat, self._past, self._finished = chat, past, finished
        self._columns = list(exchange.columns)
        self._working = len(self._columns)
        self._grown, self._version, self._stopped = threading.Condition(), 0, False

    def start(self) -> None:
        """Daemons, so that a silent provider does not keep a server that was stopped."""
        for column in range(len(self._columns)):
            threading.Thread(target=self._work, args=(column,), daemon=True, name="pincite answer").start()

    @property
    def exchange(self) -> Exchange:
        """As much as has arrived."""
        first, *others = self._columns
        return replace(first, beside=others[0]) if others else first

    def follow(self) -> Iterator[Exchange]:
        """The exchange each time it has grown, the finished one last. Any number may follow, from any moment on."""
        seen = -1
        while True:
            with self._grown:
                self._grown.wait_for(lambda: self._version > seen)  # noqa: B023
                seen, exchange, over = self._version, self.exchange, not self._working
            yield exchange
            if over:
                return

    def stop(self) -> None:
        """Ends what is unfinished. A request to a model ends with the next words that come of it."""
        with self._grown:
            self._stopped = True
            self._end(range(len(self._columns)))
            self._working = 0

    def _work(self, column: int) -> None:
        """Runs in its thread. A bug ends it with its traceback in the terminal, and its column says so."""
        try:
            with closing(converse(self._chat, self._columns[column], self._past)) as growing:  # type: ignore[type-var]
                for grown in growing:
                    if not self._tell(column, grown):
                        return
        except PinciteError as error:
            self._tell(column, replace(self._columns[column], error=str(error)))
        finally:
            with self._grown:
                if not self._stopped:
                    self._working -= 1
                    self._end([column], BROKEN)

    def _tell(self, column: int, grown: Exchange) -> bool:
        with self._grown:
            if not self._stopped:
                self._columns[column] = grown
                self._version += 1
                self._grown.notify_all()
            return not self._stopped

    def _end(self, columns: Sequence[int], error: str | None = None) -> None:
        for column in columns:
            self._columns[column] = self._columns[column].ended(error)
        if self._stopped or not self._working:
            self._finished(self.exchange)
        self._version += 1
        self._grown.notify_all()


class Asking:
    """The questions that are being answered now, by conversation."""

    def __init__(self, chat: Chat, settings: Settings, conversations: Conversations) -> None:
        self._chat, self._settings, self._conversations = chat, settings, conversations
        self._running: dict[str, tuple[int, Question]] = {}

    def ask(self, conversation: str, exchange: Exchange, past: Conversation, owner: str) -> tuple[str, Question]:
        """Begins to answer; the exchange is on disk from the start. Gives the conversation it is in."""
        conversation, position = self._conversations.begin(conversation, exchange, owner)

        def finished(now: Exchange) -> None:
            self._conversations.save(conversation, position, self._with_receipts(now))
            if self._running.get(conversation, (None,))[0] == position:
                del self._running[conversation]

        question = Question(self._chat, exchange, past, finished)
        self._running[conversation] = position, question
        question.start()
        return conversation, question

    def running(self, conversation: str) -> tuple[int, Question] | None:
        """The question of a conversation that is still being answered, and its place."""
        return self._running.get(conversation)

    def _with_receipts(self, exchange: Exchange) -> Exchange:
        beside = exchange.beside and self._with_receipts(exchange.beside)
        if exchange.answer is None or exchange.answer.status != "answered":
            return replace(exchange, beside=beside)
        return replace(exchange, beside=beside, receipt=receipt(exchange.answer, self._settings, self._text_of))

    def _text_of(self, document: str) -> str | None:
        try:
            return self._chat.document(document).text
        except NoDocument:
            return None
