"""Who the HTTP API answers: programs on this machine or with the token, and never a website in the same browser."""

import contextlib
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium
from commands import ROOT
from http_door import Api, Got, answering
from scripted_chat import ScriptedChat, answered, cite, document
from servers.openai import OpenAIWire
from servers.scripted import serving

from rag.settings import Settings, load_settings
from rag.types import Statement
from ui.api.guard import BODY_BYTES

TOKEN = "recognisable-token-0123456789"
BRIDGE = document("bridge.md", "The bridge was opened in 1932.")
QUESTION = "When was it opened?"
ROUTES = [
    ("GET", "/v1/documents"),
    ("GET", "/v1/documents/bridge.md"),
    ("GET", "/v1/models"),
    ("GET", "/openapi.json"),
    ("POST", "/v1/ask"),
    ("POST", "/v1/search"),
    ("POST", "/v1/verify"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/nothing"),
    ("OPTIONS", "/v1/ask"),
]


def chat() -> ScriptedChat:
    statement = Statement("It was opened in 1932.", "supported", 1.0, citations=(cite(BRIDGE, BRIDGE.text),))
    return ScriptedChat({BRIDGE.id: BRIDGE}, {QUESTION: answered(QUESTION, statement)})


def having(**named: object) -> Settings:
    token = named.pop("token", None)
    return load_settings(named, environ={"PINCITE_TOKEN": str(token)} if token else {})


@pytest.fixture(scope="module")
def own() -> Iterator[Api]:
    """A server for this machine, without a token."""
    with answering(chat(), having()) as api:
        yield api


@pytest.fixture(scope="module", params=["127.0.0.1", "0.0.0.0"])
def guarded(request: pytest.FixtureRequest) -> Iterator[Api]:
    """A server with a token, for this machine or for others too."""
    with answering(chat(), having(host=request.param, token=TOKEN)) as api:
        yield api


def ask(api: Api, **headers: str) -> Got:
    return api.post("/v1/ask", {"question": QUESTION}, **headers)


def test_programs_on_this_machine_need_nothing_and_may_use_any_of_its_names(own: Api) -> None:
    assert ask(own).json["text"] == "It was opened in 1932."
    for name in ("127.0.0.1", "localhost:1234", "[::1]:80", "LOCALHOST"):
        assert ask(own, host=name).status == 200


@pytest.mark.parametrize("name", ["documents.example", "127.0.0.1.example:80", "localhost.", "", "0.0.0.0", "127.1"])
@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", "/v1/health")])
def test_a_website_that_points_a_name_of_its_own_here_is_refused(own: Api, name: str, method: str, path: str) -> None:
    got = own.send(method, path, b"{}", {"content-type": "application/json", "host": name})
    assert (got.status, got.json["error"]["type"]) == (403, "permission_error")
    assert "set PINCITE_TOKEN" in got.message


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_a_website_has_the_browser_send_is_refused(
    own: Api, headers: dict[str, str], method: str, path: str
) -> None:
    got = own.send(method, path, b"{}", {"content-type": "application/json", **headers})
    assert (got.status, got.json["error"]["type"]) == (403, "permission_error")
    assert "access-control-allow-origin" not in got.headers


def test_the_servers_own_pages_may_ask_it(own: Api) -> None:
    headers = {"origin": f"http://127.0.0.1:{own.port}", "sec-fetch-site": "same-origin"}
    assert ask(own, host=f"127.0.0.1:{own.port}", **headers).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_a_foreign_form_could_send_is_refused(own: Api, kind: str) -> None:
    got = own.send("POST", "/v1/ask", b'{"question": "When was it opened?"}', {"content-type": kind})
    assert (got.status, got.message) == (415, "Send JSON, with the header: Content-Type: application/json")


@pytest.mark.parametrize("sent", [None, "", TOKEN, "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}", "Bearer é" + "x" * 20])  # fmt: skip
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_with_a_token_nobody_is_answered_without_it(guarded: Api, sent: str | None, method: str, path: str) -> None:
    headers = {"content-type": "application/json"} | ({} if sent is None else {"authorization": sent})
    got = guarded.send(method, path, b"{}", headers)
    assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    assert got.message == "The token is missing or wrong. Send the header: Authorization: Bearer TOKEN"
    assert TOKEN not in got.body.decode()


def test_with_the_token_a_caller_is_answered_wherever_it_comes_from(guarded: Api) -> None:
    known = {"authorization": f"Bearer {TOKEN}"}
    for headers in ({}, {"origin": "app://desktop"}, {"sec-fetch-site": "cross-site"}, {"host": "documents.example"}):
        assert ask(guarded, **known, **headers).status == 200
    assert ask(guarded, authorization=f"bearer  {TOKEN} ").status == 200


def test_a_probe_needs_no_token_and_learns_nothing(guarded: Api) -> None:
    got = guarded.get("/v1/health")
    assert (got.status, got.json) == (200, {"status": "ok"})


def test_where_others_can_reach_it_nobody_is_answered_as_long_as_there_is_no_token() -> None:
    with answering(chat(), having(host="0.0.0.0")) as api:
        for method, path in ROUTES:
            got = api.send(method, path, b"{}", {"content-type": "application/json"})
            assert (got.status, "Set PINCITE_TOKEN" in got.message) == (403, True)


def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_how_large_it_is(own: Api) -> None:
    body = b'{"question": "' + b"a" * BODY_BYTES + b'"}'
    kind = {"content-type": "application/json"}
    assert own.send("POST", "/v1/ask", body, kind).status == 413
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", own.port, timeout=600)) as connection:
        connection.request("POST", "/v1/ask", iter([body[:500_000], body[500_000:]]), kind, encode_chunked=True)
        response = connection.getresponse()
        got = Got(response.status, {}, response.read())
    assert (got.status, got.message) == (413, "The request is too large. Send at most 1,000,000 bytes.")


def test_a_large_body_is_refused_before_it_is_sent(own: Api) -> None:
    with socket.create_connection(("127.0.0.1", own.port), timeout=600) as raw:
        head = "POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("token", ["short", "x" * 15, "with space " * 3, "é" * 20, "line\nend" * 5])
def test_a_token_that_could_be_guessed_or_not_be_sent_is_no_setting(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from rag.errors import SettingsError

    with pytest.raises(SettingsError, match=r"^PINCITE_TOKEN has an unusable value: it should be 16 or more ") as told:
        having(token=token)
    assert token not in str(told.value)


def test_no_website_can_be_let_in_by_a_header_in_the_code() -> None:
    for path in (ROOT / "ui").glob("*.py"):
        assert "access-control-allow" not in path.read_text("utf-8").lower()


def test_the_token_appears_in_no_print_of_the_settings(tmp_path: Path) -> None:
    settings = having(token=TOKEN)
    assert TOKEN not in repr(settings) + str(settings) + settings.model_dump_json()
    assert TOKEN in settings.secrets()


TRIES = """async address => {
  const asked = JSON.stringify({ question: "When was it opened?" });
  const json = { "Content-Type": "application/json" };
  const tries = [
    [`${address}/ask`, { method: "POST", body: asked }],
    [`${address}/ask`, { method: "POST", body: asked, mode: "no-cors" }],
    [`${address}/ask`, { method: "POST", body: asked, headers: json }],
    [`${address}/ask`, { method: "POST", body: asked, headers: json, mode: "no-cors", keepalive: true }],
    [`${address}/documents/bridge.md`, {}],
    [`${address}/documents/bridge.md`, { mode: "no-cors" }],
  ];
  const read = [];
  for (const [where, how] of tries)
    read.push(await fetch(where, how).then(got => got.text(), error => error.name));
  navigator.sendBeacon(`${address}/ask`, new Blob([asked], { type: "text/plain" }));
  return read;
}"""


@pytest.mark.slow
def test_a_real_browser_on_another_website_reads_nothing_and_has_nothing_asked() -> None:
    bridge = chat()
    with answering(bridge, having()) as api, serving(OpenAIWire()) as website, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{website.url}/models")  # any page of another origin
        read = page.evaluate(TRIES, api.url)
        own = page.request.post(f"{api.url}/ask", data={"question": QUESTION})
    assert set(read) <= {"TypeError", ""}
    assert own.status == 200
    assert len(bridge.asked) == 1
