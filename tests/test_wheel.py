"""The wheel on its own: what it holds, and that it works in an empty environment and an empty folder."""

import os
import shutil
import site
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest
from commands import ROOT
from servers.scripted import free_port

QUESTION = "On which channel does the pilot station answer?"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing of an earlier build gets into it."""
    source = tmp_path_factory.mktemp("source")
    for name in ("rag", "ui", "eval"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(pip, cwd=source, check=True)
    (built,) = (source / "dist").glob("pincite-*.whl")
    return built


@pytest.fixture(scope="module")
def pincite(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment that has the wheel and its dependencies, but not this checkout."""
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", "utf-8")
    return home / "bin" / "pincite"


def run(pincite: Path, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run([pincite, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_it_holds_what_the_commands_need_and_no_benchmarks(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("rag", "ui", "eval"):
        for file in (ROOT / folder).rglob("*"):
            name = file.relative_to(ROOT).as_posix()
            if not file.is_file() or "__pycache__" in name or (file.suffix == ".md" and folder == "eval"):
                continue
            expected = not name.startswith(("eval/bench/", "eval/training/", "eval/calibration/"))
            assert (name in names) is expected, name


def test_a_folder_is_asked_where_nothing_else_is(pincite: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "harbour.txt").write_text("The pilot station of Grell answers on channel 12.\n", "utf-8")
    asked = run(pincite, tmp_path, "ask", "--documents", "notes", QUESTION)
    assert asked.returncode == 0, asked.stderr
    assert "channel 12" in asked.stdout


def test_the_page_starts_without_documents_and_says_how_to_name_a_folder(pincite: Path, tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    port = free_port()
    said = tmp_path / "said"
    with said.open("w") as stream:
        serving = subprocess.Popen(
            [pincite, "chat", "--port", str(port)], cwd=tmp_path, env=environ, stdout=stream, stderr=stream
        )
    try:
        while "Pincite is at" not in said.read_text("utf-8") and serving.poll() is None:
            time.sleep(0.1)
        assert "There are no documents yet. Name a folder: pincite chat FOLDER" in said.read_text("utf-8")
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
    finally:
        serving.terminate()
        serving.wait()
