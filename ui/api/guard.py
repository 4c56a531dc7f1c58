"""Who may ask: programs on this machine, or those that know the token; never a website open in the same browser."""

import hmac
import re

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.api.errors import Refused
from ui.api.server import LOOPBACK, asked_host

BODY_BYTES = 1_000_000
HEALTH = "/v1/health"
JSON_TYPE = "application/json"
OWN_NAMES = (
    "This server answers under this machine's own names only, such as 127.0.0.1. To have it answer under another name, "
    "set PINCITE_TOKEN."
)
CLOSED = "This server can be reached from other machines and has no token. Set PINCITE_TOKEN and start it again."
WEBSITE = "A website may not ask this server. Ask it from a program, or send the token that PINCITE_TOKEN sets."
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
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._stranger(headers, scope["path"]) or _body(headers, scope["method"])
        if refused:
            await refused.response()(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > BODY_BYTES:
                raise HTTPException(413, TOO_LARGE)
            return message

        await self.app(scope, counted, send)

    def _stranger(self, headers: Headers, path: str) -> Refused | None:
        if self.token:
            sent = re.fullmatch(r"(?i:bearer) +(\S+) *", headers.get("authorization", ""))
            known = sent and hmac.compare_digest(sent[1].encode(), self.token)
            return None if known or path == HEALTH else Refused(401, UNKNOWN, headers={"www-authenticate": "Bearer"})
        if not self.loopback:
            return None if path == HEALTH else Refused(403, CLOSED)
        if asked_host(headers) not in LOOPBACK:
            return Refused(403, OWN_NAMES)
        origin = headers.get("origin")
        foreign = origin is not None and re.sub(r"^https?://", "", origin) != headers.get("host")
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return Refused(403, WEBSITE)
        return None


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
