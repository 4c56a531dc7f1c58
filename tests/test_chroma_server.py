"""A Chroma server in place of the data folder: the same behaviour, by PINCITE_CHROMA_URL alone."""

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from indexing import Index

from rag.errors import StoreError
from rag.settings import Settings, load_settings

TEA = "# Tea\n\nGreen tea is not fermented. Black tea is fermented for several hours before it is dried.\n"
COFFEE = "# Coffee\n\nCoffee is brewed from roasted beans.\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server on a free port."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder), "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "CHROMA_OTEL_DISABLED": "1"})
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 600
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/api/v2/heartbeat", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=600)


@pytest.fixture
def settings(tmp_path: Path, server_url: str, request: pytest.FixtureRequest) -> Settings:
    """Settings that name the server, as the environment would."""
    folders = {"documents": tmp_path / "documents", "data": tmp_path / "data"}
    return load_settings(folders, environ={"PINCITE_CHROMA_URL": server_url})


def test_ingest_and_search_work_on_a_server(settings: Settings, open_index: Callable[..., Index]) -> None:
    index = open_index(settings, fingerprint="plain-12345678")
    index.write("tea.txt", TEA)
    index.write("odd #1 'näme'.md", COFFEE)
    summary = index.ingest()
    assert (summary.added, summary.chunks, summary.embedded) == (2, 2, 2)
    assert index.store.text_of("tea.txt") == TEA and index.store.text_of("odd #1 'näme'.md") == COFFEE
    assert index.search("What is brewed from beans?", 1)[0].document == "odd #1 'näme'.md"
    index.write("tea.txt", TEA.replace("Green", "White"))
    changed = index.ingest()
    assert (changed.changed, changed.unchanged, changed.embedded) == (1, 1, 1)
    assert "White tea" in index.search("Which tea is not fermented?", 1)[0].text
    (index.folder / "tea.txt").unlink()
    assert index.ingest().removed == 1 and index.store.count() == 1
    again = index.ingest()
    assert again.unchanged == 1 and again.embedded == 0 and index.stale() == 0
    assert not (settings.data / "chroma").exists(), "nothing of the index is in the data folder"


def test_two_clients_of_a_server_see_each_others_writes(settings: Settings, open_index: Callable[..., Index]) -> None:
    one, two = (open_index(settings, fingerprint="pair-12345678") for _ in range(2))
    for number in range(3):
        writer, reader = (one, two) if number % 2 else (two, one)
        text = TEA.replace("several", str(number + 2))
        writer.write("tea.txt", text)
        writer.ingest()
        assert reader.store.text_of("tea.txt") == text
        assert [chunk.text for chunk in reader.search("tea")] == [text]
    assert one.store.name == two.store.name


def test_a_server_that_is_down_is_one_line_that_says_what_to_type(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StoreError) as caught:
        open_index(settings.model_copy(update={"chroma_url": url}))
    words = str(caught.value)
    assert words.startswith(f"The Chroma server at {url} does not answer (") and "\n" not in words
    assert words.endswith("Type: chroma run --path FOLDER   or unset PINCITE_CHROMA_URL.")


def test_a_server_that_goes_down_while_in_use_is_said_the_same_way(
    tmp_path: Path, settings: Settings, open_index: Callable[..., Index]
) -> None:
    port = free_port()
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(tmp_path / "s"), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url, deadline, index = f"http://127.0.0.1:{port}", time.monotonic() + 600, None
    try:
        while index is None:
            try:
                index = open_index(settings.model_copy(update={"chroma_url": url}))
            except StoreError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        index.write("tea.txt", TEA)
        index.ingest()
    finally:
        process.kill()
        process.wait(timeout=600)
    for use in (
        index.store.catalogue,
        index.ingest,
        lambda: index.search("tea"),
        lambda: index.store.text_of("tea.txt"),
    ):
        with pytest.raises(StoreError, match=r"^The Chroma server at \S+ does not answer \(.*\)\. Type: chroma run"):
            use()


def test_something_else_than_a_chroma_server_is_told_apart(
    settings: Settings, open_index: Callable[..., Index]
) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Hello</html>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with pytest.raises(StoreError, match=f"What answers at {url} is not a Chroma server"):
                open_index(settings.model_copy(update={"chroma_url": url}))
        finally:
            server.shutdown()
            thread.join()
