"""The think-tag filter: leaves out what a model writes beside its answer, in the tags that models and servers use.

Thoughts stand between two tags, or before a lone closing one where the prompt has opened them already. A token of the
chat template ends the answer.
"""

import re
from typing import Literal

_NAMES = r"(?:\w{1,12}:)?(?:think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad|inner_monologue)"
_TAG = re.compile(
    rf"(?P<open><{_NAMES}\b[^<>]{{0,40}}>|\[THINK\]|◁think▷|<\|begin_of_thought\|>"
    r"|<\|channel\|?>(?!\s*final)[^<>]{0,40}(?:<\|message\|>|\n))"
    rf"|(?P<close></{_NAMES}\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|channel\|>\s*final[^<>]{0,40}<\|message\|>|<channel\|>|<\|begin_of_solution\|>)"
    r"|(?P<role><\|start\|>\s*assistant|<\|im_start\|>\s*assistant\s|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>"
    r"|<\|assistant\|>|<start_of_turn>\s*model\s|<\|message\|>)"
    r"|(?P<end><\|[a-z0-9_]{2,24}\|>|</s>|<(?:end|start)_of_turn>|\[/?INST\]|<[|｜][^<>\n]{0,24}[|｜]>)",
    re.IGNORECASE,
)
# What may still become a tag when more has come.
_PARTIAL = re.compile(
    r"(?:<\|(?:channel|start|im_start|start_header_id)\|?>[^<>\n]{0,40}(?:<[^<>]{0,20})?|<[^<>]{0,60}|\[[/A-Z]{0,7}"
    r"|◁[^▷]{0,10})\Z"
)
# The same channels where a server has taken their tokens away: "analysisThe user asks … assistantfinalIn 1932."
_BARE_OPEN, _BARE_CLOSE = re.compile(r"analysis(?=[A-Z])"), "assistantfinal"
# Thoughts may be long; of what may yet turn out to be text, because nothing closes it, no more is kept than this.
_HELD_CHARACTERS = 30_000


class ThinkTagFilter:
    """Passes an answer on as it streams. `restarted` is set when what was passed on before turns out to be thoughts."""

    def __init__(self) -> None:
        self.thought = False
        self.restarted = False
        self._text = ""  # not yet read
        self._out = ""  # read, not yet passed on
        self._mode: Literal["answer", "thought", "aside", "ended", "bare"] = "answer"
        self._aside = ""  # an aside that nothing closes is text after all
        self._said = self._in_line = False

    def feed(self, text: str) -> str:
        """The part of the answer that `text` completes."""
        self._text += text
        return self._read(final=False)

    def finish(self) -> str:
        """What was held back when the stream ended and is no thought."""
        return self._read(final=True) + (self._aside if self._mode == "aside" else "")

    def _read(self, final: bool) -> str:
        if not self._said and self._mode == "answer":
            start = self._text.lstrip()
            if not final and "analysis".startswith(start[:9]):
                return ""
            if _BARE_OPEN.match(start):
                self._mode, self.thought = "bare", True
        if self._mode == "bare":
            _, closed, after = self._text.partition(_BARE_CLOSE)
            self._text = after if closed else self._text[-len(_BARE_CLOSE) :]
            if not closed:
                return ""
            self._mode = "answer"
        while found := _TAG.search(self._text):
            partial = None if final else _PARTIAL.search(self._text)
            if partial and partial.start() <= found.start():
                break
            before, self._text = self._text[: found.start()], self._text[found.end() :]
            self._pass(before)
            self._tag(str(found.lastgroup), found[0])
        partial = None if final else _PARTIAL.search(self._text)
        cut = partial.start() if partial else len(self._text)
        self._pass(self._text[:cut])
        self._text = self._text[cut:]
        out, self._out = self._out, ""
        return out

    def _tag(self, kind: str, tag: str) -> None:
        if kind == "close":
            if self._mode in ("answer", "ended") and self._said:
                self._out, self._said, self._in_line, self.restarted = "", False, False, True
            self._mode, self._aside, self.thought = "answer", "", True
        elif self._mode == "aside":
            self._pass(tag)
        elif self._mode == "answer" and kind == "open":
            self._mode, self._aside = ("aside", tag) if self._in_line else ("thought", "")
            self.thought = self.thought or not self._in_line
        elif self._mode == "answer" and kind == "end" and self._said:
            self._mode = "ended"

    def _pass(self, text: str) -> None:
        """Reads text between tags."""
        if self._mode == "answer":
            text = text if self._said else text.lstrip()
            if text:
                self._out += text
                self._said = True
                self._in_line = bool(text.rpartition("\n")[2].strip()) or (self._in_line and "\n" not in text)
        elif self._mode == "aside":
            self._aside += text
            if len(self._aside) > _HELD_CHARACTERS:
                self._mode, self._aside, self.thought = "thought", "", True
