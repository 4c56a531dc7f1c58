"""What to type to add a package to this installation."""

import os
import shlex
import sys
from pathlib import Path

PIP = "pip "


def here(install: str) -> str:
    """A `pip install …` command for the Python that runs this, which another pip on the path may not belong to."""
    if not install.startswith(PIP):
        return install
    python = Path(sys.executable or "python3")
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    return f"{shlex.quote(os.fspath(python))} -m {install}"
