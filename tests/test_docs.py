"""What the documents promise: commands that run, names that exist, and nothing about the machine they were made on."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from commands import ROOT, SEEDS, alone_in, pincite

from eval.metrics import METRICS
from eval.summary import figure
from rag.settings import PREFIX, Settings
from ui.cli.main import main

README = ROOT / "README.md"
SHARED_SEEDS = ROOT.parent / "shared" / "seeds"
# These stay until they are stopped.
STAYING = {"chat", "serve", "mcp"}
MACHINE = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users|mnt|opt|srv)/\w|file:///\w")
REGISTRY = re.compile(
    r"https?://[\w.-]*(?:pypi|pythonhosted|registry|artifactory|nexus|jfrog|npmjs)|index-url[ =]+\S+:"
)


def tracked() -> list[Path]:
    """Every file of the repository."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode:
        pytest.skip("this is no clone of the repository")
    return [path for name in git.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def guides() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md" and SEEDS not in path.parents]


def commands_in(text: str) -> list[str]:
    """The lines that begin with `pincite` in fences marked as sh."""
    fences = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for fence in fences for line in fence.splitlines() if line.startswith("pincite ")]


def runs_here(command: str) -> bool:
    """Whether it ends by itself and asks nobody else."""
    words = shlex.split(command, comments=True)
    backend = words[words.index("--backend") + 1] if "--backend" in words else "offline"
    return words[1] not in STAYING and "--watch" not in words and backend == "offline"


@pytest.fixture
def clone(seeds_index: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as somebody has it who has just cloned the repository and indexed the seeds."""
    work = tmp_path / "clone"
    shutil.copytree(SEEDS, work / "seeds")
    shutil.copytree(ROOT / "eval" / "cases", work / "eval" / "cases")
    shutil.copytree(seeds_index.data, work / ".pincite")
    alone_in(work, monkeypatch)
    return work


def test_the_commands_in_the_readme_run(clone: Path) -> None:
    commands = [command for command in commands_in(README.read_text("utf-8")) if runs_here(command)]
    assert len(commands) >= 5
    for command in commands:
        ran = pincite(*shlex.split(command, comments=True)[1:])
        assert (command, ran.code, ran.error) == (command, 0, "")


def test_the_answer_in_the_readme_is_the_one_that_is_printed(clone: Path) -> None:
    text = README.read_text("utf-8")
    command = next(command for command in commands_in(text) if command.startswith("pincite ask"))
    printed = pincite(*shlex.split(command)[1:]).text
    assert " ".join(printed.split()) in " ".join(text.split())


def test_every_command_is_in_the_readme_and_every_command_in_a_guide_exists() -> None:
    readme = README.read_text("utf-8")
    for name in main.commands:
        assert re.search(rf"`pincite {name}\b", readme), f"README.md says nothing of pincite {name}"
    for path in guides():
        for name, rest in re.findall(r"(?:`|^)pincite ([a-z]+)\b([^`\n]*)", path.read_text("utf-8"), re.MULTILINE):
            command = main.commands.get(name)
            assert command, f"{path.name} names pincite {name}"
            known = {option for one in _and_below(command) for part in one.params for option in part.opts}
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
                assert option in known, f"{path.name} names pincite {name} {option}"


def _and_below(command: click.Command) -> list[click.Command]:
    return [command, *(command.commands.values() if isinstance(command, click.Group) else ())]


def test_every_setting_that_a_guide_names_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields if name != "providers"}
    for path in guides():
        named = set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", path.read_text("utf-8")))
        assert named <= known, f"{path.name} names {', '.join(sorted(named - known))}"


def test_every_link_in_a_guide_leads_somewhere() -> None:
    for path in guides():
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_no_file_tells_of_the_machine_or_the_package_index_that_it_was_made_with() -> None:
    for path in tracked():
        text = path.read_bytes().decode("latin-1")
        for pattern in (MACHINE, REGISTRY):
            found = pattern.search(text)
            assert found is None, f"{path.relative_to(ROOT)} holds {found[0]!r}"


def test_the_seeds_are_the_ones_that_were_handed_over() -> None:
    if not SHARED_SEEDS.is_dir():
        pytest.skip("the folder that the seeds were handed over in is not beside the repository")
    handed_over = {path.name: path.read_bytes() for path in SHARED_SEEDS.iterdir()}
    assert {path.name: path.read_bytes() for path in SEEDS.iterdir()} == handed_over


def test_the_figures_in_the_readme_are_those_of_the_committed_scores() -> None:
    rows = json.loads((ROOT / "eval" / "baselines" / "offline.json").read_text("utf-8"))["rows"]
    quoted = {
        name: value
        for names, value in re.findall(r"^\| (`.+?`) \| .+ \| ([\d.]+) \|$", README.read_text("utf-8"), re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert len(quoted) >= 6 and f"over {len(rows)} questions" in README.read_text("utf-8")
    assert quoted == {name: f"{figure(rows, name, METRICS[name])['mean']:.2f}" for name in quoted}
