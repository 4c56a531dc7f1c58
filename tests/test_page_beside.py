"""Two backends side by side, in a real Chromium over a chat whose answers are written down."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import ask, chromium, opened, served
from scripted_chat import ScriptedChat, answered, cite, document

from rag.settings import load_settings
from rag.types import Answer, Statement, Usage

pytestmark = pytest.mark.slow

RIVERS = document("rivers.txt", "Rivers\n\nThe Alder rises in a garden. It flows east. It never freezes.\n")
RISES, EAST = "The Alder rises in a garden.", "It flows east."
KINDS = (
    Statement(RISES, "supported", 0.97, citations=(cite(RIVERS, RISES),)),
    Statement("It flows west.", "contradicted", 0.02, "the source says east", citations=(cite(RIVERS, EAST),)),
    Statement("It may flow east.", "partial", 0.5, citations=(cite(RIVERS, EAST),)),
    Statement("It is deep.", "unsupported", 0.1, "no citation"),
)
ANSWERS: dict[str, Answer] = {
    "Where?": answered("Where?", KINDS[0], withheld=KINDS[3:], usage=Usage(1200, 34, 0.0123)),
    "And then?": answered("And then?", *KINDS),
}


@pytest.fixture(scope="module")
def chat() -> ScriptedChat:
    return ScriptedChat({"rivers.txt": RIVERS}, ANSWERS, held={"slow:b"})


@pytest.fixture(scope="module")
def url(chat: ScriptedChat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = load_settings({"show": "mark", "data": tmp_path_factory.mktemp("beside")}, environ={})
    with served(chat, settings, leaves_machine=lambda spec: spec.startswith("openai:")) as address:
        yield address


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with chromium() as browser:
        yield browser.new_context(viewport={"width": 1360, "height": 860})


@pytest.fixture
def page(context: Any, url: str) -> Iterator[Any]:
    with opened(context, url) as one:
        yield one


def choose(page: Any, picker: str, name: str) -> None:
    page.fill(f"#{picker} input", name)
    page.press(f"#{picker} input", "Enter")


def column(page: Any, name: str) -> Any:
    return page.get_by_role("region", name=f"Answer by {name}").last


def test_two_backends_answer_side_by_side_each_at_its_own_pace(page: Any, chat: ScriptedChat) -> None:
    choose(page, "backend", "quick:a")
    choose(page, "beside", "slow:b")
    ask(page, "Where?")
    quick, slow = column(page, "quick:a"), column(page, "slow:b")
    assert slow.locator(".statement").count() == 0 and slow.locator(".progress").is_visible()
    line = quick.locator(".colophon").inner_text()
    assert "Answered by quick:a" in line and "1,200 tokens read, 34 written · $0.0123" in line
    assert quick.locator(".tally").inner_text() == "1 supported, 1 withheld"
    quick.locator(".withheld summary").click()
    quick.locator(".mark").click()
    for _ in range(3):
        chat.let_through.release()
    slow.locator(".colophon").wait_for()
    assert quick.locator(".mark.open-now").count() == 1
    assert quick.locator(".withheld .words").is_visible(), "what the reader unfolded stays so while the other goes on"
    for name in ("quick:a", "slow:b"):
        record = json.loads(
            base64.b64decode(column(page, name).locator(".save").get_attribute("href").partition(",")[2])
        )
        assert (record["answered_by"], record["statements"][0]["text"]) == (name, RISES)
        column(page, name).locator(".mark").click()
        assert page.locator("#source mark").evaluate("mark => mark.textContent") == RISES
    assert quick.bounding_box()["y"] == slow.bounding_box()["y"]
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Escape")
    page.wait_for_function("document.querySelectorAll('#current .answer')[1].getBoundingClientRect().left < 60")
    above, below = quick.bounding_box(), slow.bounding_box()
    assert above["y"] + above["height"] <= below["y"] and below["x"] + below["width"] <= 390


def test_a_backend_that_fails_leaves_the_other_and_the_first_column_is_the_conversation(
    page: Any, chat: ScriptedChat
) -> None:
    page.set_viewport_size({"width": 1360, "height": 860})
    choose(page, "backend", "quick:a")
    choose(page, "beside", "down:c")
    ask(page, "Where?")
    column(page, "quick:a").locator(".colophon").wait_for()
    assert "connection refused" in column(page, "down:c").locator(".failed").inner_text()
    choose(page, "beside", "none")
    ask(page, "And then?")
    assert page.locator("#current .answer").count() == 1 and page.locator(".exchange").count() == 2
    page.wait_for_function("document.querySelector('#current .question').getBoundingClientRect().top < 120")
    question, history, backend = chat.asked[-1]
    assert (question, backend, [turn.content for turn in history]) == ("And then?", "quick:a", ["Where?", RISES])


def test_the_second_picker_says_that_nobody_else_is_asked_and_can_be_emptied(page: Any, chat: ScriptedChat) -> None:
    picker = page.locator("#beside input")
    assert picker.input_value() == "none"
    choose(page, "beside", "quick:a")
    page.wait_for_function("document.activeElement.tagName === 'BODY'")  # the picker has taken the choice
    picker.click()
    picker.fill("")
    picker.press("Enter")
    page.wait_for_function("document.querySelector('#beside input').value === 'none'")
    ask(page, "Where?")
    assert page.locator("#current .answer").count() == 1


def test_a_verdict_is_told_by_its_word_and_its_icon_and_not_by_colour_alone(page: Any) -> None:
    ask(page, "And then?")
    verdicts = page.locator("#current .body .verdict")
    assert verdicts.all_inner_texts() == ["supported", "contradicted", "check this", "not supported"]
    icons = page.locator("#current .body .verdict .icon").evaluate_all(
        "icons => icons.map(icon => getComputedStyle(icon).maskImage)"
    )
    assert len(set(icons)) == 4 and all(icon.startswith("url(") for icon in icons)


def test_stopping_stops_both_columns(page: Any, chat: ScriptedChat) -> None:
    choose(page, "beside", "slow:b")
    ask(page, "Where?", finished=False)
    column(page, "offline").locator(".colophon").wait_for()
    page.click("#question button")
    column(page, "slow:b").get_by_text("Stopped.").wait_for()
    assert column(page, "offline").locator(".statement").count() == 2
    for _ in range(3):
        chat.let_through.release()
