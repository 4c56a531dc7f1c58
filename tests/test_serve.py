"""`pincite serve`, and the same addresses beside the page of `pincite chat`, each in a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import ROOT, one_document, pincite, process
from http_door import Api
from servers.scripted import free_port

TOKEN = "recognisable-token-0123456789"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one small document, and no index."""
    return one_document(tmp_path, monkeypatch)


@contextmanager
def running(*words: object, environ: dict[str, str] | None = None) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A server, and the line that it prints when it listens."""
    server = process(*words, environ=environ)
    try:
        assert server.stdout
        yield server, server.stdout.readline().decode()
    finally:
        server.kill()
        server.wait()
        for stream in (server.stdout, server.stderr):
            assert stream
            stream.close()


def test_a_server_says_in_one_line_where_it_answers_and_ends_cleanly(fresh: Path) -> None:
    port = free_port()
    with running("serve", "--port", port) as (server, line):
        assert line == f"Pincite answers at http://127.0.0.1:{port}/v1  (stop it with Ctrl+C)\n"
        got = Api(port).post("/v1/ask", {"question": "When was the harbour bridge opened?"})
        assert "1932" in got.json["text"]
        server.send_signal(signal.SIGINT)
        out, error = server.communicate(timeout=600)
        assert (server.returncode, out, error) == (0, b"", b"Indexing seeds for the first time.\n")


def test_with_a_token_it_answers_other_machines_and_never_tells_it(fresh: Path) -> None:
    port = free_port()
    with running("serve", "--host", "0.0.0.0", "--port", port, "--json", environ={"PINCITE_TOKEN": TOKEN}) as (
        server,
        line,
    ):
        assert json.loads(line) == {"url": f"http://0.0.0.0:{port}/v1", "host": "0.0.0.0", "port": port}
        assert Api(port).get("/v1/documents").status == 401
        assert Api(port).get("/v1/documents", authorization=f"Bearer {TOKEN}").status == 200
        server.terminate()
        out, error = server.communicate(timeout=600)
    assert server.returncode == 0
    assert TOKEN not in line + (out + error).decode()


def test_a_server_is_stopped_while_a_question_is_under_way(fresh: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a provider that takes the question and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        environ = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": url, "PINCITE_BACKEND": "openai:some"}
        port = free_port()
        with running("serve", "--port", port, environ=environ) as (server, line):
            assert line.startswith("Pincite answers at ")
            with Api(port).listening("/v1/ask", {"question": "When was the harbour bridge opened?"}) as events:
                assert next(events)[0] == "searched"
                server.send_signal(signal.SIGTERM)
                name, said = next(events)
                assert (name, said["error"]["type"]) == ("error", "overloaded_error")
                assert said["error"]["message"].startswith("The server is being stopped.")
            assert server.communicate(timeout=600)[1] == b"Indexing seeds for the first time.\n"
            assert server.returncode == 0


def test_a_port_that_is_taken_is_one_plain_line(fresh: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = pincite("serve", "--port", port)
    assert (ran.code, ran.text, len(ran.lines)) == (1, "", 1)
    assert ran.lines[0] == f"pincite: Port {port} on 127.0.0.1 is already in use. Type: pincite serve --port {port + 1}"
    assert not Path(".pincite").exists()


def test_it_does_not_start_where_others_can_reach_it_without_a_token(fresh: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        ran = pincite("serve", "--host", host)
        assert (ran.code, len(ran.lines)) == (1, 1)
        assert ran.lines[0].startswith(f"pincite: Other machines can reach {host!r}. Set PINCITE_TOKEN to ")
    assert not Path(".pincite").exists()


def test_a_backend_that_may_be_named_but_does_not_exist_is_refused_at_the_start(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINCITE_ALLOW_BACKENDS", "gpt-5")
    for command in ("serve", "mcp", "chat"):
        ran = pincite(command, "--port", free_port()) if command != "mcp" else pincite(command)
        assert (ran.code, ran.lines[0].split(".")[0]) == (1, "pincite: No backend called 'gpt-5'")
    assert "PINCITE_ALLOW_BACKENDS names gpt-5: No backend called" in pincite("doctor").text


def test_the_doctor_says_that_a_server_for_others_lacks_its_token(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_HOST", "0.0.0.0")
    monkeypatch.setenv("PINCITE_PORT", str(free_port()))
    assert "so pincite serve needs PINCITE_TOKEN" in pincite("doctor").text
    monkeypatch.setenv("PINCITE_TOKEN", TOKEN)
    assert "PINCITE_TOKEN" not in pincite("doctor").text


@pytest.mark.slow
def test_beside_the_page_the_same_addresses_answer_and_each_has_its_own_protection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_document(tmp_path, monkeypatch)
    port = free_port()
    api = Api(port)
    with running("chat", "--port", port) as (server, line):
        assert line.startswith(f"Pincite is at http://127.0.0.1:{port}/?token=")
        assert api.get("/").headers["content-type"].startswith("text/html") and b"Pincite" in api.get("/").body
        assert "1932" in api.post("/v1/ask", {"question": "When was the harbour bridge opened?"}).json["text"]
        assert api.get("/v1/documents", origin="https://evil.example").status == 403
        assert api.get("/", origin="https://evil.example").status == 403
        assert (api.get("/", host="evil.example").status, api.get("/v1/health", host="evil.example").status) == (
            400,
            403,
        )
        assert "content-security-policy" in api.get("/v1/health").headers
        assert api.get("/openapi.json").json["info"]["title"] == "Pincite"
        server.terminate()
        assert server.wait(timeout=600) == 0


def test_whoever_starts_a_page_that_others_can_reach_is_told_what_they_can_do(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["chat", "--host", "0.0.0.0", "--port", free_port(), "--documents", "nowhere"]
    told = pincite(*words).lines[0]
    assert told.startswith("Whoever has the link below can ask and read the documents on the page;")
    assert told.endswith("the HTTP API is closed without PINCITE_TOKEN.")
    monkeypatch.setenv("PINCITE_TOKEN", TOKEN)
    assert pincite(*words).lines[0].endswith("the HTTP API is open to those who know PINCITE_TOKEN.")
    words[2] = "127.0.0.1"
    assert pincite(*words).lines[0].startswith("pincite: The documents folder 'nowhere' does not exist.")


def test_serve_loads_no_page() -> None:
    probe = "import sys, ui.cli.serve, ui.api.routes; print('gradio' in sys.modules, 'mcp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == "False False\n"
