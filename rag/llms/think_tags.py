"""Leaving out what a reasoning model thinks aloud: some servers put it before the answer, between two tags."""

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Passes an answer's text on, without a block of thoughts at its beginning."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"

    def feed(self, text: str) -> str:
        """The part of the answer that `text` completes."""
        if self._state == "answer":
            return text
        self._held += text
        if self._state == "before":
            start = self._held.lstrip()
            if len(start) < len(OPEN) and OPEN.startswith(start):
                return ""
            self._state = "thinking" if start.startswith(OPEN) else "answer"
        if self._state == "thinking":
            _, closed, after = self._held.partition(CLOSE)
            # Until then only what may be the beginning of the closing tag has to be kept.
            self._held = after if closed else self._held[-len(CLOSE) :]
            self._state = "after" if closed else "thinking"
        if self._state == "after":
            self._held = self._held.lstrip()
            self._state = "answer" if self._held else "after"
        if self._state != "answer":
            return ""
        held, self._held = self._held, ""
        return held

    def finish(self) -> str:
        """What was held back when the stream ended and is no thought."""
        return self._held if self._state == "before" else ""
