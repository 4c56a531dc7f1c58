"""The Evaluation page in a real Chromium: an exam is run, watched, read and opened; wrong citations become cases."""

import contextlib
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import ask, chromium, opened
from commands import SEEDS
from exams import CASES, OPENED, World, world, write_cases
from fastapi import FastAPI
from fastapi.testclient import TestClient

from eval.cases import load_cases
from rag.chat import Chat
from ui.api.guard import PageGuard
from ui.api.server import listen, server
from ui.web.evaluation_page import exam_routes
from ui.web.evaluation_runs import WRITTEN, Exams
from ui.web.page import build_page, web_app

WAIT_S = 180


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("page")) as opened:
        yield opened


@pytest.fixture
def chat(exam: World) -> Chat:
    """The chat, with a set of cases about its documents."""
    folder = exam.chat.settings.data / "cases"
    folder.mkdir(exist_ok=True)
    rows = [row for row in CASES if "documents" not in row]
    (folder / "mine.jsonl").write_bytes(write_cases(exam.folder, rows).read_bytes())
    return exam.chat


def app(chat: Chat) -> FastAPI:
    made = FastAPI(openapi_url=None)
    made.add_middleware(PageGuard, host="127.0.0.1", tokens=frozenset())
    made.include_router(exam_routes(chat, chat.settings))
    return made


@pytest.fixture
def client(chat: Chat) -> TestClient:
    visitor = TestClient(app(chat), base_url="http://127.0.0.1")
    visitor.get("/exam")  # opening the page gives the cookie
    return visitor


def finished(client: TestClient) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while (state := client.get("/exam/state").json())["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dict(state)


def test_only_sets_about_these_documents_are_offered(client: TestClient) -> None:
    found = client.get("/exam/choices").json()
    assert [one["name"] for one in found["sets"]] == ["mine", WRITTEN]
    assert found["backends"][0] == "offline"


def test_the_sets_that_ship_are_offered_for_the_seeds(exam: World) -> None:
    class OverSeeds:
        settings = exam.chat.settings.model_copy(update={"documents": SEEDS})

    names = [one["name"] for one in Exams(OverSeeds()).sets()]  # type: ignore[arg-type]
    assert names[0] == "seeds"  # the fullest is offered first
    assert {"paraphrased", "spine", WRITTEN} <= set(names)


def test_documents_sit_the_exam_that_they_have_written(client: TestClient) -> None:
    assert client.post("/exam/start", json={"set": WRITTEN, "backends": ["offline"], "most": 3}).json() == {}
    state = finished(client)
    assert (state["done"], state["total"], state["error"]) == (3, 3, None)
    figures = client.get(f"/exam/figures/{state['run']}").json()
    assert figures["backends"]["offline"]["citation_validity"]["mean"] in (1.0, None)


def test_a_second_exam_waits_for_the_first_and_a_stopped_one_goes_on(client: TestClient) -> None:
    wanted = {"set": "mine", "backends": ["offline"], "most": 9}
    assert client.post("/exam/start", json=wanted).json() == {}
    assert "is running" in client.post("/exam/start", json=wanted).json()["error"]
    client.post("/exam/stop", json={})
    stopped = finished(client)
    assert "Stopped" in stopped["error"] and stopped["done"] < 9
    client.post("/exam/start", json=wanted)
    again = finished(client)
    assert (again["error"], again["done"]) == (None, 9)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"set": "nothing", "backends": ["offline"]}, "no set of cases"),
        ({"set": "mine", "backends": ["nobody"]}, "No backend called"),
        ({"set": "mine", "backends": []}, "Choose who"),
        ({}, "not understood"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(client: TestClient, wanted: dict[str, Any], says: str) -> None:
    answer = client.post("/exam/start", json=wanted)
    assert answer.status_code == 400 and says in answer.json()["error"]


def test_no_path_leads_out_of_the_folder_of_exams(client: TestClient) -> None:
    for name in ("..%2f..%2fdocuments", "nothing", "%2e%2e"):
        assert client.get(f"/exam/report/{name}").status_code in (404, 405)


def test_another_websites_form_changes_nothing(client: TestClient) -> None:
    sent = client.post("/exam/start", data={"set": "mine"})
    assert sent.status_code == 415
    assert client.get("/exam/state").json()["running"] is False
    assert client.get("/exam", headers={"host": "evil.example"}).status_code == 400


def test_a_wrong_citation_is_in_the_next_exam(client: TestClient, exam: World) -> None:
    text = exam.chat.document("bridge.md").text
    start = text.index(OPENED["quote"])
    told = {"question": "Who built it?", "statement": "Builders.", "document": "bridge.md"}
    place = {"start": start, "end": start + len(OPENED["quote"])}
    assert client.post("/exam/wrong", json={**told, **place}).json() == {"set": "reported"}
    path = exam.chat.settings.data / "cases" / "reported.jsonl"
    (found,) = load_cases(path, exam.chat.settings.documents)
    assert (found.question, found.wrong[0].quote) == ("Who built it?", OPENED["quote"])
    assert "reported" in [one["name"] for one in client.get("/exam/choices").json()["sets"]]
    path.unlink()


@contextlib.contextmanager
def served(made: FastAPI) -> Iterator[str]:
    with listen("127.0.0.1", 0) as listening:
        running = server(made)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            deadline = time.monotonic() + WAIT_S
            while not running.started and time.monotonic() < deadline:
                time.sleep(0.02)
            yield url
        finally:
            running.should_exit = True
            thread.join(600)


def test_an_exam_is_run_watched_and_its_report_opened(chat: Chat) -> None:
    with served(app(chat)) as url, chromium() as browser:
        with contextlib.closing(browser.new_page()) as page:
            page.set_default_timeout(WAIT_S * 1000)
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            held: list[Any] = []
            page.route("**/exam/choices", lambda route: held.append(route))
            page.goto(f"{url}/exam")
            page.wait_for_function("document.readyState === 'complete'")
            assert page.locator("#start").is_disabled(), "there is nothing to choose from yet"
            deadline = time.monotonic() + WAIT_S
            while not held and time.monotonic() < deadline:
                page.wait_for_timeout(20)
            held[0].continue_()
            page.locator("#set option").first.wait_for(state="attached")
            page.select_option("#set", "mine")
            page.fill("#most", "3")
            page.click("#start")
            page.locator("#result").wait_for()
            assert "3 of 3 answered" in page.locator("#told").inner_text()
            rows = page.locator("#scores tbody tr")
            assert rows.first.inner_text().startswith("correct")
            with page.expect_popup() as report:
                page.click("#report")
            report.value.locator("#scores").wait_for()
            assert report.value.locator(".case").count() == 3
            assert not problems
        with urllib.request.urlopen(f"{url}/exam") as response:
            assert "default-src 'self'" in response.headers["content-security-policy"]


@contextlib.contextmanager
def whole_page(chat: Chat) -> Iterator[str]:
    """The chat's page with the way to the evaluation. Gradio leaves a loop open where it finds none: open one before."""
    page = build_page(chat, chat.settings, evaluation=True)
    with served(web_app(page, "127.0.0.1", exam_routes(chat, chat.settings))) as url:
        yield f"{url}/"


@pytest.mark.slow
def test_a_reader_reports_a_wrong_citation_beside_its_words_and_finds_the_evaluation(chat: Chat) -> None:
    with chromium() as browser, whole_page(chat) as url, opened(browser.new_context(), url) as shown:
        for question in ("What does the bridge toll pay for?", "When was the harbour bridge opened?"):
            ask(shown, question)
        shown.locator("#current .mark").first.click()
        shown.locator("#source .wrong").click()
        shown.locator("#source .wrong", has_text="reported").wait_for()
        assert shown.locator("#top a", has_text="Evaluation").get_attribute("href") == "/exam"
    path = chat.settings.data / "cases" / "reported.jsonl"
    (found,) = load_cases(path, chat.settings.documents)
    assert found.question == "When was the harbour bridge opened?"
    assert [turn.content for turn in found.history][:1] == ["What does the bridge toll pay for?"]
    assert found.wrong
    path.unlink()


def test_the_page_is_one_file_without_anything_from_elsewhere() -> None:
    text = (Path(__file__).parent.parent / "ui" / "web" / "assets" / "exam.html").read_text("utf-8")
    assert "http://" not in text and "https://" not in text
