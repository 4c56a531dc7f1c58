"""Who the page answers, Gradio's own routes included: whoever opened it, and never a website in the same browser."""

import contextlib
import functools
import http.client
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import chromium
from commands import process
from fastapi import FastAPI
from fastapi.testclient import TestClient
from http_door import Api, Got
from servers.scripted import free_port

from ui.api.guard import BODY_BYTES, PageGuard

QUESTION = "When was the zebra bridge opened?"
JSON_TYPE = {"content-type": "application/json"}
TOKEN = "recognisable-token-0123456789"
ROUTES = [
    ("GET", "/"),
    ("GET", "/exam"),
    ("GET", "/config"),
    ("GET", "/theme.css"),
    ("GET", "/static/img/logo.svg"),
    ("GET", "/gradio_api/startup-events"),
    ("GET", "/gradio_api/queue/data?session_hash=s"),
    ("GET", "/gradio_api/heartbeat/s"),
    ("GET", "/gradio_api/file=/etc/hostname"),
    ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/run/predict"),
    ("OPTIONS", "/gradio_api/queue/join"),
]
FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:1"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    """A page that serves, and the link that it printed."""
    folder, port = tmp_path_factory.mktemp("page"), free_port()
    (folder / "seeds").mkdir()
    (folder / "seeds" / "bridge.md").write_text("# The bridge\n\nThe zebra bridge was opened in 1932.\n")
    server = process("chat", "--port", port, cwd=folder)
    assert server.stdout
    line = server.stdout.readline().decode()
    with server:
        yield Api(port), line
        server.kill()


@pytest.fixture(scope="module")
def page(started: tuple[Api, str]) -> Api:
    return started[0]


@dataclass
class Visitor:
    """A browser of its own, as far as the server can tell."""

    page: Api
    cookie: str = ""

    def get(self, path: str, **headers: str) -> Got:
        got = self.page.send("GET", path, None, {**self._cookie(), **headers})
        self.cookie = got.headers.get("set-cookie", self.cookie).partition(";")[0]
        return got

    def post(self, path: str, value: object, **headers: str) -> Got:
        return self.page.send("POST", path, json.dumps(value).encode(), {**JSON_TYPE, **self._cookie(), **headers})

    def _cookie(self) -> dict[str, str]:
        return {"cookie": self.cookie, "host": f"127.0.0.1:{self.page.port}"}

    def ask(self, session: str, question: str = QUESTION) -> Got:
        """Join Gradio's queue as the page does."""
        config = self.get("/config").json
        submit = next(one for one in config["dependencies"] if [name for _, name in one["targets"]] == ["submit"])
        values = {part["id"]: part["props"].get("value") for part in config["components"]}
        data = [question, *(values[part] for part in submit["inputs"][1:])]
        wanted = {
            "data": data,
            "fn_index": submit["id"],
            "session_hash": session,
            "trigger_id": submit["targets"][0][0],
        }
        return self.post("/gradio_api/queue/join", wanted)

    def heard(self, session: str) -> str:
        """What the queue tells about a session until its answer is finished; nothing when it knows none."""
        path = f"/gradio_api/queue/data?session_hash={session}"
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=20)) as connection:
            connection.request("GET", path, headers=self._cookie())
            text = ""
            with contextlib.suppress(http.client.HTTPException), connection.getresponse() as response:
                for line in response:
                    text += line.decode()
                    if "process_completed" in text:
                        break
        return text


@pytest.fixture(scope="module")
def visitor(page: Api) -> Visitor:
    one = Visitor(page)
    assert one.get("/").status == 200
    return one


def test_what_another_website_has_the_browser_send_is_refused_cookie_or_not(page: Api, visitor: Visitor) -> None:
    for method, path in ROUTES:
        for foreign in FOREIGN:
            for cookie in ("", visitor.cookie):
                got = page.send(method, path, b"{}", {**JSON_TYPE, "cookie": cookie, **foreign})
                assert got.status == 403, (method, path, foreign)
                assert "set-cookie" not in got.headers and "access-control-allow-origin" not in got.headers
        assert page.send(method, path, b"{}", {**JSON_TYPE, "host": "evil.example"}).status == 400


def test_before_the_page_was_opened_nothing_else_is_there(page: Api) -> None:
    for method, path in [route for route in ROUTES if route[1] not in ("/", "/exam")]:
        for cookie in ("", f"pincite_{page.port}=somebody.0123456789"):
            got = page.send(method, path, b"{}", {**JSON_TYPE, "cookie": cookie, "host": f"127.0.0.1:{page.port}"})
            assert got.status == 403, (method, path)
            assert got.body.startswith(b"Open the page first: type its address into the browser")


def test_typing_the_address_gives_a_cookie_that_no_script_reads_and_no_other_site_has_sent(page: Api) -> None:
    for typed in ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, {}):
        given = page.send("GET", "/", None, typed).headers["set-cookie"]
        assert given.endswith("; HttpOnly; SameSite=Strict; Path=/")
    visitor = Visitor(page)
    visitor.get("/")
    own = {"origin": f"http://127.0.0.1:{page.port}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
    got = visitor.get("/config", **own)
    assert got.status == 200
    assert not {"set-cookie", "access-control-allow-origin"} & got.headers.keys()


def test_what_the_page_does_not_use_of_gradio_is_not_there(visitor: Visitor) -> None:
    for path in ("file=/etc/hostname", "proxy=http://127.0.0.1/", "upload_progress?upload_id=1", "call/x/1", "info"):
        assert visitor.get(f"/gradio_api/{path}").status == 404
    for path in ("run/predict", "component_server", "vibe-edit", "stream/1"):
        assert visitor.post(f"/gradio_api/{path}", {"data": []}).status == 404


def test_a_body_is_json_and_not_too_large(visitor: Visitor) -> None:
    assert visitor.post("/gradio_api/queue/join", {}, **{"content-type": "text/plain"}).status == 415
    assert visitor.post("/gradio_api/queue/join", {"data": ["x" * BODY_BYTES]}).status == 413


def test_the_name_of_a_session_opens_it_to_nobody_else(page: Api, visitor: Visitor) -> None:
    other = Visitor(page)
    other.get("/")
    assert visitor.ask("shared").status == 200
    assert "1932" not in other.heard("shared")
    assert "1932" in visitor.heard("shared")


def test_the_link_that_is_printed_opens_the_page_from_anywhere(started: tuple[Api, str]) -> None:
    page, line = started
    link = re.fullmatch(
        rf"Pincite is at http://127\.0\.0\.1:{page.port}(/\?token=[\w-]{{20,}})  \(stop it .*\)\n", line
    )
    assert link
    clicked = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    got = page.send("GET", link[1], None, clicked)
    assert got.status == 200 and "set-cookie" in got.headers
    assert page.send("POST", "/gradio_api/queue/join" + link[1][1:], b"{}", {**JSON_TYPE, **clicked}).status == 403


def test_where_other_machines_reach_the_page_only_the_link_opens_it() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/")(lambda: "the page")
    app.get("/config")(lambda: "more")
    app.add_middleware(PageGuard, host="0.0.0.0", tokens=frozenset({TOKEN}))
    for name in ("documents.example", "192.0.2.1:7860"):
        client = TestClient(app, base_url=f"http://{name}")
        for path in ("/", "/config", "/?token=", f"/?token={TOKEN[:-1]}"):
            assert client.get(path, headers={"sec-fetch-mode": "navigate"}).status_code == 403
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        assert client.get(f"/?token={TOKEN}", headers=link).json() == "the page"
        assert client.get("/config").json() == "more"
        assert client.get("/config", headers={"origin": "http://evil.example"}).status_code == 403


ATTACK = """<pre id=o></pre><script>
const b = new URLSearchParams(location.search).get("b"), json = { "content-type": "application/json" };
const told = [];
const tell = async asked => told.push(await asked.then(got => got.text(), error => error.name));
(async () => {
  await tell(fetch(b + "config", { credentials: "include" }));
  await tell(fetch(b, { mode: "no-cors", credentials: "include" }));
  const asked = JSON.stringify({ data: ["When was the zebra bridge opened?", null, "offline", "", null], fn_index: 0, session_hash: "s" });
  for (const mode of ["cors", "no-cors"])
    await tell(fetch(b + "gradio_api/queue/join",
      { method: "POST", headers: json, body: asked, mode, credentials: "include" }));
  await tell(fetch(b + "gradio_api/queue/data?session_hash=s", { credentials: "include" }));
  const frame = document.createElement("iframe");
  frame.src = b;
  await new Promise(done => { frame.onload = done; document.body.append(frame); });
  document.getElementById("o").textContent = JSON.stringify(told) + " done";
})();
</script>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.slow
def test_a_page_on_another_port_of_this_machine_reads_nothing_of_a_page_that_is_open(page: Api, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(ATTACK)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as website, chromium() as browser:
        threading.Thread(target=website.serve_forever, daemon=True).start()
        context = browser.new_context()
        own, evil = context.new_page(), context.new_page()
        for name in ("127.0.0.1", "localhost"):
            own.goto(f"http://{name}:{page.port}/")
            own.locator("#question textarea").wait_for()
            evil.goto(f"http://{name}:{website.server_port}/page.html?b=http://{name}:{page.port}/")
            evil.locator("#o", has_text="done").wait_for()
            assert set(json.loads(evil.inner_text("#o").removesuffix(" done"))) <= {"TypeError", ""}
            assert "1932" not in "".join(frame.content() for frame in evil.frames)
        website.shutdown()
