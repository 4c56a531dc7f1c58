"""What the page shows of statements that fail their check, over the real chat and a server that speaks for a model."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.backends import STANDS, needs_package
from servers.scripted import Reply, ScriptedServer, serving

from rag.chat import open_chat
from rag.settings import load_settings
from ui.web.events import Events, Here

TEXT = "The harbour bridge was opened to traffic in 1932. It is 503 metres long. The toll pays for its upkeep.\n"
OPENED, INVENTED = "The harbour bridge was opened to traffic in 1932.", "The harbour bridge was painted pink in 1950."
DRAFT = ("Sentences: [1.1]\n", f"{OPENED} [1.1] ", f"{INVENTED} [1.1] ", "The toll pays for its upkeep. [1.3]")
TRUE_DRAFT = ("Sentences: [1.1]\n", f"{OPENED} [1.1] ", "The toll pays for its upkeep. [1.3]")
STAND = STANDS["openai"]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    needs_package("openai")
    with serving(STAND.wire) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "documents").mkdir()
    (folder / "documents" / "bridge.txt").write_text(TEXT)
    return folder


def words(page: str) -> str:
    """The text of a page without its elements."""
    return re.sub("<[^>]+>", "", page)


def seen(show: str, draft: tuple[str, ...], folder: Path, server: ScriptedServer) -> list[str]:
    """What stands on the page, view by view, while a question is answered with `draft`."""
    where = {"documents": folder / "documents", "data": folder / "data"}
    settings = load_settings({**where, "show": show, "retries": 0}, STAND.environ(server.url))
    page = Events(open_chat(settings), settings, lambda spec: False)
    server.rehearse(Reply(pieces=draft))
    views = page.asked("When was the harbour bridge opened?", Here(backend=STAND.spec))
    return [view.current for view in views if view.current]


def test_strict_shows_nothing_of_an_answer_before_all_of_it_is_checked(folder: Path, server: ScriptedServer) -> None:
    *before, last = seen("strict", TRUE_DRAFT, folder, server)
    assert any("Checking the whole answer" in page for page in before)
    assert not [page for page in before if OPENED in page]
    assert last.count('class="statement supported"') == 2 and "withheld" not in last


def test_strict_withholds_the_whole_answer_when_one_statement_fails(folder: Path, server: ScriptedServer) -> None:
    *before, last = seen("strict", DRAFT, folder, server)
    assert not [page for page in before if OPENED in page or INVENTED in words(page)]
    assert 'class="abstained"' in last and "3 statements withheld: 2 supported" in last
    unfolding = last[last.index('<details class="withheld">') :]
    assert OPENED in unfolding and INVENTED in words(unfolding)
    assert 'class="statement' not in last.removesuffix(unfolding)


def test_mark_shows_a_failed_statement_and_says_that_it_failed(folder: Path, server: ScriptedServer) -> None:
    *_, last = seen("mark", DRAFT, folder, server)
    assert INVENTED in words(last) and "withheld" not in last
    verdicts = re.findall(r'class="icon" aria-hidden="true"></span>([^<]+)</span>', last)
    assert len(verdicts) == 3 and verdicts[1] in ("not supported", "contradicted")
