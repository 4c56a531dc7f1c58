"""`make`, before there is an environment: what it says when it cannot make one, and that it makes a broken one anew."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from commands import ROOT
from packaging.requirements import Requirement

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
        ["make", "chat", "PYTHON=./some-python"], cwd=folder, capture_output=True, text=True, check=False, timeout=600
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


# The pip that came with Python 3.11.0, and whatever is newest.
PIPS = ["pip==22.3", "pip"]


def wheel(folder: Path, name: str, version: str, *requires: str) -> str:
    """A wheel that holds nothing but its metadata; its line in a lock."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(
            f"{about}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}Provides-Extra: more\n",
        )
        packed.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{about}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module", params=PIPS)
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with one version of pip, and setuptools to build with."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", home / ".venv"], check=True)
    (home / "registry").mkdir()
    for package in (request.param, "setuptools>=80"):
        got = subprocess.run(
            [home / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade", "--no-deps", package],
            capture_output=True,
            text=True,
            check=False,
        )
        if got.returncode:
            pytest.skip(f"{package} cannot be had from the package registry: {got.stderr.splitlines()[-1]}")
    shutil.copy(ROOT / "Makefile", home)
    (home / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=80"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "thing"\nversion = "1"\ndependencies = ["alpha"]\n'
        "[tool.setuptools]\npackages = []\n",
        "utf-8",
    )
    return home


def installed(environment: Path, lock: str) -> "subprocess.CompletedProcess[str]":
    """What `make` says when it installs a lock from a registry that is a folder."""
    (environment / "requirements.lock").write_text(lock, "utf-8")
    registry = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(environment / "registry"), "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(
        ["make", "--always-make", ".venv/core.stamp"],
        cwd=environment,
        env={**os.environ, **registry},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_lock_is_installed_as_it_is_whatever_was_released_since(environment: Path) -> None:
    registry = environment / "registry"
    lock = wheel(registry, "alpha", "1.0", "beta[more]") + wheel(registry, "beta", "1.0", 'gamma; extra == "more"')
    lock += wheel(registry, "gamma", "1.0")
    for name in ("alpha", "beta", "gamma"):
        wheel(registry, name, "2.0", "nowhere")
    ran = installed(environment, lock)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    listed = subprocess.run(
        [environment / ".venv/bin/python", "-m", "pip", "freeze"], capture_output=True, text=True, check=True
    )
    assert {"alpha==1.0", "beta==1.0", "gamma==1.0"} <= set(listed.stdout.splitlines())


def test_a_lock_that_misses_a_package_is_said_by_name(environment: Path) -> None:
    lock = wheel(environment / "registry", "alpha", "3.0", "delta>=1")
    ran = installed(environment, lock)
    assert ran.returncode == 2
    assert "delta" in ran.stdout + ran.stderr


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_of_a_lock_is_one_version_with_its_hashes(lock: str) -> None:
    for line in (ROOT / lock).read_text("utf-8").replace("\\\n", " ").splitlines():
        requirement = Requirement(line.split("--hash")[0])
        assert [one.operator for one in requirement.specifier] == ["=="], line
        assert "--hash=sha256:" in line
