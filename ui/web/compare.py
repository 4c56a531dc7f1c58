"""One question put to two backends at the same time, each in a thread of its own."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from queue import SimpleQueue

from rag.errors import PinciteError, QuestionError
from ui.web.conversation import BROKEN, Chat, Exchange, converse


def converse_both(chat: Chat, exchange: Exchange, past: Sequence[Exchange]) -> Iterator[Exchange]:
    """The exchange as both its columns grow. What goes wrong in one column leaves the other.

    Raises QuestionError, which is about the question and so about both. A bug ends its thread with the traceback in
    the terminal, and its column says so.
    """
    columns = list(exchange.columns)
    arrived: SimpleQueue[tuple[int, Exchange | PinciteError | None]] = SimpleQueue()
    nobody_listens = threading.Event()

    def work(column: int) -> None:
        try:
            with closing(converse(chat, columns[column], past)) as growing:  # type: ignore[type-var]
                for grown in growing:
                    arrived.put((column, grown))
                    if nobody_listens.is_set():
                        return
        except PinciteError as error:
            arrived.put((column, error))
        finally:
            arrived.put((column, None))

    working = {c: threading.Thread(target=work, args=(c,), daemon=True) for c in range(len(columns))}
    for thread in working.values():
        thread.start()
    try:
        while working:
            column, came = arrived.get()
            if came is None:
                working.pop(column).join()  # it has nothing left to do but to print the traceback of a bug
            columns[column] = _after(columns[column], came)
            yield replace(columns[0], beside=columns[1])
    finally:
        nobody_listens.set()


def _after(column: Exchange, came: Exchange | PinciteError | None) -> Exchange:
    """A column after something came from its thread; None comes last."""
    match came:
        case QuestionError():
            raise came
        case PinciteError():
            return replace(column, error=str(came))
        case None:
            return column.ended(BROKEN) if column.unfinished else column
        case _:
            return came
