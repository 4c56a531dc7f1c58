"""A real Chromium and a real server for the tests of the page."""

import contextlib
import importlib.util
import os
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rag.settings import Settings
from ui.api.server import listen, server
from ui.web.page import build_page, web_app

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
TIMEOUT_MS = 180_000


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium; the test is skipped where there is none, or fails with REQUIRE_BROWSER=1."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    reason = "" if path else "no Chromium: install it, or set CHROMIUM to its path"
    if not importlib.util.find_spec("playwright"):
        reason = "Playwright is not installed"
    if reason and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def served(chat: Any, settings: Settings, **options: Any) -> Iterator[str]:
    """The address of the page over `chat`, served on a free port."""
    with listen("127.0.0.1", 0) as listening:
        running = server(web_app(build_page(chat, settings, **options), "127.0.0.1"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = time.monotonic() + 600
            while not running.started and time.monotonic() < deadline:
                time.sleep(0.05)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            running.should_exit = True
            thread.join(600)


@contextlib.contextmanager
def opened(context: Any, url: str, arrived: str = "#current :is(.example, .failed)") -> Iterator[Any]:
    """A page in a browser context, which has asked nothing of any other machine by the time it closes."""
    asked: list[str] = []
    broken: list[str] = []
    with contextlib.closing(context.new_page()) as page:
        page.set_default_timeout(TIMEOUT_MS)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(url)
        page.locator(arrived).first.wait_for()
        yield page
    assert asked and not [u for u in asked if not u.startswith((url.partition("?")[0], "data:", "blob:"))]
    assert not broken


def ask(page: Any, question: str, finished: bool = True) -> None:
    """Types a question and presses Enter; waits until its answer is finished."""
    before = page.locator(".exchange").count()
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    page.locator(".exchange").nth(before).wait_for()
    if finished:
        page.locator("#current :is(.colophon, .failed)").first.wait_for()
