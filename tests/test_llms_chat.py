"""The whole path of a question with each backend's protocol at its end: the same words give the same answer."""

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import pytest
from servers.anthropic import AnthropicCitingWire
from servers.backends import KEY, STANDS, needs_package
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, serving

from rag.chat import open_chat
from rag.llms import BACKENDS
from rag.settings import load_settings
from rag.types import Answer, Event, Searched, Statement, Turn

TEXT = (
    "The harbour bridge was opened to traffic in 1932. It is 503 metres long and carries eight lanes. "
    "The toll pays for its upkeep.\n"
)
QUESTION = "When was the harbour bridge opened?"
OPENED = "The harbour bridge was opened to traffic in 1932."
TOLL = "The toll pays for its upkeep."
ANSWER = ("Sentences: [1.1] [1", ".3]\n", f"{OPENED} [", "1.", "1] The toll ", "pays for its upkeep. [1.3", "]")
LONG = tuple(f" Item {number} follows." for number in range(400))


class World:
    """One chat over one document, and a server for every protocol that it may be sent to."""

    def __init__(self, folder: Path, servers: dict[str, ScriptedServer]) -> None:
        self.folder = folder
        self.servers = servers
        environ: dict[str, str] = {}
        for name, stand in STANDS.items():
            environ |= stand.environ(self.server(name).url)
        where = {"documents": folder / "documents", "data": folder / "data"}
        self.chat = open_chat(load_settings({**where, "retries": 0, "timeout_s": 10}, environ))

    def server(self, name: str) -> ScriptedServer:
        return self.servers[name.removesuffix("-citations")]

    def ask(self, name: str, *script: Reply, more: str = "", history: tuple[Turn, ...] = ()) -> Answer:
        self.server(name).rehearse(*script)
        return self.chat.ask(QUESTION, history, STANDS[name].spec + more)

    def stream(self, name: str, *script: Reply) -> Generator[Event]:
        self.server(name).rehearse(*script)
        return cast(Generator[Event], self.chat.stream(QUESTION, backend=STANDS[name].spec))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "documents").mkdir()
    (folder / "documents" / "bridge.txt").write_text(TEXT)
    with contextlib.ExitStack() as running:
        names = [name for name in STANDS if not name.endswith("-citations")]
        yield World(folder, {name: running.enter_context(serving(STANDS[name].wire)) for name in names})


@pytest.fixture(params=STANDS, ids=str)
def name(request: pytest.FixtureRequest) -> str:
    needs_package(request.param)
    return str(request.param)


def codes(answer: Answer) -> list[str]:
    return [notice.code for notice in answer.notices]


def test_the_same_words_give_the_same_statements_and_citations_whoever_wrote_them(world: World, name: str) -> None:
    answer = world.ask(name, Reply(pieces=ANSWER))
    assert (answer.status, answer.text) == ("answered", f"{OPENED} {TOLL}")
    for statement, quote in zip(answer.statements, (OPENED, TOLL), strict=True):
        (citation,) = statement.citations
        assert (statement.verdict, citation.quote) == ("supported", quote)
        assert TEXT[citation.start : citation.end] == quote
    assert (answer.backend, answer.answered_by) == (STANDS[name].spec, STANDS[name].spec)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cost_usd) == (11, 7, None)
    assert (answer.dangling, answer.withheld, answer.notices) == ((), (), ())


def test_statements_arrive_while_the_model_is_still_writing(world: World, name: str) -> None:
    events = world.stream(name, Reply(pieces=(*ANSWER, *LONG[:100]), pace_s=0.02))
    assert isinstance(next(events), Searched)
    assert isinstance(next(events), Statement)
    assert world.server(name).pieces_sent < 80
    events.close()


def test_closing_the_answer_stops_the_request_to_the_model(world: World, name: str) -> None:
    events = world.stream(name, Reply(pieces=(*ANSWER, *LONG), pace_s=0.01))
    while not isinstance(next(events), Statement):
        pass
    events.close()
    assert world.server(name).hung_up.wait(3)
    assert world.server(name).pieces_sent < 300


def test_an_answer_cut_off_keeps_its_finished_statements_and_says_so(world: World, name: str) -> None:
    answer = world.ask(name, Reply(pieces=(*ANSWER[:-2], "pays for"), cut="reset"))
    assert (answer.status, answer.text) == ("answered", OPENED)
    assert codes(answer) == ["stream_cut"]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(pieces=()), "failed"),
        (Reply(pieces=("NOT IN THE ", "DOCUMENTS")), "abstained"),
        (Reply(pieces=("]]] [[[ \x00 \ufffd " * 50,)), "failed"),
        (Reply(pieces=("It was opened in 1745 by pirates. [1.1]",)), "abstained"),
        (Reply(pieces=("It was opened in 1745 by pirates. [7.7]",)), "abstained"),
        (Reply(pieces=(), finish="refused"), "failed"),
        (Reply(status=500, message="out of order"), "failed"),
        (Reply(body=b"{not json"), "failed"),
        (Reply(pieces=("",), cut="reset"), "failed"),
    ],
    ids=["nothing", "refusal", "garbage", "invention", "dangling", "refused", "broken", "not-json", "cut"],
)
def test_what_is_no_answer_becomes_an_abstention_or_a_failure_never_a_half_truth(
    world: World, reply: Reply, status: str
) -> None:
    answer = world.ask("compatible", reply)
    assert answer.status == status
    assert answer.statements == ()
    assert bool(answer.error) == (status == "failed")
    assert bool(answer.text) == (status == "abstained")


def test_ten_megabytes_of_words_end_in_an_answer_of_bounded_size(world: World) -> None:
    answer = world.ask("compatible", Reply(pieces=("".join(f"It rained in {n}. [1.1] " for n in range(4_000)),) * 100))
    assert answer.status == "abstained"
    assert len(answer.withheld) <= 200
    assert "answer_cut" in codes(answer)


def test_a_model_that_repeats_itself_is_stopped_and_each_statement_is_shown_once(world: World) -> None:
    items = tuple(f"{n}. {(OPENED, TOLL)[n % 2]} [1.{3 - n % 2 * 2}]\n" for n in range(1, 400))
    answer = world.ask("compatible", Reply(pieces=items, pace_s=0.002))
    assert len(answer.statements) + len(answer.withheld) == 2
    assert codes(answer) == ["answer_cut"]
    assert world.server("compatible").hung_up.wait(3)


def test_numbers_without_words_are_no_statements(world: World) -> None:
    answer = world.ask("compatible", Reply(pieces=("1.1.1.\n2.1.2.\n", f"{OPENED} [1.1]\n", "3.\n")))
    assert ([s.text for s in answer.statements], answer.withheld) == ([OPENED], ())


def test_statements_that_differ_by_a_number_alone_are_all_kept(world: World) -> None:
    pieces = tuple(f"1{n}32 was the year. [1.1]\n" for n in range(6))
    answer = world.ask("compatible", Reply(pieces=pieces))
    assert len(answer.statements) + len(answer.withheld) == 6


def test_a_key_is_in_no_record_and_in_no_log(world: World, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for reply in (Reply(status=401, message=f"bad key {KEY}"), Reply(status=500, message=KEY), Reply(cut="close")):
        answer = world.ask(name, reply)
        assert KEY not in json.dumps(answer.record()) and KEY not in repr(answer)
    assert KEY not in caplog.text


def test_who_really_answered_and_why_the_others_did_not_is_on_the_answer(world: World) -> None:
    answer = world.ask("openai", Reply(status=503, message="Overloaded"), more=",offline")
    assert (answer.backend, answer.answered_by) == ("openai:some-model,offline", "offline")
    assert OPENED in answer.text
    assert codes(answer) == ["backend_passed_over"]
    assert answer.usage.cost_usd == 0.0


def test_when_no_backend_of_a_list_answers_the_record_says_failed_and_why(world: World) -> None:
    world.server("ollama").rehearse(Reply(status=404, message="no such model"))
    answer = world.ask("openai", Reply(status=503, message="Overloaded"), more=",ollama:m")
    assert answer.status == "failed"
    assert "Overloaded" in str(answer.error) and "no such model" in str(answer.error)
    assert (answer.answered_by, answer.usage.cost_usd) == (None, None)


def test_what_rewriting_a_follow_up_used_is_counted_too(world: World) -> None:
    history = (Turn("user", "Tell me about the harbour bridge."), Turn("assistant", TOLL))
    answer = world.ask("openai", Reply(pieces=(QUESTION,)), Reply(pieces=ANSWER), history=history)
    assert answer.search_question == QUESTION
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (22, 14)


def test_anthropics_own_citations_become_the_same_record(world: World) -> None:
    needs_package("anthropic")
    plain = world.ask("anthropic", Reply(pieces=ANSWER))
    where = {"documents": world.folder / "documents", "data": world.folder / "data"}
    pieces = (f"{OPENED}{{0,0,1}}", f" {TOLL}{{0,2,3}}")
    with serving(AnthropicCitingWire(), Reply(pieces=pieces)) as server:
        native = open_chat(STANDS["anthropic-citations"].settings(server.url, **where)).ask(QUESTION)
    assert native.status == "answered"
    assert native.statements == plain.statements


def test_a_model_that_reads_little_gets_fewer_passages_and_the_answer_says_so(tmp_path: Path) -> None:
    text = "\n\n".join(f"# Part {n}\n\n" + f"The bridge number {n} was opened in 19{n:02}. " * 12 for n in range(30))
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "bridges.md").write_text(text)
    where = {"documents": tmp_path / "documents", "data": tmp_path / "data", "context_tokens": 1_800, "passages": 8}
    with serving(OpenAIWire(), Reply(pieces=("NOT IN THE DOCUMENTS",))) as server:
        chat = open_chat(STANDS["compatible"].settings(server.url, **where))
        answer = chat.ask("When was the bridge number 7 opened?")
        prompt = server.seen[0].body["messages"][-1]["content"]
    assert "passages_dropped" in codes(answer)
    assert 0 < len(answer.passages) < 8
    assert f"[{len(answer.passages)}.1]" in prompt and f"[{len(answer.passages) + 1}.1]" not in prompt


def test_a_question_answered_offline_loads_no_providers_package(world: World) -> None:
    code = """
import sys
from ui.cli.main import main
try:
    main()
except SystemExit as done:
    assert not done.code
print([name for name in sys.stdin.read().split() if name in sys.modules])
"""
    where = ["--documents", str(world.folder / "documents"), "--data", str(world.folder / "data")]
    packages = [row.package for row in BACKENDS.values() if row.package]
    done = subprocess.run(
        [sys.executable, "-c", code, "ask", QUESTION, *where, "--backend", "offline"],
        input=" ".join([*packages, "openai", "anthropic", "google.genai", "ollama"]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert OPENED in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
