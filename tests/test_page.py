"""The main job end to end: the page over the real chat, the bundled model and the seed documents."""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, chromium, opened, served

from rag.chat import Chat, open_chat
from rag.settings import Settings, load_settings

pytestmark = pytest.mark.slow

QUESTION = "What are the key activities of military diplomacy in crisis management?"
SEEDS = Path(__file__).parent.parent / "seeds"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def context(browser: Any) -> Any:
    return browser.new_context(viewport={"width": 1280, "height": 720}, device_scale_factor=2)


@pytest.fixture
def page(context: Any, url: str) -> Iterator[Any]:
    with opened(context, url) as one:
        yield one


@pytest.fixture(scope="module")
def settings(_seeds_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = shutil.copytree(_seeds_data, tmp_path_factory.mktemp("page") / "data")
    return load_settings({"documents": SEEDS, "data": data}, environ={})


@pytest.fixture(scope="module")
def chat(settings: Settings) -> Chat:
    return open_chat(settings)


@pytest.fixture(scope="module")
def url(chat: Chat, settings: Settings) -> Iterator[str]:
    with served(chat, settings) as address:
        yield address


def record_of(page: Any) -> dict[str, Any]:
    """The record of the latest answer, as the page hands it out."""
    address: str = page.get_attribute("#current .save", "href")
    record: dict[str, Any] = json.loads(base64.b64decode(address.partition(",")[2]))
    return record


def open_mark(page: Any, number: int, key: str | None = None) -> str:
    """The characters that are marked in the source after choosing the mark with this number, by a click or a key."""
    mark = page.get_by_role("button", name=f"Citation {number}:").first
    if key:
        mark.focus()
        page.keyboard.press(key)
    else:
        mark.click()
    place = {name: mark.get_attribute(f"data-{name}") for name in ("document", "start", "end")}
    found = page.locator(f"mark[data-document='{place['document']}'][data-start='{place['start']}']")
    text: str = found.evaluate("mark => mark.textContent")
    return text


def test_a_question_is_answered_statement_by_statement_with_quotes_that_stand_in_the_source(
    page: Any, tmp_path: Path
) -> None:
    ask(page, QUESTION)
    statements = page.locator("#current .body .statement").count()
    record = record_of(page)
    assert record["question"] == QUESTION and record["status"] == "answered"
    assert len(record["statements"]) == statements >= 2
    citations = [citation for statement in record["statements"] for citation in statement["citations"]]
    quotes = list(dict.fromkeys(citation["quote"] for citation in citations))
    assert open_mark(page, 1, key="Enter") == quotes[0]
    assert open_mark(page, 2) == quotes[1]
    first = citations[0]
    text = (SEEDS / first["document"]).read_text(encoding="utf-8")
    assert text[first["start"] : first["end"]] == quotes[0]
    page.screenshot(path=os.environ.get("SCREENSHOT") or tmp_path / "light.png", animations="disabled")
    page.click("#new")
    page.locator("#current .example").first.wait_for()
    assert page.locator(".exchange").count() == 0


def test_what_the_documents_do_not_say_is_declined_and_the_nearest_passages_open(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    ask(page, "Who won the football world cup in 1998?")
    assert record_of(page)["status"] == "abstained"
    assert page.locator("#current .statement").count() == 0
    page.locator("#current .passage").first.click()
    page.locator("#source .nearest-passage").wait_for()
    assert page.locator("#source mark").count() == 0


def test_every_question_offered_on_the_empty_page_has_an_answer(page: Any) -> None:
    offered = page.locator("#current .example").all_inner_texts()
    assert len(offered) == 4
    for question in offered:
        ask(page, question)
        assert page.locator("#current .body .statement").count() > 0, question


def test_on_a_phone_a_citation_opens_over_the_conversation(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    ask(page, QUESTION)
    quote = open_mark(page, 1)
    assert quote == record_of(page)["statements"][0]["citations"][0]["quote"]
    assert page.locator("#source h2").is_visible()
    page.click("#source .close")
    page.locator("#source h2").wait_for(state="hidden")


def test_a_backend_that_is_not_there_is_one_line_and_the_conversation_goes_on(page: Any) -> None:
    page.fill("#backend input", "nobody:x")
    page.press("#backend input", "Enter")
    page.locator("#note", has_text="No backend called 'nobody'").wait_for()
    ask(page, QUESTION)
    assert "No backend called 'nobody'" in page.locator("#current .failed").inner_text()
    page.fill("#backend input", "offline")
    page.press("#backend input", "Enter")
    ask(page, QUESTION)
    assert page.locator(".exchange").count() == 2
