"""The page in a real Chromium over a chat whose answers are written down: everything an answer can look like."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, chromium, opened, served
from scripted_chat import ScriptedChat, answered, cite, document, passage

from rag.settings import load_settings
from rag.types import Answer, Disagreement, Statement

pytestmark = pytest.mark.slow

# Line ends of two kinds, an astral character and combining marks: offsets count code points.
LONG = "".join(f"Chapter {n} says little about the river.\r\n\r\n" for n in range(60))
RIVERS = document(
    "rivers.txt",
    f"Rivers of the North\r\n\r\n{LONG}The Course\r\n\r\nThe Alder 🌊 rises,\r\nin the café's garden."
    f"  It flows east.\r\n\r\n{LONG}",
)
RISES, EAST = "The Alder 🌊 rises,\r\nin the café's garden.", "It flows east."
BAD_NAME = 'x"><img src=x onerror="window.broken=1">.txt'
EVIL = document(
    BAD_NAME,
    "<script>window.broken = 1</script>\n\n<img src=x onerror='window.broken = 1'> is in this prose,"
    " and so is ${window.broken = 1}.\n",
)

SCAN = document(f"scan_{'0123456789' * 8}.txt", "It is a scan of a few words without any heading above them.\n")

STATEMENTS = (
    Statement("The Alder rises in a garden.", "supported", 0.97, citations=(cite(RIVERS, RISES, ("The Course",)),)),
    Statement("- it flows east", "supported", 0.95, citations=(cite(RIVERS, EAST, ("The Course",)),)),
    Statement(
        "It is 500 km long.",
        "partial",
        0.5,
        disagreements=(Disagreement("500 km", None, "number"),),
        citations=(cite(RIVERS, EAST),),
    ),
)
WITHHELD = (Statement("It never freezes.", "unsupported", 0.1, "no citation"),)
ANSWERS: dict[str, Answer] = {
    "Where does it rise?": answered("Where does it rise?", *STATEMENTS, withheld=WITHHELD),
    "Slowly: where?": answered("Slowly: where?", *STATEMENTS, withheld=WITHHELD),
    "Stop: where?": answered("Stop: where?", *STATEMENTS),
    "How deep is it?": Answer(
        "How deep is it?",
        "",
        "abstained",
        "The documents do not say how deep it is.",
        passages=(passage(RIVERS, 21, 62),),
    ),
    "Break it": answered(
        "Break it",
        Statement(
            EVIL.text, "partial", 0.4, "<b>bold</b>", citations=(cite(EVIL, "<script>window.broken = 1</script>"),)
        ),
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def chat() -> ScriptedChat:
    return ScriptedChat({d.id: d for d in (RIVERS, EVIL, SCAN)}, ANSWERS, held={"Slowly: where?", "Stop: where?"})


@pytest.fixture(scope="module")
def url(chat: ScriptedChat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = load_settings({"data": tmp_path_factory.mktemp("scripted")}, environ={})
    with served(chat, settings, leaves_machine=lambda spec: spec.startswith("openai:")) as address:
        yield address


@pytest.fixture(scope="module")
def context(browser: Any) -> Any:
    return browser.new_context(viewport={"width": 1360, "height": 860})


@pytest.fixture
def page(context: Any, url: str) -> Iterator[Any]:
    with opened(context, url) as one:
        yield one


def marked(page: Any) -> str:
    text: str = page.locator("#source mark").evaluate("mark => mark.textContent")
    return text


def in_view(page: Any) -> bool:
    seen: bool = page.evaluate(
        """() => { const mark = document.querySelector("#source mark").getBoundingClientRect();
        const text = document.querySelector("#source .text").getBoundingClientRect();
        return mark.top >= text.top && mark.bottom <= text.bottom; }"""
    )
    return seen


def test_statements_appear_one_by_one_while_later_ones_are_still_checked(page: Any, chat: ScriptedChat) -> None:
    ask(page, "Slowly: where?", finished=False)
    shown = page.locator("#current .statement")
    for count in (1, 2, 3):
        chat.let_through.release()
        page.wait_for_function(f"document.querySelectorAll('#current .statement').length === {count}")
        assert page.locator("#current .progress").inner_text().startswith("Checking the next statement")
    page.fill("#question textarea", "typed meanwhile")
    chat.let_through.release()
    chat.let_through.release()
    page.locator("#current .colophon").wait_for()
    assert shown.count() == 4 and page.locator("#current .progress").count() == 0
    assert page.input_value("#question textarea") == "typed meanwhile"


def test_a_click_on_a_mark_shows_exactly_the_quoted_characters_of_the_source(page: Any, tmp_path: Path) -> None:
    ask(page, "Where does it rise?")
    with page.expect_download() as download:
        page.click("#current .save")
    download.value.save_as(tmp_path / "answer.json")
    record = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))
    page.locator("#current .mark").first.click()
    page.locator("#source mark").wait_for()
    quote = record["statements"][0]["citations"][0]["quote"]
    assert marked(page) == quote == RISES
    assert in_view(page)
    assert page.locator("#source h2").inner_text() == "Rivers of the North"
    assert page.locator("#source .path").inner_text() == "The Course"
    whole: str = page.locator("#source .exact").evaluate("text => text.textContent")
    assert whole == RIVERS.text


def test_enter_on_a_mark_opens_it_and_the_keyboard_reaches_everything(page: Any) -> None:
    ask(page, "Where does it rise?")
    mark = page.get_by_role("button", name="Citation 2: Rivers of the North › The Course")
    mark.first.focus()
    page.keyboard.press("Enter")
    page.locator("#source mark", has_text=EAST).wait_for()
    assert marked(page) == EAST
    assert mark.first.evaluate("one => one === document.activeElement")
    page.keyboard.press("Alt+ArrowUp")
    page.wait_for_function("document.querySelector('#source mark')?.textContent.startsWith('The Alder')")
    page.keyboard.press("Alt+ArrowDown")
    page.locator("#source mark", has_text=EAST).wait_for()
    outline: str = mark.first.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
    page.locator("#current .withheld summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#current .withheld .why").is_visible()
    assert page.locator("#current .withheld .why").inner_text() == "no citation"
    assert page.locator("#current").get_attribute("aria-live") == "polite"


def test_an_abstention_offers_passages_that_open_without_being_marked_as_an_answer(page: Any) -> None:
    ask(page, "How deep is it?")
    assert "not an answer" in page.locator("#current .abstained").inner_text()
    page.click("#current .passage")
    page.locator("#source .nearest-passage").wait_for()
    assert page.locator("#source mark").count() == 0
    page.click("#source .back")
    page.locator("#source .document", has_text="rivers.txt").wait_for()


def test_a_failure_is_shown_as_such_and_the_conversation_goes_on(page: Any, chat: ScriptedChat) -> None:
    ask(page, "Where does it rise?")
    ask(page, "Nobody answers this")
    assert "connection refused. Start its server." in page.locator("#current .failed").inner_text()
    ask(page, "How deep is it?")
    assert page.locator(".exchange").count() == 3
    question, history, backend = chat.asked[-1]
    assert (question, backend) == ("How deep is it?", "offline")
    assert [turn.content for turn in history] == ["Where does it rise?", " ".join(s.text for s in STATEMENTS)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_the_answer_and_not_the_conversation(page: Any) -> None:
    ask(page, "Where does it rise?")
    ask(page, "Divide by zero")
    assert "Something broke inside Pincite" in page.locator("#current .failed").inner_text()
    assert "a bug" not in page.locator("body").inner_text()
    ask(page, "How deep is it?")
    assert page.locator(".exchange").count() == 3


def test_an_empty_or_endless_question_is_one_line_and_loses_nothing(page: Any) -> None:
    ask(page, "Where does it rise?")
    for text, words in (("  ", "The question is empty"), ("x" * 100_000, "100,000 characters")):
        page.fill("#question textarea", text)
        page.press("#question textarea", "Enter")
        page.locator("#note", has_text=words).wait_for()
        assert page.input_value("#question textarea") == text
        assert page.locator(".exchange").count() == 1 and page.locator("#current .statement").count() == 4


def test_the_reader_can_stop_an_answer_and_begin_a_new_conversation(page: Any, chat: ScriptedChat) -> None:
    ask(page, "Stop: where?", finished=False)
    chat.let_through.release()
    page.locator("#current .statement").first.wait_for()
    page.click("#question button")
    page.locator("#current", has_text="Stopped.").wait_for()
    assert page.locator("#current .statement").count() == 1
    chat.let_through = threading.Semaphore(0)
    page.click("#new")
    page.locator("#current .example").first.wait_for()
    assert page.locator(".exchange").count() == 0
    page.click("#current .example")
    page.locator("#current .question", has_text="What is in these documents?").wait_for()


def test_hostile_documents_and_answers_run_nothing(page: Any) -> None:
    ask(page, "Break it")
    said: str = page.locator("#current .words").evaluate("words => words.textContent")
    assert said.startswith(EVIL.text)
    page.click("#current .mark")
    page.locator("#source mark").wait_for()
    assert marked(page) == "<script>window.broken = 1</script>"
    page.click("#source .back")
    page.locator("#source .document", has_text=BAD_NAME).wait_for()
    assert page.evaluate("window.broken") is None
    assert page.locator("#columns :is(img, script, iframe)").count() == 0


def test_the_browser_itself_is_told_to_talk_to_nobody_else(page: Any, url: str) -> None:
    policy = page.request.get(url).headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy
    refused: str = page.evaluate("fetch('http://192.0.2.1/').then(() => 'sent', error => error.name)")
    assert refused == "TypeError"


def test_nothing_but_the_page_is_served_and_only_to_this_machine(page: Any, url: str) -> None:
    for path in (f"gradio_api/file={Path(__file__)}", "gradio_api/file=pyproject.toml", "monitoring/summary"):
        assert page.request.get(url + path).status in (403, 404)
    upload = {"files": {"name": "x.txt", "mimeType": "text/plain", "buffer": b"hello"}}
    assert page.request.post(f"{url}gradio_api/upload", multipart=upload).status in (404, 413, 415)
    rebound = page.request.get(url, headers={"Host": "documents.example"})
    assert (rebound.status, "set PINCITE_HOST" in rebound.text()) == (400, True)


def test_a_conversation_and_the_draft_survive_a_reload_and_open_in_another_tab_by_their_link(
    page: Any, context: Any, url: str
) -> None:
    ask(page, "Where does it rise?")
    page.wait_for_function("location.search.startsWith('?c=')")
    page.fill("#question textarea", "a question that is not asked yet")
    page.reload()
    page.locator("#current .colophon").wait_for()
    page.wait_for_function("document.querySelector('#question textarea').value === 'a question that is not asked yet'")
    assert page.locator("#current .body .statement").count() == 3
    with opened(context, page.url, "#current .colophon") as other:
        ask(other, "How deep is it?")
        other.click("#new")
        other.locator("#current .example").first.wait_for()
        other.locator("#list a", has_text="Where does it rise?").first.click()
        other.locator(".exchange").nth(1).wait_for()
    page.reload()
    page.locator(".exchange").nth(1).wait_for()


def test_a_conversation_is_renamed_and_deleted_from_the_keyboard_and_brought_back(page: Any) -> None:
    ask(page, "Where does it rise?")
    row = page.locator(".conversation:has(a[aria-current])")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Rename").locator("visible=true").press("Enter")
    page.locator(".conversation input").fill("Sources of the Alder")
    page.keyboard.press("Enter")
    page.locator("#list a", has_text="Sources of the Alder").wait_for()
    page.fill("#find input, #find textarea", "sources of")
    page.wait_for_function("document.querySelectorAll('#list .conversation').length === 1")
    with page.expect_download() as download:
        row.locator("summary").click()
        row.get_by_text("Save as Word").click()
    assert download.value.suggested_filename == "Sources-of-the-Alder.docx"
    row.locator("summary").click()
    row.get_by_text("Delete").click()
    page.locator("#current .example").first.wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator("#list a", has_text="Sources of the Alder").wait_for()


def test_a_question_is_edited_and_asked_in_place_of_what_was_asked_and_an_answer_is_rated(page: Any) -> None:
    ask(page, "How deep is it?")
    page.click("#current [data-edit]")
    page.fill(".editing", "Where does it rise?")
    page.press(".editing", "Enter")
    page.locator("#current .body .statement").first.wait_for()
    page.locator("#current .colophon").wait_for()
    assert page.locator(".exchange").count() == 1
    page.locator("#current .colophon").evaluate("line => (line.id = 'before')")
    page.click("#current [data-again]")
    page.locator("#current .colophon:not(#before)").wait_for()
    assert page.locator(".exchange").count() == 1
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_label("What is wrong with it").fill("It says nothing of the length")
    page.get_by_label("What is wrong with it").press("Enter")
    page.get_by_role("button", name="Bad answer", pressed=True).wait_for()
    page.reload()
    page.locator("#current .colophon").wait_for()
    assert page.get_by_label("What is wrong with it").input_value() == "It says nothing of the length"
    assert "[1]" in page.get_attribute("#current [data-copy]", "data-copy")


def test_two_people_have_two_conversations(page: Any, context: Any, url: str) -> None:
    with opened(context, url) as other:
        ask(page, "Where does it rise?")
        ask(other, "How deep is it?")
        assert page.locator(".exchange").count() == other.locator(".exchange").count() == 1
        assert other.locator(".statement").count() == 0


def test_a_name_without_a_break_stays_within_the_panel(page: Any) -> None:
    page.locator("#source .document", has_text="scan_").click()
    title = page.locator("#source .source-head h2", has_text="scan_")
    title.wait_for()
    assert title.evaluate("title => title.scrollWidth <= title.clientWidth")


def test_choosing_a_backend_elsewhere_says_so_once(page: Any) -> None:
    page.fill("#backend input", "openai:gpt-x")
    page.press("#backend input", "Enter")
    page.locator("#note", has_text="openai:gpt-x runs on another machine").wait_for()
    ask(page, "Where does it rise?")
    assert page.locator("#note").inner_text() == ""


def test_on_a_narrow_screen_the_source_slides_over_and_gives_the_focus_back(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    ask(page, "Where does it rise?")
    page.locator("#source h2").wait_for(state="hidden")
    page.locator("#current .mark").first.click()
    page.locator("#source mark").wait_for()
    page.wait_for_function("document.querySelector('#source').getBoundingClientRect().left === 0")
    assert in_view(page)
    assert page.locator("#talk").evaluate("talk => talk.inert")
    page.keyboard.press("Escape")
    page.locator("#source h2").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.className").startswith("mark")
    page.focus("#documents")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.matches('#source h2')")
    assert in_view(page)
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.id === 'documents'")
    picked = page.locator("#beside input").evaluate("input => input.scrollWidth <= input.clientWidth && input.value")
    assert picked == "none"
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390


def test_light_and_dark_follow_the_system_and_the_readers_choice(page: Any) -> None:
    def colour(after: str) -> None:
        page.locator("#current .example").first.wait_for()
        ground = "getComputedStyle(document.querySelector('.gradio-container')).backgroundColor"
        page.wait_for_function(f"{ground} === '{after}'")

    dark, light = "rgb(18, 23, 26)", "rgb(247, 246, 243)"
    colour(light)
    page.emulate_media(color_scheme="dark")
    colour(dark)
    page.reload()
    colour(dark)
    page.click("#theme")
    colour(light)
    page.reload()
    colour(light)
    page.evaluate("localStorage.clear()")
