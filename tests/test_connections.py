"""Connecting a model: the key stays on this machine, models are listed by who has them, and one question tries them."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from servers.backends import STANDS, needs_package
from servers.scripted import Reply, ScriptedServer, serving

from rag.chat import Chat
from rag.settings import load_settings
from ui.web.connections import Connections, connected, connection_routes

KEY = "sk-a-key-that-nobody-else-sees"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    needs_package("openai")
    with serving(STANDS["openai"].wire) as running:
        yield running


@pytest.fixture
def chat(tmp_path: Path, server: ScriptedServer) -> Chat:
    (tmp_path / "documents").mkdir()
    environ = {"OPENAI_BASE_URL": f"{server.url}/v1", "PINCITE_COMPATIBLE": f"desk={server.url}/v1"}
    folders = {"documents": tmp_path / "documents", "data": tmp_path / "data"}
    return Chat(connected(load_settings({**folders, "retries": 0}, environ)))


@pytest.fixture
def client(chat: Chat) -> TestClient:
    app = FastAPI()
    app.include_router(connection_routes(Connections(chat)))
    return TestClient(app)


def provider(client: TestClient, name: str) -> dict[str, object]:
    return next(row for row in client.get("/models/providers").json() if row["name"] == name)


def test_a_key_is_typed_once_kept_for_its_owner_alone_and_never_given_back(
    client: TestClient, chat: Chat, tmp_path: Path
) -> None:
    assert provider(client, "openai")["key"] == "OPENAI_API_KEY" and not provider(client, "openai")["usable"]
    assert client.put("/models/keys/OPENAI_API_KEY", content=f" {KEY}\n").json() == {}
    after = provider(client, "openai")
    assert (after["key"], after["kept"], after["usable"]) == (None, "OPENAI_API_KEY", True)
    file = tmp_path / "data" / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KEY not in client.get("/models/providers").text and KEY not in repr(chat.settings)
    again = connected(load_settings({"data": tmp_path / "data"}, environ={}))
    assert again.provider("OPENAI_API_KEY") == KEY
    assert (
        connected(load_settings({"data": tmp_path / "data"}, {"OPENAI_API_KEY": "x"})).provider("OPENAI_API_KEY") == "x"
    )
    client.delete("/models/keys/OPENAI_API_KEY")
    assert provider(client, "openai")["key"] == "OPENAI_API_KEY" and KEY not in file.read_text()


@pytest.mark.parametrize(
    ("name", "key"), [("PATH", "x"), ("OPENAI_API_KEY", ""), ("OPENAI_API_KEY", "a b"), ("OPENAI_API_KEY", "x" * 2000)]
)
def test_what_is_no_key_is_refused_and_not_repeated(client: TestClient, tmp_path: Path, name: str, key: str) -> None:
    refused = client.put(f"/models/keys/{name}", content=key)
    assert refused.status_code == 400 and (not key.strip() or key not in refused.json()["error"].split())
    assert not (tmp_path / "data" / "keys.json").exists()


def test_the_models_of_a_server_are_listed_and_one_question_says_how_long_it_took(
    client: TestClient, server: ScriptedServer
) -> None:
    listed = client.get("/models/of/compatible:desk").json()["models"]
    assert listed and all(spec.startswith("compatible:desk/") for spec in listed)
    server.rehearse(Reply(pieces=("Sentences: [1.1]\n", "It was opened in 1932. [1.1]")))
    tried = client.put(f"/models/trial/{listed[0]}").json()
    assert (tried["error"], tried["cited"], tried["spec"]) == (None, True, listed[0]) and tried["seconds"] >= 0
    server.rehearse(Reply(status=401, message="no such key"))
    assert "no such key" in client.put(f"/models/trial/{listed[0]}").json()["error"]
    assert "error" in client.get("/models/of/nobody").json()


def test_the_usual_servers_of_this_machine_are_known_by_name(client: TestClient) -> None:
    names = {row["name"] for row in client.get("/models/providers").json()}
    assert {"compatible:ollama", "compatible:lmstudio", "compatible:vllm", "compatible:llamacpp"} <= names
    assert (
        provider(client, "compatible:desk")["usable"] and provider(client, "compatible:desk")["leaves_machine"] is False
    )
