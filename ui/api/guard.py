"""Who may ask: programs on this machine, or those that know the token; never a website open in the same browser."""

import hashlib
import hmac
import re
import secrets
from urllib.parse import parse_qs

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.api.errors import Refused
from ui.api.server import LOOPBACK

# The page needs inline scripts and styles, and evaluates its own templates; nothing may come from or go elsewhere.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-src 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
BODY_BYTES = 1_000_000
HEALTH = "/v1/health"
JSON_TYPE = "application/json"
OWN_NAMES = (
    "This server answers under this machine's own names only, such as 127.0.0.1. To have it answer under another name, "
    "set PINCITE_TOKEN."
)
CLOSED = "This server can be reached from other machines and has no token. Set PINCITE_TOKEN and start it again."
WEBSITE = "A website may not ask this server. Ask it from a program, or send the token that PINCITE_TOKEN sets."
UNOPENED = "Open the page first: type its address into the browser, or use the link that pincite chat printed."
LINKED = "This page can be reached from other machines. Open the link that pincite chat printed."
ELSEWHERE = "Another website may not ask this page. Type the page's address, or use the link that pincite chat printed."
REFUSED = "This page is served to this machine only. To serve it under another name, set PINCITE_HOST."
# Where a browser too old to say what a request is for may begin.
PAGES = ("/", "/exam")
UNKNOWN = "The token is missing or wrong. Send the header: Authorization: Bearer TOKEN"
TOO_LARGE = f"The request is too large. Send at most {BODY_BYTES:,} bytes."


class Guard:
    """ASGI middleware in front of the HTTP API of a server that listens on `host`.

    Without a token only this machine is answered, under its own names, and no website: neither one that points a
    name of its own here (DNS rebinding) nor one that has the browser send something (CSRF). With a token whoever
    sends it is answered, under any name, so that a proxy may keep its own; no website knows it. Bodies are JSON, which
    a foreign form cannot send, and not too large.
    """

    def __init__(self, app: ASGIApp, host: str, token: SecretStr | None) -> None:
        self.app, self.loopback = app, host in LOOPBACK
        self.token = token.get_secret_value().encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on, or answers it."""
        if scope["type"] != "http":
            await _other(self.app, scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._stranger(headers, scope["path"]) or _body(headers, scope["method"])
        app = refused.response() if refused else self.app
        await app(scope, _counted(receive), _with_headers(send))

    def _stranger(self, headers: Headers, path: str) -> Refused | None:
        if self.token:
            sent = re.fullmatch(r"(?i:bearer) +(\S+) *", headers.get("authorization", ""))
            known = sent and hmac.compare_digest(sent[1].encode(), self.token)
            return None if known or path == HEALTH else Refused(401, UNKNOWN, headers={"www-authenticate": "Bearer"})
        if not self.loopback:
            return None if path == HEALTH else Refused(403, CLOSED)
        if _asked_host(headers) not in LOOPBACK:
            return Refused(403, OWN_NAMES)
        return Refused(403, WEBSITE) if _is_foreign(headers) else None


class PageGuard:
    """ASGI middleware in front of the page and all that belongs to it, Gradio's own routes included.

    Opening the page, by typing its address or through a link with `token`, gives the browser a cookie that no script
    reads and no other site has sent, and everything else takes that cookie. Where other machines can reach the page
    it takes the link. What a page of another origin has the browser send is refused, cookie or not: to a browser all
    ports of one machine are one site. `scope["visitor"]` says whose cookie it is.
    """

    def __init__(self, app: ASGIApp, host: str, tokens: frozenset[str]) -> None:
        self.app, self.loopback, self._tokens = app, host in LOOPBACK, tokens
        self._secret = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on, or answers it."""
        if scope["type"] != "http":
            await _other(self.app, scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookie = f"pincite_{headers.get('host', '').rpartition(':')[2]}"
        visitor = self._visitor(headers, cookie)
        if refused := self._stranger(scope, headers, visitor) or _body(headers, scope["method"]):
            response = PlainTextResponse(f"{refused.message}\n", refused.status)
            await response(scope, receive, _with_headers(send))
            return
        given = None
        if visitor is None:
            visitor = secrets.token_urlsafe(16)
            given = f"{cookie}={visitor}.{self._signature(visitor)}; HttpOnly; SameSite=Strict; Path=/"
        await self.app({**scope, "visitor": visitor}, _counted(receive), _with_headers(send, given))

    def _stranger(self, scope: Scope, headers: Headers, visitor: str | None) -> Refused | None:
        if self.loopback and _asked_host(headers) not in LOOPBACK:
            return Refused(400, REFUSED)
        reads = scope["method"] in ("GET", "HEAD")
        if reads and self._knows_token(scope["query_string"]):
            return None
        if _is_foreign(headers):
            return Refused(403, ELSEWHERE)
        if visitor:
            return None
        mode = headers.get("sec-fetch-mode")
        opens = reads and (mode == "navigate" if mode else scope["path"] in PAGES)
        return None if opens and self.loopback else Refused(403, UNOPENED if self.loopback else LINKED)

    def _knows_token(self, query: bytes) -> bool:
        sent = parse_qs(query.decode("latin-1")).get("token", [""])[0]
        return any(hmac.compare_digest(sent.encode(), token.encode()) for token in self._tokens)

    def _visitor(self, headers: Headers, cookie: str) -> str | None:
        """Whose cookie came along, if it is one that was given since the start."""
        for found in re.findall(rf"(?:^|;)\s*{re.escape(cookie)}=([\w-]+)\.([\w-]+)", headers.get("cookie", "")):
            if hmac.compare_digest(self._signature(found[0]), found[1]):
                return str(found[0])
        return None

    def _signature(self, visitor: str) -> str:
        return hmac.new(self._secret, visitor.encode(), hashlib.sha256).hexdigest()


class Beside:
    """ASGI middleware: requests for the HTTP API go to it, and all others to the page that it stands beside."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self.app, self.api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on."""
        asked = scope["type"] == "http" and re.match(r"/v1(/|$)|/openapi\.json$", scope["path"])
        await (self.api if asked else self.app)(scope, receive, send)


async def _other(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """What is no request: the server's start and end. WebSockets there are none."""
    if scope["type"] == "lifespan":
        await app(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})


def _asked_host(headers: Headers) -> str:
    """The name under which a server is asked, without a port."""
    return re.sub(r":\d*$", "", headers.get("host", "")).strip("[]").lower()


def _is_foreign(headers: Headers) -> bool:
    """Whether a page of another origin had the browser send this, as the browser itself says."""
    origin = headers.get("origin")
    if origin is not None and re.sub(r"^https?://", "", origin) != headers.get("host", "").lower():
        return True
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _body(headers: Headers, method: str) -> Refused | None:
    """What is wrong with a body before it is read."""
    if method != "POST":
        return None
    if headers.get("content-type", "").split(";")[0].strip().lower() != JSON_TYPE:
        return Refused(415, f"Send JSON, with the header: Content-Type: {JSON_TYPE}")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > BODY_BYTES:
        return Refused(413, TOO_LARGE)
    return None


def _counted(receive: Receive) -> Receive:
    """The same, for a body that is not too large whatever it says."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted


def _with_headers(send: Send, cookie: str | None = None) -> Send:
    """The same, with what tells the browser to load from and send to nowhere else; Gradio would let some others in."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            headers.update(HEADERS)
            if cookie:
                headers.append("set-cookie", cookie)
        await send(message)

    return with_headers
