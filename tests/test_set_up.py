"""`make`, before there is an environment: what it says when it cannot make one, and that it makes a broken one anew."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def made(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    """What `make chat` does in a folder with only the Makefile, where `python` is the script that stands for Python."""
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
    script = folder / "some-python"
    script.write_text(f"#!/bin/sh\n{python}\n", "utf-8")
    script.chmod(0o755)
    return subprocess.run(
        ["make", "chat", "PYTHON=./some-python"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_python_that_is_too_old_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    older = "import sys; sys.version_info = (3, 10, 0); exec(sys.argv[1])"
    ran = made(tmp_path, f"exec {sys.executable} -c '{older}' \"$2\"")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Pincite needs Python 3.11 or newer. Name one: make PYTHON=python3.12 chat\n")
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("left_behind", [False, True])
def test_an_environment_without_pip_is_made_anew(tmp_path: Path, left_behind: bool) -> None:
    if left_behind:  # as where the package python3-venv was missing at first
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n", "utf-8")
        (tmp_path / ".venv" / "bin" / "python").chmod(0o755)
    ran = made(tmp_path, 'echo "$1 $2 $3" >> called\n[ "$1" = -c ]')
    assert ran.returncode == 2
    assert (tmp_path / "called").read_text("utf-8").splitlines()[-1] == "-m venv .venv"
