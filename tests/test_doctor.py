"""The doctor: a line for everything that works or does not, and what to type."""

import socket
from pathlib import Path

import pytest
from commands import one_document, pincite
from servers.openai import OpenAIWire
from servers.scripted import Reply, serving


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one small document, and no index."""
    return one_document(tmp_path, monkeypatch)


def test_the_doctor_finds_nothing_to_fix_on_a_fresh_machine_and_leaves_no_file(fresh: Path) -> None:
    ran = pincite("doctor", "--data", fresh / "data")
    assert (ran.code, ran.error) == (0, "")
    lines = [line.split(maxsplit=2) for line in ran.text.splitlines()]
    assert {line[0] for line in lines} <= {"ok", "fix"}
    assert [line[1] for line in lines] == ["settings", "documents", "data", "model", "index", "backend", "port"]
    assert sorted(path.name for path in fresh.rglob("*")) == ["bridge.md", "seeds"]


def test_the_doctor_says_of_everything_that_is_wrong_what_to_type(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh / "seeds" / "more.txt").write_bytes(b"caf\0")
    pincite("ingest")
    (fresh / "seeds" / "bridge.md").write_text("# The bridge\n\nIt was closed in 2032.\n", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken, serving(OpenAIWire(), Reply(status=401)) as server:
        port = taken.getsockname()[1]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abc")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("PINCITE_PORT", str(port))
        ran = pincite("doctor", "--backend", "openai:x,offline")
    assert ran.code == 1
    fixes = [line for line in ran.text.splitlines() if line.startswith("fix")]
    assert len(fixes) == 4
    assert "1 file has changed since indexing. Type: pincite ingest" in fixes[0]
    assert "more.txt holds binary data, not text." in fixes[1]
    assert "OPENAI_API_KEY" in fixes[2]
    assert "sk-0123456789abc" not in ran.text
    assert f"Port {port} on 127.0.0.1 is already in use." in fixes[3]
    assert "ok   backend    offline answered and cited its source" in ran.text


def test_the_doctor_stops_at_settings_that_cannot_be_used(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_PROT", "7861")
    ran = pincite("doctor")
    assert (ran.code, ran.text.count("\n")) == (1, 1)
    assert ran.text == "fix  settings   PINCITE_PROT is not a setting. Did you mean PINCITE_PORT?\n"
