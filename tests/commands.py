"""The command line in this process, as fast as a test needs it, and in one of its own, as real as it gets."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rag.settings import PREFIX, PROVIDER_NAMES
from ui.cli.main import main

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "seeds"


@dataclass(frozen=True)
class Ran:
    """What a command printed, and the code it left with."""

    code: int
    out: bytes
    error: str

    @property
    def text(self) -> str:
        return self.out.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines on standard error."""
        return self.error.splitlines()


def pincite(*words: object) -> Ran:
    """Run a command in this process."""
    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error), pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    code = left.value.code
    assert isinstance(code, int)
    return Ran(code, out.buffer.getvalue(), error.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]


def process(*words: object, environ: Mapping[str, str] | None = None, **more: Any) -> "subprocess.Popen[bytes]":
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "ui", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )


def finished(running: "subprocess.Popen[bytes]", timeout_s: float = 600) -> Ran:
    """What came of a process."""
    with running:
        out, error = running.communicate(timeout=timeout_s)
    return Ran(running.returncode, out, error.decode("utf-8"))


def alone_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **environ: object) -> None:
    """Work in `folder`, with no setting in the environment but these."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.upper().startswith(PREFIX) or name in PROVIDER_NAMES]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, str(value))


def one_document(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in `folder`, with one small document in its folder `seeds`, and no index."""
    alone_in(folder, monkeypatch)
    (folder / "seeds").mkdir()
    (folder / "seeds" / "bridge.md").write_text("# The bridge\n\nThe harbour bridge was opened in 1932.\n", "utf-8")
    return folder
