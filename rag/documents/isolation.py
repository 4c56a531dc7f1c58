"""Parsing in a process of its own, with bounded memory and time: a file made to crash a parser stops only that.

The process is started when first needed, serves one file after the other, and is ended when it had nothing to do
for a while.
"""

import atexit
import base64
import contextlib
import dataclasses
import json
import os
import queue
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from rag.errors import ReadError
from rag.types import Block, Document

# What a file may take: a small one that takes longer was made to.
LONGEST_S = 20.0
SECONDS_A_MB = 8.0
LARGEST_MEMORY = 3 * 1024**3 // 2
IDLE_S = 20.0
HEADER = struct.Struct("<II")  # how long the task, in JSON, and the data that follow are, in bytes

Reader = Callable[[bytes, str], Iterator[Document | ReadError]]


def read_apart(data: bytes, name: str) -> Iterator[Document | ReadError]:
    """What the parser for `name` finds in `data`. Raises ReadError also when the parser crashes or takes too long."""
    for answer in _parser.ask(data, name, {}):
        if "error" in answer:
            yield ReadError(answer["error"])
        else:
            blocks = tuple(Block(*block) for block in answer.pop("blocks"))
            left_out = tuple((what, count) for what, count in answer.pop("left_out"))
            fields: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in answer.items()}
            yield Document(blocks=blocks, left_out=left_out, **fields)


def picture_apart(data: bytes, name: str, page: int, marked: tuple[int, int], sha256: str) -> bytes:
    """What `page_png` gives of a PDF. Raises ReadError also when drawing crashes or takes too long."""
    (answer,) = _painter.ask(data, name, {"page": page, "marked": marked, "sha256": sha256})
    if "error" in answer:
        raise ReadError(answer["error"])
    return base64.b64decode(answer["png"])


class _Child:
    """One parser process, from start to end."""

    def __init__(self) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        home = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from rag.documents.isolation import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, "PYTHONPATH": path, "RUST_BACKTRACE": "0"},
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout
        with contextlib.suppress(ValueError):  # closed by stop while being read
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(b"")

    def ask(self, data: bytes, task: bytes) -> list[dict[str, Any]]:
        """Send a file, wait for all answers. Raises queue.Empty when it takes too long, EOFError after a crash."""
        assert self._process.stdin
        try:
            self._process.stdin.write(HEADER.pack(len(task), len(data)) + task)
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError:
            raise EOFError from None
        answers: list[dict[str, Any]] = []
        deadline = time.monotonic() + _longest_s(data)
        while line := self._lines.get(timeout=max(0.0, deadline - time.monotonic())):
            if (answer := json.loads(line)) is None:
                return answers
            answers.append(answer)
        raise EOFError

    def stop(self) -> str:
        """End the process; returns what it complained about last, or "memory" when it had too little."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        self._stderr.seek(0)
        complaints = self._stderr.read().decode("utf-8", "replace").strip()
        self._stderr.close()
        if re.search("memory|capacity overflow", complaints, re.IGNORECASE):
            return "memory"
        return complaints.split("\n")[-1].strip() or "it gave no reason"


class _Parser:
    """The parser process that runs now, if one does. One file at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._idle: threading.Timer | None = None

    def ask(self, data: bytes, name: str, picture: dict[str, Any]) -> list[dict[str, Any]]:
        """What becomes of a file: its documents, or a picture of one of its pages."""
        with self._lock:
            if self._idle:
                self._idle.cancel()
            self._child = self._child or _Child()
            try:
                answers = self._child.ask(data, json.dumps({"name": name, "picture": picture}).encode())
            except queue.Empty:
                self._stop()
                raise ReadError(f"{name} takes longer than {_longest_s(data):.0f} s to read. Split it.") from None
            except EOFError:
                complaint = self._stop()
                if complaint == "memory":
                    raise ReadError(f"{name} needs too much memory to read. Split it into smaller files.") from None
                raise ReadError(f"{name} cannot be read: its parser stopped ({complaint[:200]}).") from None
            self._idle = threading.Timer(IDLE_S, self.stop)
            self._idle.daemon = True
            self._idle.start()
            return answers

    def stop(self) -> None:
        """End the process if one runs."""
        with self._lock:
            self._stop()

    def _stop(self) -> str:
        child, self._child = self._child, None
        return child.stop() if child else ""


def _longest_s(data: bytes) -> float:
    return LONGEST_S and LONGEST_S + SECONDS_A_MB * len(data) / 2**20


_parser, _painter = _Parser(), _Parser()  # a picture does not wait for a file that is read
atexit.register(_parser.stop)
atexit.register(_painter.stop)


def serve() -> None:
    """The parser process: files come on standard input, answers go to standard output, a JSON value a line."""
    from rag.documents import PARSERS
    from rag.documents.pdf_boxes import page_png

    _bound_memory()
    source, answers = sys.stdin.buffer, sys.stdout
    while len(header := source.read(HEADER.size)) == HEADER.size:
        task_length, data_length = HEADER.unpack(header)
        task, data = json.loads(source.read(task_length)), source.read(data_length)
        name = task["name"]
        try:
            if task["picture"]:
                png = base64.b64encode(page_png(data, name, **task["picture"])).decode()
                answers.write(json.dumps({"png": png}) + "\n")
            else:
                for found in PARSERS[Path(name).suffix.lower()](data, name):
                    _answer(answers, found)
        except ReadError as error:
            _answer(answers, error)
        answers.write("null\n")
        answers.flush()


def _answer(answers: IO[str], found: Document | ReadError) -> None:
    value: dict[str, Any] = {"error": str(found)}
    if isinstance(found, Document):
        blocks = [(block.start, block.end, block.kind, block.level) for block in found.blocks]
        value = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)} | {"blocks": blocks}
    answers.write(json.dumps(value) + "\n")


def _bound_memory() -> None:
    """Let this process have LARGEST_MEMORY at most, on systems that can bound it."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY, LARGEST_MEMORY))
    except (ImportError, ValueError, OSError):
        return
