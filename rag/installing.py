"""What to type to add a package to this installation."""

import os
import shlex
import sys
from pathlib import Path

PIP = "pip "
# What the extra `eval` installs, by the names that are imported.
EVALUATION = ("ir_measures", "jinja2", "matplotlib", "scipy", "statsmodels")


def here(install: str) -> str:
    """A `pip install …` command for the Python that runs this, which another pip on the path may not belong to."""
    if not install.startswith(PIP):
        return install
    python = Path(sys.executable or "python3")
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    return f"{shlex.quote(os.fspath(python))} -m {install}"


def evaluation_missing(error: ModuleNotFoundError) -> str | None:
    """What to type when `error` is about a package that only evaluations need; None when it is about another one."""
    package = (error.name or "").partition(".")[0]
    if package not in EVALUATION:
        return None
    return (
        f"Evaluations need the package {package}, which is not installed. Type: {here('pip install ')}'pincite[eval]'"
    )
