"""Taking keys out of text: whole, in part, and as they are commonly encoded."""

import base64
import functools
import re
from collections.abc import Iterable
from urllib.parse import quote

REMOVED = "[key removed]"
# So many characters of a key in a row are no coincidence.
RUN = 8


@functools.lru_cache(maxsize=8)
def _forms(secrets: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Each secret as it may be written, and every run of characters of those."""
    forms: set[str] = set()
    for secret in filter(None, secrets):
        data = secret.encode()
        # What stands before a secret in what is encoded changes how it begins, not what follows.
        for before in range(3):
            encoded = base64.b64encode(b"x" * before + data).decode().rstrip("=")[before + 1 if before else 0 :]
            forms |= {encoded, encoded.replace("+", "-").replace("/", "_")}
        forms |= {secret, quote(secret, safe=""), data.hex(), data.hex().upper(), secret[::-1]}
    runs = {form[i : i + RUN] for form in forms for i in range(len(form) - RUN + 1)}
    return tuple(forms), frozenset(runs)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secrets, in any common form."""
    forms, runs = _forms(tuple(secrets))
    for short in (form for form in forms if len(form) < RUN):
        text = re.sub(rf"(?<!\w){re.escape(short)}(?!\w)", REMOVED, text)
    hits = [i for i in range(len(text) - RUN + 1) if text[i : i + RUN] in runs] if runs else []
    kept, end = "", 0
    for i in hits:
        if i >= end:
            kept += text[end:i] + REMOVED
        end = i + RUN
    return kept + text[end:]


class StreamRedactor:
    """Passes a streamed text on without the secrets in it, wherever the stream was cut."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        # A placeholder such as "none" is no secret, and a word of many an answer.
        self._secrets, self._held = tuple(secret for secret in secrets if len(secret) >= RUN), ""

    def feed(self, text: str) -> str:
        """What can be said now: all but an end that may be the beginning of a secret."""
        self._held += text
        forms, size = _forms(self._secrets)[0], 0
        while size < len(self._held) and any(self._held[-size - 1 :] in form for form in forms):
            size += 1
        said, self._held = self._held[: len(self._held) - size], self._held[len(self._held) - size :]
        return redact(said, self._secrets)

    def finish(self) -> str:
        """The rest, at the end of the stream."""
        return redact(self._held, self._secrets)
