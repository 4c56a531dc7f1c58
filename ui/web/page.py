"""The browser page. The one file that knows Gradio."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI

from rag.llms import leaves_machine as sends_elsewhere
from rag.settings import Settings
from ui.api.guard import Beside, PageGuard
from ui.api.routes import stop
from ui.api.server import LOOPBACK, listen, server
from ui.cli.serve import address
from ui.permitted import offered
from ui.web import render
from ui.web.conversation import Chat
from ui.web.events import Events, Here, View
from ui.web.export import conversation_routes
from ui.web.sessions import OwnSessions

# Gradio reads these when it is imported and when a page is made: send nothing home, keep no statistics of events.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
ASKING_AT_ONCE = 8
# The token of the link is spent when the page is there: it is in the cookie now, and need not be seen or bookmarked.
FORGET = 'location.search.includes("token=") && history.replaceState(null, "", location.pathname);'
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

Changes = dict[Any, Any]


def build_page(
    chat: Chat,
    settings: Settings,
    examples: Sequence[str] = (),
    leaves_machine: Callable[[str], bool] | None = None,
    evaluation: bool = False,
) -> "Page":
    """The page over an open chat. Several people may use it at once, each in a conversation of their own.

    `examples` are questions for the empty page; without them some are made from the documents' headings.
    `leaves_machine` says of a backend whether passages are sent to another machine. `evaluation` puts a way to it at
    the top; `web_app` must be given its routes then.
    """
    events = Events(chat, settings, leaves_machine or partial(sends_elsewhere, settings=settings), examples)
    return Page(events, offered(settings), evaluation)


def web_app(
    page: "Page",
    host: str,
    evaluation: APIRouter | None = None,
    api: FastAPI | None = None,
    tokens: frozenset[str] = frozenset(),
) -> FastAPI:
    """The page as an ASGI application for `host`, which loads nothing from other machines and sends them nothing.

    With the evaluation page, wrong citations can be reported too; with the API, programs are answered. Whoever has one
    of `tokens` in the address may open the page from anywhere.
    """
    app = FastAPI(openapi_url=None)
    app.add_middleware(OwnSessions)
    app.add_middleware(PageGuard, host=host, tokens=tokens)
    if api:
        app.add_middleware(Beside, api=api)
    app.include_router(conversation_routes(page.events.chat, page.events.conversations))
    scripts = ["page.js"]
    if evaluation:
        app.include_router(evaluation)
        scripts.append("wrong.js")
    page.blocks.queue(default_concurrency_limit=None)
    gr.mount_gradio_app(
        app,
        page.blocks,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        favicon_path=str(ASSETS / "favicon.svg"),
        theme=gr.themes.Base(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")),
        head=f"<style>{_asset('page.css')}</style><script>{FORGET}{''.join(map(_asset, scripts))}</script>",
    )
    return app


def _panel(elem_id: str) -> gr.HTML:
    """HTML whose buttons raise "open" with a place, and "ask" with a question."""
    return gr.HTML(elem_id=elem_id, js_on_load=_asset("panel.js"), apply_default_css=False)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def serve(
    chat: Chat,
    settings: Settings,
    listening: socket.socket | None = None,
    *,
    examples: Sequence[str] = (),
    announce: Callable[[str], None] = print,
    evaluation: APIRouter | None = None,
    api: FastAPI | None = None,
) -> None:
    """Serves the page until it is interrupted, on a socket that `ui.api.server.listen` gave where there is one.

    Without one it listens itself, and raises PinciteError when the address cannot be had.
    """
    with listening or listen(settings.host, settings.port) as door:
        page = build_page(chat, settings, examples, evaluation=evaluation is not None)
        token = secrets.token_urlsafe(18)
        own = {settings.token.get_secret_value()} if settings.token else set[str]()
        app = web_app(page, settings.host, evaluation, api, frozenset({token, *own}))
        announce(f"Pincite is at {address(settings)}/?token={token}  (stop it with Ctrl+C)")
        server(app, partial(stop, api) if api else None).run(sockets=[door])


class Page:
    """The parts of the page, and which event changes which of them."""

    def __init__(self, events: Events, backends: list[str], evaluation: bool) -> None:
        self.events, self.shared = events, events.settings.host not in LOOPBACK
        self.blocks: gr.Blocks = gr.Blocks(title="Pincite", analytics_enabled=False, fill_width=True, fill_height=True)
        with self.blocks:
            self._place(backends, evaluation)
            self._wire()

    def _place(self, backends: list[str], evaluation: bool) -> None:
        events = self.events
        self.told = gr.State(frozenset())
        # Kept by the browser, so that they outlive the server: which conversation is open, and whose it is.
        self.conversation = gr.Textbox(visible="hidden", elem_id="conversation", container=False)
        self.owner = gr.Textbox(value="?" if self.shared else "", visible="hidden", elem_id="owner", container=False)
        with gr.Row(elem_id="top"):
            gr.Button("Conversations", elem_id="conversations", size="sm", scale=0)
            gr.HTML(render.brand(), elem_id="brand", apply_default_css=False)
            pick: dict[str, Any] = {"allow_custom_value": not self.shared, "scale": 0}
            self.backend = gr.Dropdown(
                backends, value=events.settings.backend, label="Model", elem_id="backend", **pick
            )
            self.beside = gr.Dropdown(
                [("none", ""), *backends], value="", label="Compare with", elem_id="beside", **pick
            )
            self.documents = gr.Button("Documents", elem_id="documents", size="sm", scale=0)
            if evaluation:
                gr.Button("Evaluation", elem_id="evaluation", size="sm", scale=0, link="/exam")
            self.theme = gr.Button("Light or dark", elem_id="theme", size="sm", scale=0)
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="side"):
                self.new = gr.Button("New conversation", elem_id="new", size="sm", scale=0)
                self.find = gr.Textbox(
                    elem_id="find",
                    label="Search conversations",
                    placeholder="Search conversations",
                    container=False,
                    max_lines=1,
                )
                self.list = _panel("list")
            with gr.Column(elem_id="talk"):
                with gr.Column(elem_id="exchanges"):
                    self.past = _panel("past")
                    self.current = _panel("current")
                with gr.Column(elem_id="composer"):
                    self.note = gr.HTML(elem_id="note", apply_default_css=False)
                    self.question = gr.Textbox(
                        elem_id="question",
                        label="Question",
                        placeholder="Ask a question about the documents",
                        container=False,
                        max_lines=6,
                        autofocus=True,
                        submit_btn="Ask",
                    )
            with gr.Column(elem_id="source"):
                self.source = _panel("panel")
        self.here = [self.conversation, self.owner, self.backend, self.beside, self.told, self.find]
        self.everything = [
            *(self.conversation, self.told, self.past, self.current, self.note, self.source, self.question, self.list)
        ]

    def _wire(self) -> None:
        events, here, outputs, quiet = self.events, self.here, self.everything, QUIET
        asking = quiet | {"concurrency_limit": ASKING_AT_ONCE}
        followed = [
            self.question.submit(self._growing(events.asked), [self.question, *here], outputs, **asking),
            self.current.ask(self._ask_example, here, outputs, **asking),
            self.list.visit(self._visit, here, outputs, **asking),
            self.blocks.load(
                self._growing(events.opened), here, outputs, js="(...sent) => window.pincite.arrived(sent)", **asking
            ),
        ]
        for event in followed:
            event.failure(self._changing(events.broken), here, outputs, **quiet)
        self.question.stop(self._changing(events.stopped), here, outputs, **quiet)
        self.blocks.load(None, [self.owner], [self.owner], js="(now) => window.pincite.owner(now)", **quiet)
        # A new conversation, or another one: what is being answered goes on, but is not followed any more.
        self.new.click(
            self._growing(events.opened), here, outputs, cancels=followed, js="(_, ...sent) => ['', ...sent]", **quiet
        )
        self.conversation.change(None, [self.conversation], js="(now) => window.pincite.conversing(now)", **quiet)
        self.find.input(self._changing(events.listed), here, [self.list], **quiet)
        self.list.manage(self._manage, here, outputs, **quiet)
        for picker in (self.backend, self.beside):
            picker.change(self._changing(events.backends_chosen), here, [self.note, self.told], **quiet)
        for panel in (self.past, self.current, self.source):
            panel.open(self._open, here, [self.source], **quiet)
        self.documents.click(None, js="() => window.pincite.openDrawer()", api_visibility="private")
        self.theme.click(None, js="() => window.pincite.switchTheme()", api_visibility="private")

    def _ask_example(self, event: gr.EventData, *sent: Any) -> Iterator[Changes]:
        yield from map(self._changes, self.events.asked(str(event.question), self._sent(sent)))

    def _visit(self, event: gr.EventData, *sent: Any) -> Iterator[Changes]:
        here = replace(self._sent(sent), conversation=str(event.visit))
        yield from map(self._changes, self.events.opened(here))

    def _manage(self, event: gr.EventData, *sent: Any) -> Changes:
        return self._changes(self.events.managed(event._data or {}, self._sent(sent)))

    def _open(self, event: gr.EventData, *sent: Any) -> str:
        return self.events.place_chosen(event._data or {}, self._sent(sent))

    def _changing(self, happens: Callable[[Here], View]) -> Callable[..., Changes]:
        return lambda *sent: self._changes(happens(self._sent(sent)))

    def _growing(self, happens: Callable[..., Iterator[View]]) -> Callable[..., Iterator[Changes]]:
        def grow(*sent: Any) -> Iterator[Changes]:
            more, here = sent[: -len(self.here)], sent[-len(self.here) :]
            yield from map(self._changes, happens(*more, self._sent(here)))

        return grow

    def _sent(self, values: Sequence[Any]) -> Here:
        """What a page sent along. Whose the conversations are counts only where several people share it."""
        here = Here(*(value or default for value, default in zip(values, astuple(Here()), strict=True)))
        return replace(here, owner=here.owner or "?") if self.shared else replace(here, owner="")

    def _changes(self, view: View) -> Changes:
        """What a view changes, by component."""
        parts = [
            *((self.conversation, view.conversation), (self.told, view.told), (self.past, view.past)),
            *((self.current, view.current), (self.note, view.note), (self.source, view.source)),
            (self.list, view.list),
        ]
        changes: Changes = {part: value for part, value in parts if value is not None}
        box: dict[str, Any] = {} if view.box is None else {"value": view.box}
        if view.running is not None:
            box |= {"submit_btn": False if view.running else "Ask", "stop_btn": "Stop" if view.running else False}
        return changes | ({self.question: gr.update(**box)} if box else {})
