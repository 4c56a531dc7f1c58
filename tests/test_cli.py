"""The command line: what people type, read, pipe and stop."""

import contextlib
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import click
import pdfs
import pytest
from commands import ROOT, SEEDS, Ran, alone_in, finished, one_document, pincite, process
from servers.openai import OpenAIWire
from servers.scripted import Reply, free_port, serving

from rag.settings import Settings
from rag.types import Turn
from ui.cli import ask as asking
from ui.cli.output import Lines
from ui.cli.progress import Progress

# Loading one of these costs more than answering.
HEAVY = (
    "gradio",
    "fastapi",
    "mcp",
    "openai",
    "anthropic",
    "google.genai",
    "mistralai",
    "ollama",
    "xllamacpp",
    "fastembed",
)
MODULES = "import sys, atexit; atexit.register(lambda: print(' '.join(sys.modules), file=sys.stderr))\n"
MODULES += "from ui.cli.main import main; main()"
HYBRID = "What is hybrid warfare?"


@pytest.fixture
def seeds(seeds_index: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose settings lead to the seeds and their finished index."""
    work = tmp_path / "work"
    work.mkdir()
    alone_in(work, monkeypatch, PINCITE_DOCUMENTS=seeds_index.documents, PINCITE_DATA=seeds_index.data)
    return work


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one small document, and no index."""
    return one_document(tmp_path, monkeypatch)


def modules_of(*words: str) -> tuple[Ran, set[str]]:
    """A command in a process of its own, and every module that it loaded."""
    command = subprocess.Popen(
        [sys.executable, "-c", MODULES, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    ran = finished(command)
    return ran, set(ran.lines[-1].split())


def test_help_takes_less_than_half_a_second_and_loads_no_library() -> None:
    before = os.times()
    ran, modules = modules_of("--help")
    after = os.times()
    assert ran.code == 0
    for command in ("ingest", "ask", "chat", "serve", "mcp", "batch", "show", "backends", "doctor", "eval"):
        assert f"\n  {command} " in ran.text
    assert modules.isdisjoint({"chromadb", "langchain_core", "numpy", "onnxruntime", "pydantic", *HEAVY})
    # Processor time, which other work on this machine does not change.
    assert after.children_user - before.children_user + after.children_system - before.children_system < 0.5


def test_asking_offline_loads_no_page_and_no_provider(seeds: Path) -> None:
    ran, modules = modules_of("ask", HYBRID)
    assert ran.code == 0
    assert "hybrid warfare" in ran.text.lower()
    assert modules.isdisjoint(HEAVY)
    assert ran.lines[:-1] == []


def test_an_answer_has_numbered_citations_and_each_number_says_where_it_stands(seeds: Path) -> None:
    ran = pincite("ask", HYBRID)
    assert (ran.code, ran.error) == (0, "")
    answer, places = ran.text.strip().split("\n\n")
    for number, line in enumerate(places.splitlines(), 1):
        assert f"[{number}]" in answer
        assert line.startswith(f"[{number}] 00")
        assert ", characters " in line
    assert "\x1b" not in ran.text


def test_a_citation_in_the_record_is_what_show_prints_at_its_place(seeds: Path) -> None:
    ran = pincite("ask", HYBRID, "--json")
    assert ran.code == 0
    assert ran.json["schema"] == "pincite.answer/2"
    citation = ran.json["statements"][0]["citations"][0]
    shown = pincite("show", citation["document"], "--start", citation["start"], "--end", citation["end"])
    assert shown.text == citation["quote"]


def test_show_prints_the_text_of_a_document_byte_for_byte(seeds: Path) -> None:
    name = sorted(path.name for path in SEEDS.iterdir())[0]
    assert pincite("show", name).out == (SEEDS / name).read_bytes()


def test_show_without_a_document_lists_them(seeds: Path) -> None:
    lines = [line.split("\t") for line in pincite("show").text.splitlines()]
    assert [line[0] for line in lines] == sorted(path.name for path in SEEDS.iterdir())
    assert all(int(line[1]) == len((SEEDS / line[0]).read_bytes().decode("utf-8")) and line[2] for line in lines)


def test_the_first_question_builds_the_index_with_one_notice_and_the_next_says_nothing(fresh: Path) -> None:
    first = pincite("ask", "When was the harbour bridge opened?")
    assert (first.code, first.lines) == (0, ["Indexing seeds for the first time."])
    assert "1932" in first.text
    second = pincite("ask", "When was the harbour bridge opened?")
    assert (second.text, second.lines) == (first.text, [])


def test_a_folder_that_changed_is_said_so_in_one_line_until_it_is_indexed(fresh: Path) -> None:
    assert pincite("ingest").text.startswith("Documents: 1 added. Index: 1 chunks, 1 embedded now, in ")
    (fresh / "seeds" / "tower.txt").write_text("The tower is 96 metres high.\n", "utf-8")
    ran = pincite("ask", "How high is the tower?")
    assert ran.lines == ["1 file has changed since indexing. Type: pincite ingest"]
    assert pincite("ingest").text.startswith("Documents: 1 added, 1 unchanged. Index: 2 chunks, 1 embedded now, in ")
    ran = pincite("ask", "How high is the tower?")
    assert ran.lines == []
    assert "96 metres" in ran.text


def test_ingest_says_what_it_did_as_json(fresh: Path) -> None:
    ran = pincite("ingest", "--json")
    assert (ran.code, ran.error) == (0, "")
    assert {name: ran.json[name] for name in ("added", "changed", "removed", "unchanged", "skipped")} == {
        **{"added": 1, "changed": 0, "removed": 0, "unchanged": 0},
        "skipped": [],
    }


def test_ingest_counts_what_it_left_out_and_lists_what_it_does_not_know_and_fails_for_a_file_it_cannot_read(
    fresh: Path,
) -> None:
    pages = [
        [*pdfs.lines([f"On page {word} the sea rises."]), pdfs.Words(280, 30, str(n))]
        for n, word in ((1, "one"), (2, "two"))
    ]
    (fresh / "seeds" / "sea.pdf").write_bytes(pdfs.drawn(pages))
    for name in ("old.doc", "picture.png"):
        (fresh / "seeds" / name).write_bytes(b"data")
    ran = pincite("ingest")
    assert ran.code == 0
    assert ran.lines == [
        "Not read, for files of this kind cannot be: old.doc, picture.png.",
        "Not in the text: page margins (2). Type: pincite show, to see of which documents.",
    ]
    assert pincite("show").text.splitlines()[1].endswith("\tnot in the text: page margins (2)")
    with (fresh / "seeds" / "huge.pdf").open("wb") as file:
        file.truncate(2**30)
    (fresh / "seeds" / "cut.pdf").write_bytes(pdfs.drawn(pages)[:300])
    ran = pincite("ingest", "--json")
    assert ran.code == 1
    assert ran.json["unreadable"] == ["cut.pdf", "huge.pdf"] and len(ran.json["skipped"]) == 2
    assert ran.json["unknown"] == ["old.doc", "picture.png"]
    assert ran.json["left_out"] == {"sea.pdf": {"page margins": 2}}
    assert pincite("ingest", "--json").json["unreadable"] == ["cut.pdf", "huge.pdf"]


def test_a_folder_that_is_watched_is_indexed_again_when_it_changes_until_it_is_stopped(fresh: Path) -> None:
    running = process("ingest", "--watch")
    assert running.stdout and running.stderr
    assert running.stdout.readline().startswith(b"Documents: 1 added. ")
    assert running.stderr.readline() == b"Following seeds. Stop with Ctrl-C.\n"
    (fresh / "seeds" / "tower.txt").write_text("The tower is 96 metres high.\n", "utf-8")
    assert running.stdout.readline().startswith(b"Documents: 1 added, 1 unchanged. ")
    running.send_signal(signal.SIGINT)
    ran = finished(running)
    assert (ran.code, ran.error) == (0, ""), ran


def test_the_page_says_where_it_is_and_what_it_could_not_read_and_ends_quietly(fresh: Path) -> None:
    (fresh / "seeds" / "cafe.txt").write_bytes(b"caf\0")
    port = free_port()
    running = process("chat", "--port", port)
    assert running.stdout
    assert f"http://127.0.0.1:{port}/?token=".encode() in running.stdout.readline()
    taken = finished(process("chat", "--port", port))
    assert taken.code == 1
    assert len(taken.lines) == 1, "the port is tried before the documents are read"
    assert taken.lines[0].startswith(f"pincite: Port {port} on 127.0.0.1 is already in use. Type: ")
    # What an open page holds until it is closed.
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.open(f"http://127.0.0.1:{port}/", timeout=600).close()
    with browser.open(f"http://127.0.0.1:{port}/gradio_api/heartbeat/abc", timeout=600) as held:
        assert held.headers["content-type"].startswith("text/event-stream")
        running.send_signal(signal.SIGINT)
        ran = finished(running)
    assert ran.code == 0
    assert ran.lines == [
        "Indexing seeds for the first time.",
        "Skipped: cafe.txt holds binary data, not text.",
    ]


def test_a_conversation_is_continued_from_a_file(seeds: Path) -> None:
    turns = [{"role": "user", "content": HYBRID}, {"role": "assistant", "content": "A blend of tactics."}]
    Path("history.json").write_text(json.dumps(turns), "utf-8-sig")
    assert asking.read_history(Path("history.json")) == (Turn("user", HYBRID), Turn("assistant", "A blend of tactics."))
    ran = pincite("ask", "Why is it a challenge?", "--history", "history.json", "--json")
    assert ran.code == 0
    assert ran.json["question"] == "Why is it a challenge?"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ask", "x", "--bogus"], "No such option '--bogus'. Type: pincite ask --help"),
        (["ask"], "Missing argument 'QUESTION'. Type: pincite ask --help"),
        (["aks", "x"], "No such command 'aks'."),
        (["batch", "questions.jsonl"], "Missing option '--out'. Type: pincite batch --help"),
        (["batch", "q.jsonl", "--out", "a", "--concurrency", "0"], "'--concurrency': 0 is not in the range 1<=x<=64."),
        (["chat", "--port", "99999"], "'--port': 99999 is not in the range 1<=x<=65535."),
        (["chat", "--port", "abc"], "'--port': 'abc' is no whole number. Type: pincite chat --help"),
        (["eval", "run", "x", "--max-cost", "a"], "'--max-cost': 'a' is no number. Type: pincite eval run --help"),
        (["show", "x", "y"], "Got unexpected extra argument (y). Type: pincite show --help"),
        (["show", "x", "--start", "-1"], "'--start': -1 is not in the range x>=0."),
        (["show", "--start", "1"], "--start and --end need a document."),
        (["show", "x", "--start", "9", "--end", "8"], "--end 8 lies before --start 9."),
    ],
)
def test_a_command_that_means_nothing_leaves_with_2_and_says_what_to_type(words: list[str], says: str) -> None:
    ran = pincite(*words)
    assert (ran.code, ran.text) == (2, "")
    assert len(ran.lines) == 1
    assert ran.error.startswith("pincite: ")
    assert says in ran.error


def test_pincite_alone_prints_help() -> None:
    ran = pincite()
    assert (ran.code, ran.error) == (0, "")
    assert ran.text.startswith("Usage: pincite [OPTIONS] COMMAND")


def test_backends_says_of_each_whether_it_can_be_used_and_why_not(fresh: Path) -> None:
    rows = pincite("backends", "--json").json
    assert {"name", "usable", "why"} <= rows[0].keys()
    assert (rows[0]["name"], rows[0]["usable"], rows[0]["why"]) == ("offline", True, None)
    assert all(row["usable"] or row["why"] for row in rows)
    lines = pincite("backends").text.splitlines()
    assert len(lines) == len(rows)
    assert lines[0].split() == ["yes", "offline", "passages", "stay", "on", "this", "machine"]
    assert lines[1].startswith("no   openai:")
    assert lines[1].endswith("openai needs OPENAI_API_KEY. Set it in the environment or in .env.")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_and_nowhere_else() -> None:
    for stream, is_drawn in ((Terminal(), True), (io.StringIO(), False)):
        with contextlib.redirect_stderr(stream), Progress() as progress:
            progress("a [/strange] name.txt", 1, 2)
        assert ("a [/strange] name.txt" in stream.getvalue()) is is_drawn
        assert bool(stream.getvalue()) is is_drawn
    with contextlib.redirect_stderr(Terminal()) as stream, Progress():
        assert stream.getvalue() == ""


def fails_with(error: BaseException) -> Ran:
    """What the command line makes of an error that no command should let out."""

    @click.group(cls=Lines)
    def group() -> None: ...

    @group.command()
    def work() -> None:
        raise error

    out = io.StringIO()
    with contextlib.redirect_stderr(out), pytest.raises(SystemExit) as left:
        group.main(["work"])
    assert isinstance(left.value.code, int)
    return Ran(left.value.code, b"", out.getvalue())


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(KeyError):
        fails_with(KeyError("a bug"))
    with pytest.raises(FileNotFoundError):
        fails_with(FileNotFoundError(errno.ENOENT, "a bug too"))


def test_a_full_disk_is_one_line() -> None:
    ran = fails_with(OSError(errno.ENOSPC, "No space left on device"))
    assert (ran.code, ran.lines) == (
        1,
        ["pincite: There is no room left on the disk. Make some, then type the same again."],
    )


def test_an_encoding_that_lacks_a_character_costs_only_that_character(fresh: Path) -> None:
    ran = finished(process("ask", "--help", environ={"PYTHONIOENCODING": "ascii"}))
    assert (ran.code, ran.error) == (0, "")
    ran = finished(process("backends", "--json", environ={"PYTHONIOENCODING": "ascii"}))
    assert ran.json[0]["name"] == "offline"


def in_a_shell(line: str) -> Ran:
    """What came of a line of bash, in which $PINCITE is the command."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PINCITE": f"{sys.executable} -m ui"}
    return finished(subprocess.Popen(["bash", "-c", line], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE))


@pytest.mark.parametrize(
    ("words", "code"),
    [(f"show {sorted(path.name for path in SEEDS.iterdir())[0]}", 0), ("show", 0), ("--help", 0), ("nonsense", 2)],
)
def test_a_reader_that_stops_reading_is_no_error(seeds: Path, words: str, code: int) -> None:
    ran = in_a_shell(f"exec 3>&1; {{ $PINCITE {words}; echo $? >&3; }} 2>&1 | exec sleep 0")
    assert (ran.text.split(), ran.error) == ([str(code)], "")


def test_a_command_whose_output_is_closed_does_its_work_in_silence(seeds: Path) -> None:
    ran = in_a_shell("$PINCITE ask 'What is hybrid warfare?' --receipt receipt.json >&-; echo $?")
    assert (ran.text, ran.error) == ("0\n", "")
    assert (seeds / "receipt.json").exists()
    ran = in_a_shell("$PINCITE nonsense 2>&-; echo $?")
    assert (ran.text, ran.error) == ("2\n", "")


def test_a_stop_from_the_keyboard_is_one_line_even_while_a_provider_is_silent(fresh: Path) -> None:
    with serving(OpenAIWire(), Reply(first_wait_s=30)) as server:
        keys = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{server.url}/v1"}
        running = process("ask", "When was the bridge opened?", "--backend", "openai:x", environ=keys)
        deadline = time.monotonic() + 600
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        ran = finished(running)
    assert (ran.code, ran.text) == (130, "")
    assert ran.lines[-1] == "pincite: Stopped."
    assert "Traceback" not in ran.error
