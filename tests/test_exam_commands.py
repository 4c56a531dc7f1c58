"""The exam's commands: where they find documents, cases and runs, and what they say when they do not."""

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from commands import alone_in, pincite
from exams import DOCUMENTS, World, world

from eval.asking import EXAMS
from eval.cases import SHIPPED, find_cases
from eval.rows import read_rows
from ui.cli.main import main

DATA = ("--data", "data")


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("exam")) as opened:
        yield opened


@pytest.fixture
def runs(exam: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a run that lies among the exams of the data folder here."""
    run = exam.run(only="opened moon")
    shutil.copytree(run.folder, tmp_path / "data" / EXAMS / "abc")
    shutil.copytree(exam.folder / "documents", tmp_path / "documents")
    alone_in(tmp_path, monkeypatch)
    return "abc"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


@pytest.mark.parametrize(("name", "command"), list(commands(main, "pincite")))
def test_every_command_takes_the_two_folders_after_its_name(name: str, command: click.Command) -> None:
    assert {"--documents", "--data"} <= {option for one in command.params for option in one.opts}, name


def test_a_run_in_the_data_folder_is_named_without_its_path(runs: str) -> None:
    where = Path("data") / EXAMS / runs
    assert pincite("eval", "report", runs, *DATA).text.strip() == str(where / "report.html")
    told = pincite("eval", "compare", f"{runs}@perfect", where, *DATA, "--json")
    assert (told.code, told.json["before"]) == (0, f"{where}: perfect")
    assert pincite("eval", "gate", "base.json", runs, *DATA, "--accept").code == 0
    assert pincite("eval", "gate", "base.json", runs, *DATA).code == 0
    assert pincite("eval", "gate", runs, runs, *DATA).code == 0
    assert pincite("eval", "report", runs).code == 2  # which looks in the data folder of the settings


def test_without_a_folder_the_cases_are_written_from_the_documents_folder(runs: str) -> None:
    ran = pincite("eval", "generate", "--documents", "documents", "--out", "made.jsonl", "--count", "5")
    assert ran.code == 0, ran.error
    assert {gold["document"] for case in read_rows(Path("made.jsonl")) for gold in case["gold"]} <= DOCUMENTS.keys()
    ran = pincite("eval", "generate", "documents", "--documents", "data", "--out", "more.jsonl")
    assert ran.code == 2 and "FOLDER and --documents name two folders" in ran.error
    assert not Path("more.jsonl").exists()


def test_the_cases_that_ship_are_known_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone_in(tmp_path, monkeypatch)
    Path("seeds").mkdir()  # the documents may be called like their cases
    assert find_cases(Path("seeds")) == SHIPPED / "seeds.jsonl"
    Path("spine").write_text("", "utf-8")
    assert find_cases(Path("spine")) == Path("spine")
    ran = pincite("eval", "run", "seeds", "--documents", "nowhere")
    assert ran.code == 1 and ran.lines == [
        "pincite: The documents folder 'nowhere' does not exist. Name one with --documents FOLDER."
    ]


@pytest.mark.parametrize("manifest", ["", "{", "[]", "{}", '{"schema": "pincite.exam/0"}'])
def test_a_folder_that_holds_something_else_is_no_run(runs: str, manifest: str) -> None:
    (Path("data") / EXAMS / runs / "manifest.json").write_text(manifest, "utf-8")
    for words in (("report", runs), ("compare", runs, runs), ("gate", runs, runs)):
        ran = pincite("eval", *words, *DATA)
        assert (ran.code, len(ran.lines)) == (2, 1) and "holds no run" in ran.error


def test_into_a_pipe_a_table_is_plain_lines_and_on_a_terminal_it_is_drawn(runs: str) -> None:
    ran = pincite("eval", "compare", runs, runs, *DATA)
    assert ran.code == 0
    header = next(line.split() for line in ran.text.splitlines() if line.startswith("metric"))
    assert header == ["metric", "A", "B", "better", "p", "visible", "n"]
    [row] = [line.split() for line in ran.text.splitlines() if line.startswith("citation_validity")]
    assert row[:4] == ["citation_validity", "1.000", "1.000", "+0.000"]
    assert not set("─━│┃╇┏") & set(ran.text)
    with contextlib.redirect_stdout(Terminal()) as drawn, pytest.raises(SystemExit):
        main(["eval", "compare", runs, runs, *DATA])
    assert "──────" in drawn.getvalue()
