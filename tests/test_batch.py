"""A batch: rows are read as a whole, answers are kept through a kill, and nothing of somebody else's is overwritten."""

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commands import alone_in, finished, pincite, process
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, serving

from eval.batch import Row, read_questions
from rag.errors import PinciteError, UsageError
from rag.types import Turn

BRIDGE = "# The bridge\n\nThe harbour bridge was opened in 1932. It is 503 metres long.\n"
OUT = Path("answers.jsonl")
WAIT_S = 180


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one document in `seeds` and its finished index."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "seeds").mkdir()
    (folder / "seeds" / "bridge.md").write_text(BRIDGE, "utf-8")
    assert finished(process("ingest", cwd=folder)).code == 0
    return folder


@pytest.fixture(autouse=True)
def work(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in."""
    shutil.copytree(built, tmp_path / "work")
    alone_in(tmp_path / "work", monkeypatch)
    return tmp_path / "work"


def write(name: str, *lines: str | dict[str, Any]) -> Path:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    Path(name).write_text(text, "utf-8")
    return Path(name)


def records(path: Path = OUT) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode("utf-8").splitlines()]


def asked_of(server: ScriptedServer) -> Counter[str]:
    """How often each question reached the server."""
    return Counter(seen.body["messages"][-1]["content"].rsplit("Question: ", 1)[1].strip() for seen in server.seen)


# Reading


def test_rows_have_their_own_id_or_the_number_of_their_line() -> None:
    turns = [{"role": "user", "content": "Which bridge?"}, {"role": "assistant", "content": "The harbour bridge."}]
    path = write(
        "q.jsonl",
        {"question": "A?"},
        "",
        {"id": "x", "question": "B?", "gold": 1},
        {"id": 7, "question": "C?"},
        {"id": None, "question": "D\u2028?", "history": turns},
    )
    assert read_questions(path) == [
        Row(1, "A?"),
        Row("x", "B?"),
        Row(7, "C?"),
        Row(5, "D\u2028?", (Turn("user", "Which bridge?"), Turn("assistant", "The harbour bridge."))),
    ]


def test_a_table_is_read_by_its_header_with_the_line_that_each_row_begins_on() -> None:
    path = Path("q.CSV")
    path.write_bytes(
        b'\xef\xbb\xbfnote, Question ,id,history\r\n1,"Two\r\nlines?",,\r\n\r\n'
        b'2,"Who, me?",x,"[{""role"": ""user"", ""content"": ""Hi""}]"\r\n'
    )
    assert read_questions(path) == [Row(2, "Two\r\nlines?"), Row("x", "Who, me?", (Turn("user", "Hi"),))]


def test_a_byte_order_mark_is_no_part_of_the_first_row() -> None:
    Path("q.jsonl").write_bytes(b'\xef\xbb\xbf{"question": "A?"}\r\n')
    assert read_questions(Path("q.jsonl")) == [Row(1, "A?")]


BROKEN = [
    ("q.jsonl", b'{"question": "A?"}\n{"question": \n', "q.jsonl line 2: it is not JSON ("),
    ("q.jsonl", b"[1]\n", 'q.jsonl line 1: it is no object. Write {"question": "'),
    ("q.jsonl", b'\n\n{"id": 1}\n', "q.jsonl line 3: it has no question."),
    ("q.jsonl", b'{"question": 5}\n', "q.jsonl line 1: it has no question."),
    ("q.jsonl", b'{"question": "A?", "id": 1.5}\n', "line 1: its id is neither text nor a whole number."),
    ("q.jsonl", b'{"question": "A?", "id": true}\n', "line 1: its id is neither text nor a whole number."),
    ("q.jsonl", b'{"question": "A?", "history": "x"}\n', "its history is no list of {role, content}: a list was exp"),
    ("q.jsonl", b'{"question": "A?", "history": [{}]}\n', "{role, content}: item 1 has no role 'user' or 'assistant'."),
    ("q.jsonl", b'{"question": "A?"}\n{"question": "B?", "id": "1"}\n', "line 2: it has the id '1' of line 1. Give"),
    ("q.jsonl", b'{"question": "A \\ud800?"}\n', "line 1: it holds half a character"),
    ("q.jsonl", b'{"question": "A?"}\n{"question": "caf\xe9?"}\n', "line 2: it is not UTF-8 text. Save the file as"),
    ("q.jsonl", b"[" * 100_000, "q.jsonl line 1: it is not JSON ("),
    ("q.jsonl", b"\n \n", "q.jsonl holds no question. Write one a line."),
    ("q.csv", b"", "q.csv holds no question."),
    ("q.csv", b"id,text\n1,A?\n", "q.csv line 1: it names no column question. Begin the file with a header"),
    ("q.csv", b"id,question\n1\n", "q.csv line 2: it has no question."),
    ("q.csv", b"id,question\n1,Who, me?\n", "q.csv line 2: it has 3 cells below 2 columns. Quote cells"),
    ("q.csv", b'id,question\n1,A?\n2,"B?\n', "q.csv line 3: it is not CSV ("),
    ("q.csv", b"question,history\nA?,[\n", "q.csv line 2: its history is not JSON ("),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "says"), BROKEN)
def test_a_broken_line_is_named_and_nothing_is_asked(name: str, content: bytes, says: str) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(PinciteError) as refused:
        read_questions(Path(name))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 1


@pytest.mark.parametrize("name", ["nowhere.jsonl", "seeds", "q.txt"])
def test_a_file_that_cannot_be_a_batch_is_a_wrong_command(name: str) -> None:
    if name == "seeds":
        Path("seeds.jsonl").mkdir()
        name = "seeds.jsonl"
    ran = pincite("batch", name, "--out", OUT)
    assert (ran.code, len(ran.lines)) == (UsageError.exit_code, 1)
    assert repr(name) in ran.error
    assert not OUT.exists()


def test_a_broken_line_leaves_the_command_with_1_and_no_answers() -> None:
    write("q.jsonl", {"question": "A?"}, "{")
    ran = pincite("batch", "q.jsonl", "--out", OUT)
    assert (ran.code, len(ran.lines)) == (1, 1)
    assert ran.error.startswith("pincite: q.jsonl line 2: it is not JSON (")
    assert ran.error.endswith("Nothing was asked.\n")
    assert not OUT.exists()


# Answering


def test_every_row_gets_one_record_with_its_id_in_the_order_of_the_rows() -> None:
    write("q.jsonl", {"id": "b", "question": " When was the harbour bridge opened? "}, {"id": 7, "question": "hello"},
          {"question": ""}, {"question": "How long is the harbour bridge?"})  # fmt: skip
    ran = pincite("batch", "q.jsonl", "--out", OUT, "--concurrency", 3)
    assert ran.code == 1
    assert ran.lines[0] == "4 asked, 0 kept from before, 1 failed: answers.jsonl"
    assert ran.lines[1].startswith("pincite: 1 of 4 questions could not be answered;")
    answers = records()
    assert [record["id"] for record in answers] == ["b", 7, 3, 4]
    assert [record["status"] for record in answers] == ["answered", "abstained", "failed", "answered"]
    assert "1932" in answers[0]["text"]
    assert answers[2]["error"].startswith("The question is empty.")
    assert answers[2].keys() == answers[0].keys()
    assert list(Path().glob(".answers*")) == []


def test_a_row_with_an_empty_question_fails_and_an_empty_line_is_no_row_in_either_format() -> None:
    write("q.csv", "question,history", "hello", "", ",", "  ", '"",""', ",,,", "hi")
    write("q.jsonl", {"question": "hello"}, "", {"question": ""}, "  ", {"question": ""}, {"question": ""},
          {"question": "hi"})  # fmt: skip
    for name, first in (("q.csv", 2), ("q.jsonl", 1)):
        ran = pincite("batch", name, "--out", f"{name}.out")
        assert (ran.code, ran.lines[0]) == (1, f"5 asked, 0 kept from before, 3 failed: {name}.out")
        answers = [json.loads(line) for line in Path(f"{name}.out").read_text("utf-8").splitlines()]
        assert [answer["id"] - first for answer in answers] == [0, 2, 4, 5, 6]
        assert [answer["status"] for answer in answers] == ["abstained", "failed", "failed", "failed", "abstained"]


def test_a_column_of_questions_alone_may_have_an_empty_one() -> None:
    write("q.csv", "question", "hello", '""', "", "hi")
    assert [(row.id, row.question) for row in read_questions(Path("q.csv"))] == [(2, "hello"), (3, ""), (5, "hi")]


def test_a_finished_batch_is_not_asked_again_and_not_changed(work: Path) -> None:
    write("q.jsonl", {"question": "When was the harbour bridge opened?"})
    assert pincite("batch", "q.jsonl", "--out", OUT).code == 0
    before = OUT.read_bytes()
    ran = pincite("batch", "q.jsonl", "--out", OUT)
    assert ran.error == "0 asked, 1 kept from before, 0 failed: answers.jsonl\n"
    assert OUT.read_bytes() == before


def test_a_record_cut_off_in_the_middle_is_asked_again_and_the_others_are_kept() -> None:
    write("q.jsonl", *({"question": f"When was harbour bridge number {n} opened?"} for n in range(4)))
    assert pincite("batch", "q.jsonl", "--out", OUT).code == 0
    first, second, third, fourth = OUT.read_bytes().splitlines(keepends=True)
    OUT.write_bytes(fourth + second + third[:-40])
    ran = pincite("batch", "q.jsonl", "--out", OUT)
    assert ran.lines[-1] == "2 asked, 2 kept from before, 0 failed: answers.jsonl"
    again = OUT.read_bytes().splitlines(keepends=True)
    assert (again[1], again[3]) == (second, fourth)
    assert [json.loads(line)["question"] for line in again] == [json.loads(line)["question"] for line in
                                                                 (first, second, third, fourth)]  # fmt: skip


def test_a_batch_that_was_killed_goes_on_without_asking_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": f"row-{n}", "question": f"When was harbour bridge number {n} opened?"} for n in range(8)]
    write("q.jsonl", *rows)
    with serving(
        OpenAIWire(), Reply(pieces=("The harbour bridge was opened in 1932. [1.1]",), first_wait_s=0.3)
    ) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        words = ["batch", "q.jsonl", "--out", OUT, "--backend", "openai:some", "--concurrency", "2"]
        running = process(*words)
        deadline = time.monotonic() + WAIT_S
        while (not OUT.exists() or OUT.read_bytes().count(b"\n") < 3) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.kill()
        assert finished(running).code == -9
        kept = {record["question"] for record in records() if record["status"] == "answered"}
        assert 3 <= len(kept) < len(rows)
        ran = pincite(*words)
        assert ran.code == 0
        assert f"{8 - len(kept)} asked, {len(kept)} kept from before, 0 failed" in ran.error
        asked = asked_of(server)
    assert [record["id"] for record in records()] == [row["id"] for row in rows]
    assert {asked[question] for question in kept} == {1}
    # What was under way when the process was killed has no answer yet, so only that is asked once more.
    assert sum(asked.values()) <= len(rows) + 2


def test_rows_that_were_under_way_at_a_kill_are_asked_last(monkeypatch: pytest.MonkeyPatch) -> None:
    write("q.jsonl", *({"question": f"When was harbour bridge number {n} opened?"} for n in range(6)))
    reply = Reply(pieces=("The harbour bridge was opened in 1932. [1.1]",), first_wait_s=30)
    with serving(OpenAIWire(), reply) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        words = ["batch", "q.jsonl", "--out", OUT, "--backend", "openai:some", "--concurrency", "2"]
        for asked in (2, 4, 6):
            running = process(*words)
            deadline = time.monotonic() + WAIT_S
            while len(server.seen) < asked and time.monotonic() < deadline:
                time.sleep(0.02)
            running.kill()
            finished(running)
        assert set(asked_of(server).values()) == {1} and len(asked_of(server)) == 6


def test_a_provider_that_fails_or_is_silent_gives_failed_records_that_can_be_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions = ("When was the harbour bridge opened?", "How long is the harbour bridge?", "How long is the bridge?")
    write("q.csv", "id,question", *(f"{row},{question}" for row, question in zip("abc", questions, strict=True)))
    answer = Reply(pieces=("The harbour bridge was opened in 1932. [1.1]",))
    with serving(OpenAIWire(), answer, Reply(status=400, message="no such thing"), Reply(pieces=())) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        words = ["batch", "q.csv", "--out", OUT, "--backend", "openai:some"]
        ran = pincite(*words)
        assert ran.code == 1
        assert [record["status"] for record in records()] == ["answered", "failed", "failed"]
        assert "no such thing" in records()[1]["error"]
        assert "openai:some wrote no answer" in records()[2]["error"]
        assert records()[1]["statements"] == records()[2]["statements"] == []
        assert "--retry-failed" in ran.lines[-1]

        assert pincite(*words).lines[0] == "0 asked, 3 kept from before, 2 failed: answers.jsonl"
        server.rehearse(answer)
        ran = pincite(*words, "--retry-failed")
        assert ran.error == "2 asked, 1 kept from before, 0 failed: answers.jsonl\n"
        assert list(asked_of(server)) == list(questions[1:])
    assert [(record["id"], record["status"]) for record in records()] == [(row, "answered") for row in "abc"]


# Where the answers go


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("nowhere/a.jsonl", "The folder 'nowhere' for the answers does not exist. Type: mkdir -p nowhere"),
        ("seeds", "'seeds' is no file"),
        ("/dev/null", "'/dev/null' is no file"),
        ("/proc/a.jsonl", "'/proc/a.jsonl' cannot be written ("),
    ],
)
def test_a_place_where_no_answers_can_go_is_named_before_anything_is_asked(out: str, says: str) -> None:
    write("q.jsonl", {"question": "When was the harbour bridge opened?"})
    ran = pincite("batch", "q.jsonl", "--out", out)
    assert (ran.code, len(ran.lines)) == (2, 1)
    assert ran.error.startswith(f"pincite: {says}")


OURS = {"schema": "pincite.answer/1", "id": 1, "question": "Who?", "status": "answered", "backend": "offline"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"My notes", "line 1 is no answer record"),
        (b"My notes\nof today\n", "line 1 is no answer record"),
        (b'{"question": "Who?"}\n', "line 1 is no answer record"),
        (json.dumps(OURS | {"id": 2}).encode() + b"\n", "line 1 is an answer to another question (id 2)"),
        (json.dumps(OURS | {"question": "What?"}).encode() + b"\n", "line 1 is an answer to another question (id 1)"),
        (json.dumps(OURS | {"backend": "openai:x"}).encode() + b"\n", "line 1 is an answer by another backend"),
        (json.dumps(OURS).encode() + b"\n{\n", "line 2 is no answer record"),
        ((json.dumps(OURS).encode() + b"\n") * 2, "line 2 is a second answer with the id 1"),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_never_overwritten(content: bytes, says: str) -> None:
    write("q.jsonl", {"question": "Who?"})
    OUT.write_bytes(content)
    ran = pincite("batch", "q.jsonl", "--out", OUT)
    assert (ran.code, len(ran.lines)) == (1, 1)
    assert ran.error.startswith(f"pincite: answers.jsonl {says}")
    assert ran.error.endswith(", so nothing was asked or changed. Name another file with --out.\n")
    assert OUT.read_bytes() == content


def test_the_questions_cannot_be_overwritten_by_their_answers() -> None:
    path = write("q.jsonl", {"question": "Who?"})
    before = path.read_bytes()
    assert "no answer record" in pincite("batch", path, "--out", path).error
    assert path.read_bytes() == before


def test_two_batches_do_not_write_to_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("q.jsonl", {"question": "When was the harbour bridge opened?"})
    with serving(OpenAIWire(), Reply(first_wait_s=30)) as server:
        keys = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{server.url}/v1"}
        running = process("batch", "q.jsonl", "--out", OUT, "--backend", "openai:some", environ=keys)
        deadline = time.monotonic() + WAIT_S
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.05)
        ran = pincite("batch", "q.jsonl", "--out", OUT)
        assert ran.code == 1
        assert ran.error.startswith("pincite: Another batch writes to answers.jsonl. Wait for it, or name another file")
        running.kill()
        finished(running)
    assert pincite("batch", "q.jsonl", "--out", OUT).code == 0


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_cells_of_a_table_of_questions_may_be_parted_as_spreadsheets_part_them(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "q.csv"
    file.write_bytes(f'\ufeffid{mark}question\r\n1{mark}"Where; when, and | how\tlong?"\r\n'.encode())
    assert [(row.id, row.question) for row in read_questions(file)] == [("1", "Where; when, and | how\tlong?")]
