"""The documents folder from the page: files are added, limited, left out with a reason, removed, brought back."""

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import ask, chromium, opened, served

from rag.chat import Chat, open_chat
from rag.settings import load_settings
from ui.web.library import Library

pytestmark = pytest.mark.slow

LAKES = b"Lakes of the North\n\nLake Inari is 1040 square kilometres large.\n"


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    folder = tmp_path_factory.mktemp("library")
    (folder / "documents" / "reports").mkdir(parents=True)
    (folder / "documents" / "rivers.txt").write_text("Rivers\n\nThe Alder rises in a garden.\n")
    (folder / "documents" / "reports" / "harbour.md").write_text("# Harbour\n\nThe bridge is 503 metres long.\n")
    return open_chat(load_settings({"documents": folder / "documents", "data": folder / "data"}, environ={}))


@pytest.fixture(scope="module")
def library(chat: Chat) -> Iterator[Library]:
    one = Library(chat)
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def url(chat: Chat, library: Library) -> Iterator[str]:
    with served(chat, chat.settings, library=library) as address:
        yield address


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    with chromium() as browser:
        yield browser.new_context(viewport={"width": 1360, "height": 860})


@pytest.fixture
def page(context: Any, url: str) -> Iterator[Any]:
    with opened(context, url) as one:
        yield one


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def choose(page: Any, *files: tuple[str, bytes]) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("[data-pick=files]")
    chooser.value.set_files([{"name": n, "mimeType": "text/plain", "buffer": data} for n, data in files])


def test_a_file_is_added_ticked_asked_removed_and_brought_back(page: Any, chat: Chat) -> None:
    choose(page, ("lakes.txt", LAKES), ("torn.pdf", b"nothing"), ("tool.exe", b"MZ"))
    said = page.locator("#uploads .said")
    page.locator("#uploads .bad .said", has_text="torn.pdf is not a PDF file").wait_for()
    page.locator("#uploads .bad .said", has_text="tool.exe is of no kind that can be read. It can be: .txt").wait_for()
    assert said.first.inner_text() == "added" and (chat.settings.documents / "lakes.txt").read_bytes() == LAKES
    row = page.locator("#source li", has_text="Lakes of the North")
    row.locator("input").check()
    page.locator("#asking", has_text="Asking 1 of 3 documents: “Lakes of the North”").wait_for()
    ask(page, "How long is the bridge?")
    page.locator("#current .asked-of", has_text="Asked of “Lakes of the North”").wait_for()
    assert "503" not in page.locator("#current .answer .body, #current .abstained").inner_text()
    page.click("#asking button")
    page.locator("#asking .asking").wait_for(state="detached")
    ask(page, "How long is the bridge?")
    assert "503 metres" in page.locator("#current .body").inner_text()
    row.locator(".remove").click()
    page.locator("#source .told", has_text="Removed lakes.txt.").wait_for()
    until(lambda: "lakes.txt" not in {d.id for d in chat.documents()})
    page.locator("#source").get_by_role("button", name="Undo").click()
    until(lambda: "lakes.txt" in {d.id for d in chat.documents()})


def test_a_name_that_is_taken_is_not_overwritten_unless_the_reader_says_so(page: Any, chat: Chat) -> None:
    choose(page, ("rivers.txt", b"Rivers\n\nThe Alder rises on a hill.\n"))
    page.locator("#uploads .said", has_text="rivers.txt is in the documents already. Replace it?").wait_for()
    assert "garden" in (chat.settings.documents / "rivers.txt").read_text()
    page.get_by_role("button", name="Replace", exact=True).click()
    until(lambda: "hill" in chat.document("rivers.txt").text)


def test_a_file_that_changes_in_the_folder_is_picked_up_while_the_page_is_open(page: Any, chat: Chat) -> None:
    (chat.settings.documents / "moors.md").write_text("# The Moors\n\nThe moors are wet.\n")
    page.locator("#source .document", has_text="The Moors").wait_for(timeout=60_000)
    (chat.settings.documents / "moors.md").unlink()
    page.locator("#source .document", has_text="The Moors").wait_for(state="detached", timeout=60_000)


def test_documents_are_found_by_their_titles(page: Any) -> None:
    page.fill("#look :is(input, textarea)", "harb")
    page.wait_for_function("document.querySelectorAll('#source .document').length === 1")
    assert page.locator("#source .document").inner_text().startswith("Harbour")


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("../../etc/evil.txt", "etc/evil.txt"),
        ("/abs/olute.md", "abs/olute.md"),
        ("..\\up.txt", "up.txt"),
        (".hidden/.env.txt", "hidden/env.txt"),
        ('a<b>"c.txt', "a_b__c.txt"),
        ("x" * 300 + ".txt", "x" * 176 + ".txt"),
    ],
)
def test_a_name_never_leads_out_of_the_folder(library: Library, name: str, becomes: str) -> None:
    assert library.target(name) == library.folder / becomes


def test_what_a_website_or_a_program_sends_is_limited_in_kind_and_place(page: Any, url: str, chat: Chat) -> None:
    outside = chat.settings.documents.parent / "outside"
    outside.mkdir(exist_ok=True)
    link = chat.settings.documents / "link"
    link.symlink_to(outside)
    for path in ("x.exe", "..", "link/in.txt", "a/b/c/d/e/f/g/h/i.txt"):
        assert page.request.put(f"{url}library/files/{path}", data=b"hello").status in (400, 404, 405), path
    assert not list(outside.iterdir()) and not list(chat.settings.documents.glob(".arriving-*"))
    assert page.request.post(f"{url}library/files/x.txt", data=b"hello").status in (404, 405, 415)
    link.unlink()
    shutil.rmtree(outside)
