"""Bad input: each gives one clear line that says what to type and the right exit code, and loses nothing."""

import contextlib
import io
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, alone_in, finished, pincite, process
from servers.openai import OpenAIWire
from servers.scripted import Reply, free_port, serving

from rag.settings import load_settings
from ui.cli.main import main
from ui.opening import open_up_to_date


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


QUESTION = "When was the harbour bridge opened?"
BRIDGE = "# The bridge\n\nThe harbour bridge was opened in 1932.\n"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one document in `seeds`, and no index."""
    alone_in(tmp_path, monkeypatch)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "bridge.md").write_text(BRIDGE, "utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished index of such a folder, made by a process that has ended."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "seeds").mkdir()
    (folder / "seeds" / "bridge.md").write_text(BRIDGE, "utf-8")
    ran = finished(process("ingest", cwd=folder))
    assert (ran.code, ran.error) == (0, "")
    return folder / ".pincite"


@pytest.fixture
def index(work: Path, built: Path) -> Path:
    """A copy of it in the working folder."""
    shutil.copytree(built, work / ".pincite")
    return work / ".pincite"


def refused(ran: Ran, *says: str, code: int = 1) -> None:
    """Holds a command to one plain line that says all of this, and to its exit code."""
    assert ran.code == code, ran
    assert ran.text == ""
    assert len(ran.lines) == 1, ran.error
    assert ran.error.startswith("pincite: ")
    for words in says:
        assert words in ran.error


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("command", ["ask", "ingest", "batch"])
def test_a_documents_folder_that_is_not_there_is_named(work: Path, command: str) -> None:
    Path("q.jsonl").write_text('{"question": "Who?"}\n', "utf-8")
    words = {"ask": ["ask", QUESTION], "ingest": ["ingest"], "batch": ["batch", "q.jsonl", "--out", "a.jsonl"]}
    ran = pincite(*words[command], "--documents", "nowhere")
    refused(ran, "The documents folder 'nowhere' does not exist. Name one with --documents FOLDER.")
    assert not Path("a.jsonl").exists()
    assert not Path(".pincite").exists()


def test_a_file_as_documents_folder_is_named(work: Path) -> None:
    ran = pincite("ask", QUESTION, "--documents", "seeds/bridge.md")
    refused(ran, "The documents folder 'seeds/bridge.md' is a file, not a folder.", "--documents FOLDER")
    assert not Path(".pincite").exists()


def test_an_empty_documents_folder_is_named_with_what_to_put_there(work: Path) -> None:
    Path("empty").mkdir()
    refused(pincite("ask", QUESTION, "--documents", "empty"), "'empty' holds no document.", "end in .txt, ")


def test_an_index_of_a_folder_that_has_gone_is_kept(work: Path, index: Path) -> None:
    before = files(index)
    Path("seeds").rename("elsewhere")
    refused(pincite("ask", QUESTION), "The documents folder 'seeds' does not exist.")
    refused(pincite("ingest"), "The documents folder 'seeds' does not exist.")
    assert before.keys() <= files(index).keys()
    assert pincite("show", "bridge.md").text == BRIDGE


@pytest.mark.parametrize("words", [["ask", "How high is the tower?"], ["batch", "q.jsonl", "--out", "a.jsonl"]])
def test_a_question_to_one_folder_is_not_answered_from_the_index_of_another(
    work: Path, index: Path, words: list[str]
) -> None:
    Path("more towers").mkdir()
    (work / "more towers" / "tower.md").write_text("The tower is 96 metres high.\n", "utf-8")
    Path("q.jsonl").write_text('{"question": "How high is the tower?"}\n', "utf-8")
    refused(
        pincite(*words, "--documents", "more towers"),
        "The index in '.pincite' is of other documents than 'more towers' holds.",
        "type: pincite ingest --documents 'more towers'   or keep both: name another folder with --data.",
    )
    assert pincite("show", "bridge.md").text == BRIDGE
    assert "fix  index      The index in '.pincite' is of other" in pincite("doctor", "--documents", "more towers").text
    ran = pincite("ask", "How high is the tower?", "--documents", "more towers", "--data", "other")
    assert (ran.code, ran.text.split(" [")[0]) == (0, "The tower is 96 metres high.")


def test_the_page_over_another_folder_takes_the_place_of_what_was_indexed_and_says_so(
    work: Path, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("towers").mkdir()
    (work / "towers" / "tower.md").write_text("The tower is 96 metres high.\n", "utf-8")
    chat = open_up_to_date(load_settings({"documents": Path("towers")}))
    assert [document.id for document in chat.documents()] == ["tower.md"]
    assert capsys.readouterr().err == "Indexing towers in place of the documents that .pincite held.\n"


def test_a_folder_whose_files_were_all_exchanged_has_changed_and_is_no_other_folder(work: Path) -> None:
    assert pincite("ingest").code == 0
    for file in (work / "seeds").iterdir():
        file.rename(file.with_name(f"new {file.name}"))
    ran = pincite("ask", QUESTION)
    assert ran.code == 0
    assert re.search(r"files? ha(?:s|ve) changed since indexing. Type: pincite ingest", ran.error)


def test_what_to_type_names_the_folders_that_were_typed(work: Path, index: Path) -> None:
    Path("seeds").rename("elsewhere")
    (work / "elsewhere" / "tower.md").write_text("The tower is 96 metres high.\n", "utf-8")
    assert pincite("ask", QUESTION, "--documents", "elsewhere").lines == [
        "1 file has changed since indexing. Type: pincite ingest --documents elsewhere"
    ]


def test_files_that_cannot_be_read_are_named_and_the_rest_is_indexed(work: Path) -> None:
    seeds = work / "seeds"
    (seeds / "cafe.txt").write_bytes(b"caf\0")
    (seeds / "binary.txt").write_bytes(b"a\0b")
    (seeds / "page.html").write_bytes(bytes(range(256)) * 9)
    (seeds / "empty.txt").write_bytes(b" \n")
    (seeds / "gone.txt").symlink_to("nowhere.txt")
    (seeds / "folder.txt").mkdir()
    (seeds / "folder.txt" / "tower.md").write_text("The tower is 96 metres high.\n", "utf-8")
    os.mkfifo(seeds / "pipe.txt")
    ran = finished(process("ingest"), timeout_s=60)
    assert ran.code == 1
    for words in (
        "Skipped: cafe.txt holds binary data, not text.",
        "Skipped: binary.txt holds binary data",
        "Skipped: page.html holds binary data, not HTML.",
        "Skipped: empty.txt is empty.",
        "Skipped: gone.txt cannot be read (No such file or directory).",
    ):
        assert words in ran.error
    assert ran.text.startswith("Documents: 2 added, ")
    assert [line.split("\t")[0] for line in pincite("show").text.splitlines()] == ["bridge.md", "folder.txt/tower.md"]


def test_a_question_to_a_new_folder_names_what_it_could_not_read(work: Path) -> None:
    (work / "seeds" / "cafe.txt").write_bytes(b"caf\0")
    ran = pincite("ask", QUESTION)
    assert ran.code == 0
    assert ran.lines == [
        "Indexing seeds for the first time.",
        "Skipped: cafe.txt holds binary data, not text.",
    ]


@pytest.mark.parametrize("words", [["ask", QUESTION], ["ingest"]])
def test_a_folder_in_which_nothing_can_be_read_is_an_error(work: Path, words: list[str]) -> None:
    (work / "seeds" / "bridge.md").write_bytes(b"caf\0")
    ran = pincite(*words)
    assert ran.code == 1
    assert ran.lines[-1].startswith(
        "pincite: No document in 'seeds' could be read, so there is nothing to answer from."
    )
    assert ran.lines[-2] == "Skipped: bridge.md holds binary data, not text."


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("", "The question is empty. Type one"),
        (" \t\n", "The question is empty. Type one"),
        ("?!", "The question is empty. Type one"),
        ("a" * 100_000, "The question has 100,000 characters. Ask it in at most 4,000."),
        ("What is \udcff here?", "The question is not UTF-8 text. Type it again"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(work: Path, index: Path, question: str, says: str) -> None:
    refused(pincite("ask", question), says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("[{", "is no conversation"),
        ('{"role": "user"}', "a list was expected, not an object"),
        ('["hello"]', "item 1 is text"),
        ('[{"role": "system", "content": "x"}]', "item 1 has no role 'user' or 'assistant'"),
        ('[{"role": "user", "content": "x"}, {"role": "assistant"}]', "item 2 has no content that is text"),
        ('[{"role": "user", "content": "\\ud800"}]', "item 1 holds half a character"),
        ("[" * 100_000, "is no conversation"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_a_history_that_is_no_conversation_is_named(work: Path, content: str | bytes | None, says: str) -> None:
    if content is not None:
        Path("h.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = pincite("ask", QUESTION, "--history", "h.json")
    refused(ran, "The history 'h.json' ", says, "Name a file with a JSON list of {role, content}.", code=2)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("gpt-5", "No backend called 'gpt-5'. Use one of: offline, openai,"),
        ("openai", "openai needs a model, for example openai:"),
        ("openai:gpt-5", "openai needs OPENAI_API_KEY. Set it in the environment or in .env."),
    ],
)
@pytest.mark.parametrize("command", ["ask", "batch"])
def test_a_backend_that_cannot_be_asked_is_refused_before_anything_is_done(
    work: Path, command: str, spec: str, says: str
) -> None:
    Path("q.jsonl").write_text('{"question": "Who?"}\n', "utf-8")
    words = ["ask", QUESTION] if command == "ask" else ["batch", "q.jsonl", "--out", "a.jsonl"]
    refused(pincite(*words, "--backend", spec), says)
    assert not Path("a.jsonl").exists()
    assert not Path(".pincite").exists()


def test_a_server_that_is_down_is_named_with_its_address(
    work: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{free_port()}/v1"
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    monkeypatch.setenv("PINCITE_RETRIES", "0")
    refused(pincite("ask", QUESTION, "--backend", "openai:some"), f"Nothing answers at {address}", "Start the server")
    record = pincite("ask", QUESTION, "--backend", "openai:some", "--json")
    assert (record.code, record.json["status"], record.json["statements"]) == (1, "failed", [])
    assert "Nothing answers at" in record.json["error"]


def test_a_refused_key_is_never_printed(work: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-recognisable-0123456789"
    with serving(OpenAIWire(), Reply(status=401, message=f"Incorrect API key provided: {key}")) as server:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        ran = pincite("ask", QUESTION, "--backend", "openai:some", "--json")
    assert ran.code == 1
    assert "OPENAI_API_KEY" in ran.error
    assert key not in ran.text + ran.error


@pytest.mark.parametrize("data", ["file", "file/below", "/proc/pincite"])
@pytest.mark.parametrize("command", ["ask", "ingest"])
def test_a_data_folder_that_cannot_be_written_is_named(work: Path, command: str, data: str) -> None:
    Path("file").write_text("mine", "utf-8")
    ran = pincite(*(["ask", QUESTION] if command == "ask" else ["ingest"]), "--data", data)
    refused(ran, f"The data folder '{data}' cannot be written (", "Name another with --data.")
    assert Path("file").read_text("utf-8") == "mine"


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage " * 5_000)


def middle(path: Path) -> None:
    """Overwrite all pages of an SQLite file but the first."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\x7f" * (len(data) - 4096))


@pytest.mark.parametrize("harm", [garbage, middle])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("chroma/chroma.sqlite3", "delete '.pincite/chroma' and type: pincite ingest"),
        ("token_vectors.sqlite", "The cache '.pincite/token_vectors.sqlite' cannot be used"),
    ],
)
def test_a_corrupt_index_says_what_to_delete_and_can_be_built_again(
    work: Path, index: Path, name: str, says: str, harm: Callable[[Path], None]
) -> None:
    harm(index / name)
    documents = files(work / "seeds")
    refused(pincite("ask", QUESTION), says)
    assert files(work / "seeds") == documents
    (index / name.split("/")[0]).rename(work / "deleted")
    assert "1932" in pincite("ask", QUESTION).text


def test_what_fails_on_a_full_disk_is_put_down_to_the_disk_and_nothing_is_to_be_deleted(
    work: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    garbage(index / "chroma" / "chroma.sqlite3")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 0))
    ran = pincite("ask", QUESTION)
    refused(ran, "The disk of the data folder '.pincite' is full (", "Make room, then type the same again, or name")
    assert "delete" not in ran.error


def test_a_question_without_quotes_is_refused_with_the_quotes_it_needs(work: Path) -> None:
    ran = pincite("ask", "When", "was", "it", "opened", "--json")
    refused(ran, 'A question stands in quotes: pincite ask "When was it opened". Type: pincite ask --help', code=2)


def test_what_a_terminal_would_obey_is_shown_and_not_sent_to_it(work: Path) -> None:
    (work / "seeds" / "bridge.md").write_text(
        "The harbour bridge was \x1b[2Jopened in 1932.\x9b2J\x1b]0;owned\x07\n", "utf-8"
    )
    ran = pincite("ask", QUESTION)
    assert ran.text.startswith("The harbour bridge was \ufffd[2Jopened in 1932.")
    assert not set("\x1b\x07\0") & set(ran.text + pincite("ask", "Who is \0\x1b[31m Otto?").text)
    as_json = pincite("ask", QUESTION, "--json")
    assert as_json.json["statements"][0]["text"].startswith("The harbour bridge was \x1b[2Jopened in 1932.\x9b")
    assert not set("\x1b\x07\x9b") & set(as_json.text)
    assert "\x1b]0;owned\x07" in pincite("show", "bridge.md").text


def test_a_file_name_cannot_steer_the_terminal(work: Path) -> None:
    (work / "seeds" / "a\x1b[2J\x07.txt").write_text("The tower is 96 metres high.\n", "utf-8")
    (work / "seeds" / "b\x1b[2J.txt").write_bytes(b"caf\0")
    with contextlib.redirect_stderr(Terminal()) as drawn, pytest.raises(SystemExit):
        main(["ingest"])
    assert "Skipped: b\ufffd[2J.txt holds binary data" in drawn.getvalue()
    assert "\x1b[2J" not in drawn.getvalue()
    assert pincite("show").text.splitlines()[0].startswith("a\ufffd[2J\ufffd.txt\t")
    assert "\x1b" not in pincite("ask", "How high is the tower?").text


@pytest.mark.parametrize(
    ("receipt", "why"), [("seeds", "it is a folder"), ("no/where.json", "there is no folder 'no'")]
)
def test_a_receipt_that_cannot_be_written_is_named_before_anybody_is_asked(work: Path, receipt: str, why: str) -> None:
    ran = pincite("ask", QUESTION, "--receipt", receipt)
    refused(ran, f"The receipt '{receipt}' cannot be written: {why}. Name another file with --receipt.")
    assert not Path(".pincite").exists()


def test_an_index_that_lost_rows_is_named_instead_of_quoted(work: Path, index: Path) -> None:
    with sqlite3.connect(index / "chroma" / "chroma.sqlite3") as database:
        database.execute(
            "UPDATE embedding_metadata SET string_value = replace(string_value, '1932', '1933') "
            "WHERE key = 'chroma:document'"
        )
    database.close()
    refused(pincite("show", "bridge.md"), "The index is damaged", "type: pincite ingest")
    ran = pincite("ask", QUESTION)
    assert "1933" not in ran.text


def test_a_document_that_is_not_in_the_index_is_named(work: Path, index: Path) -> None:
    refused(pincite("show", "tower.md"), "There is no document 'tower.md' in the index.", "type: pincite show")


@pytest.mark.parametrize(("option", "place"), [("--start", 99), ("--end", 54)])
def test_a_place_beyond_the_end_of_a_document_is_refused(work: Path, index: Path, option: str, place: int) -> None:
    ran = pincite("show", "bridge.md", option, place)
    refused(ran, f"{option} {place} lies beyond the end: bridge.md has {len(BRIDGE)} characters.", code=2)


def test_a_path_outside_of_the_documents_folder_is_refused(work: Path) -> None:
    Path("other.txt").write_text("Other.", "utf-8")
    refused(pincite("ingest", "other.txt"), "'other.txt' is not in the documents folder 'seeds'.")
    refused(pincite("ingest", "nowhere.txt"), "'nowhere.txt'", "'seeds'")


def test_errors_go_to_standard_error_of_a_real_process_with_the_right_code(work: Path) -> None:
    refused(finished(process("ask", QUESTION, "--documents", "nowhere")), "The documents folder 'nowhere'")
    refused(finished(process("ask", "x", "--bogus")), "No such option '--bogus'", code=2)
    ran = finished(process("ask", QUESTION, "--json"))
    assert ran.code == 0, ran.error
    assert ran.json["status"] == "answered"
