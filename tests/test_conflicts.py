"""Documents that contradict one another on the question: the answer says so and cites both."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.openai import OpenAIWire
from servers.scripted import Reply, ScriptedServer, serving

from rag.chat import Chat, open_chat
from rag.settings import Settings, load_settings
from rag.types import Answer, Statement

DATA = Path(__file__).parent / "data"
QUESTION = "When was the harbour bridge opened to traffic?"
OPENED = "The harbour bridge was opened to traffic in 1932."
REOPENED = "The harbour bridge was opened to traffic in 1935."
TOLL = "The toll pays for its upkeep."
MODEL = "compatible:local/some-model"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def chat_over(folder: Path, server: ScriptedServer | None = None, **files: str) -> Chat:
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / "documents" / f"{name}.txt").write_text(text, "utf-8")
    environ = {"PINCITE_COMPATIBLE": f"local={server.url}/v1"} if server else {}
    return open_chat(load_settings({"documents": folder / "documents", "data": folder / "data"}, environ))


def pair_chat(folder: Path, pairs: list[dict[str, Any]]) -> Chat:
    one, other = ("\n\n".join(row[side] for row in pairs) + "\n" for side in ("one", "other"))
    return chat_over(folder, guide=one, notes=other)


def told(answer: Answer) -> list[str]:
    return [notice.message for notice in answer.notices if notice.code == "sources_disagree"]


def cited(answer: Answer) -> list[str]:
    return [citation.document for statement in answer.statements for citation in statement.citations]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(OpenAIWire()) as running:
        yield running


@pytest.fixture
def bridges(tmp_path: Path) -> Chat:
    return chat_over(tmp_path, guide=f"{OPENED} {TOLL}\n", notes=f"{REOPENED} It is painted grey.\n")


def test_the_answer_says_so_and_cites_both(bridges: Chat) -> None:
    answer = bridges.ask(QUESTION)
    assert {statement.text.removeprefix("But notes.txt says: ") for statement in answer.statements} == {
        OPENED,
        REOPENED,
    }
    assert sorted(cited(answer)) == ["guide.txt", "notes.txt"]
    assert [statement.verdict for statement in answer.statements] == ["supported", "supported"]
    for statement in answer.statements:
        (citation,) = statement.citations
        assert statement.text.endswith(citation.quote)
        assert bridges.document(citation.document).text[citation.start : citation.end] == citation.quote
    (message,) = told(answer)
    assert all(words in message for words in ("“1932”", "“1935”", "guide.txt", "notes.txt"))


def test_the_stream_gives_what_contradicts_a_statement_before_the_answer(bridges: Chat) -> None:
    events = list(bridges.stream(QUESTION))
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert [event for event in events if isinstance(event, Statement)] == list(answer.statements)


def test_the_same_question_gives_the_same_record_apart_from_times_where_documents_disagree(bridges: Chat) -> None:
    one, other = ({k: v for k, v in bridges.ask(QUESTION).record().items() if k != "timings_ms"} for _ in range(2))
    assert json.dumps(one) == json.dumps(other)


def test_agreeing_documents_raise_no_alarm(tmp_path: Path) -> None:
    same = "To traffic the harbour bridge was opened in 1932, after nine years."
    chat = chat_over(tmp_path, guide=f"{OPENED}\n", notes=f"{same}\n", other=f"{OPENED} {TOLL}\n")
    answer = chat.ask(QUESTION)
    assert (answer.status, told(answer)) == ("answered", [])


def test_a_document_that_contradicts_itself_elsewhere_is_named_once(tmp_path: Path) -> None:
    filler = "\n\n".join(
        f"Chapter {n}\n\n" + "The tide comes and goes along the quay all day. " * 30 for n in range(1, 4)
    )
    chat = chat_over(tmp_path, guide=f"{OPENED}\n\n{filler}\n\n{REOPENED}\n")
    (message,) = told(chat.ask(QUESTION))
    assert message.startswith("guide.txt does not agree with itself")


def test_a_model_that_cites_one_side_is_given_the_other(tmp_path: Path, server: ScriptedServer) -> None:
    chat = chat_over(tmp_path, server, guide=f"{OPENED} {TOLL}\n", notes=f"{REOPENED}\n")
    place = {p.chunk.document: number for number, p in enumerate(chat.retrieval.search(QUESTION, 5), 1)}
    server.rehearse(
        Reply(pieces=(f"It opened to traffic in 1932. [{place['guide.txt']}.1] {TOLL} [{place['guide.txt']}.2]",))
    )
    answer = chat.ask(QUESTION, backend=MODEL)
    assert [s.text for s in answer.statements] == [
        "It opened to traffic in 1932.",
        TOLL,
        f"But notes.txt says: {REOPENED}",
    ]
    assert len(told(answer)) == 1


def test_a_model_that_cites_both_sides_itself_is_left_alone(tmp_path: Path, server: ScriptedServer) -> None:
    chat = chat_over(tmp_path, server, guide=f"{OPENED}\n", notes=f"{REOPENED}\n")
    place = {p.chunk.document: number for number, p in enumerate(chat.retrieval.search(QUESTION, 5), 1)}
    written = (
        f"The harbour bridge was opened to traffic in 1932. [{place['guide.txt']}.1] "
        f"The other says that it was opened to traffic in 1935. [{place['notes.txt']}.1]"
    )
    server.rehearse(Reply(pieces=(written,)))
    answer = chat.ask(QUESTION, backend=MODEL)
    assert len(answer.statements) == 2
    assert not any(statement.text.startswith("But ") for statement in answer.statements)
    assert len(told(answer)) == 1


def test_what_a_statement_does_not_say_is_not_held_against_it(tmp_path: Path, server: ScriptedServer) -> None:
    chat = chat_over(
        tmp_path,
        server,
        guide="The harbour bridge is 503 metres long and carries eight lanes of traffic.\n",
        notes="The harbour bridge is 530 metres long and carries eight lanes of traffic.\n",
    )
    place = {p.chunk.document: number for number, p in enumerate(chat.retrieval.search("harbour bridge lanes", 5), 1)}
    server.rehearse(Reply(pieces=(f"The harbour bridge carries eight lanes of traffic. [{place['guide.txt']}.1]",)))
    answer = chat.ask("harbour bridge lanes", backend=MODEL)
    assert (answer.status, told(answer)) == ("answered", [])


def test_sentences_about_other_years_places_or_things_raise_no_alarm(tmp_path: Path) -> None:
    pairs = rows("agreements.jsonl")[::2]
    chat = pair_chat(tmp_path, pairs)
    assert [row["question"] for row in pairs if told(chat.ask(row["question"]))] == []


@pytest.mark.parametrize("question", ["What is the mandate of AMISOM?", "How does training help partner nations?"])
def test_the_seeds_do_not_contradict_one_another(seeds_index: Settings, question: str) -> None:
    answer = open_chat(seeds_index).ask(question)
    assert told(answer) == []
