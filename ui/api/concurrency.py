"""Work that is done in threads while an event loop goes on: so much at once, so much waiting, the rest turned away."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from rag.errors import PinciteError

STOPPED = "The server is being stopped. Ask again when it is back."

_T = TypeVar("_T")


class Full(PinciteError):
    """As much as may wait is waiting already."""


class Stopped(PinciteError):
    """The server is being stopped."""


class Broken(Exception):
    """A bug in the work, whose traceback is in the log."""


@dataclass(frozen=True, slots=True)
class _Item(Generic[_T]):
    value: _T


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class Turnstile:
    """Lets `at_once` pieces of work through; `waiting` more may stand in line, in the order they came."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most, self.waiting = waiting, 0
        self._under_way: set[asyncio.Queue[Any]] = set()
        self._stopped = False

    def stop(self) -> None:
        """Ends everything that is under way or waiting with Stopped, at once, and lets nothing through any more."""
        self._stopped = True
        for given in self._under_way:
            given.put_nowait(_End(Stopped(STOPPED)))
        for _ in range(self.waiting):
            self._free.release()

    async def stream(
        self, work: Callable[[], Generator[_T, None, None]], pause_s: float | None = None
    ) -> AsyncGenerator[_T | None, None]:
        """What `work` gives, each as soon as it is there; None whenever nothing has come for `pause_s` seconds.

        Raises Full before anything is done, Stopped, Broken for a bug, and the PinciteError that the work raises. When
        nobody takes what it gives any more, the work ends with what it is about to give; its place is free when it has.
        """
        await self._through()
        loop, stop = asyncio.get_running_loop(), threading.Event()
        given: asyncio.Queue[_Item[_T] | _End] = asyncio.Queue()
        self._under_way.add(given)

        def tell(news: _Item[_T] | _End) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody listens any more
                if isinstance(news, _End):
                    loop.call_soon_threadsafe(self._free.release)
                loop.call_soon_threadsafe(given.put_nowait, news)

        # A daemon, so that a silent provider does not keep a server that was stopped.
        threading.Thread(target=_work, args=(work, stop, tell), daemon=True, name="pincite work").start()
        try:
            while True:
                try:
                    news = await asyncio.wait_for(given.get(), pause_s)
                except TimeoutError:
                    yield None
                    continue
                if isinstance(news, _End):
                    break
                yield news.value
        finally:
            stop.set()
            self._under_way.discard(given)
        if news.error:
            raise news.error

    async def run(self, work: Callable[[], _T]) -> _T:
        """What `work` returns. Raises Full, and what it raises."""

        def alone() -> Generator[_T, None, None]:
            yield work()

        async with aclosing(self.stream(alone)) as given:
            return cast("_T", await anext(given))

    async def _through(self) -> None:
        if not self._stopped:
            if self._free.locked() and self.waiting >= self._most:
                raise Full("Too many questions are being answered already. Try again in a few seconds.")
            self.waiting += 1
            try:
                await self._free.acquire()
            finally:
                self.waiting -= 1
        if self._stopped:
            raise Stopped(STOPPED)


def _work(
    work: Callable[[], Generator[_T, None, None]], stop: threading.Event, tell: Callable[[_Item[_T] | _End], None]
) -> None:
    """Runs in its thread. A bug ends it with its traceback on standard error."""
    end = _End(Broken())
    try:
        with closing(work()) as given:
            for value in given:
                if stop.is_set():
                    break
                tell(_Item(value))
        end = _End(None)
    except PinciteError as error:
        end = _End(error)
    finally:
        tell(end)
