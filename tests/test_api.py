"""The HTTP API over the real chat: what programs get is what the command line gives."""

import concurrent.futures
import io
import json
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT, SEEDS, alone_in, pincite
from http_door import Api, answering, without_times
from pdfs import Words, drawn, lines
from PIL import Image

from rag.chat import open_chat
from rag.settings import Settings, load_settings

QUESTION = "What are the key steps in technology transfer?"
UNKNOWN = "Who won the chess championship of 2031?"


@pytest.fixture(scope="module")
def settings(_seeds_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = shutil.copytree(_seeds_data, tmp_path_factory.mktemp("api") / "data")
    return load_settings({"documents": SEEDS, "data": data}, environ={})


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[Api]:
    with answering(open_chat(settings), settings) as one:
        yield one


@pytest.fixture
def shell(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line over the same folders."""
    alone_in(tmp_path, monkeypatch, PINCITE_DOCUMENTS=settings.documents, PINCITE_DATA=settings.data)


@pytest.mark.parametrize("question", [QUESTION, UNKNOWN, "Hello!"])
def test_an_answer_over_http_is_the_one_that_ask_prints(api: Api, shell: None, question: str) -> None:
    got = api.post("/v1/ask", {"question": question})
    assert got.status == 200
    assert without_times(got.json) == without_times(pincite("ask", question, "--json").json)
    assert got.json["timings_ms"].keys() == {"search", "first_statement", "total"}


def test_a_question_is_asked_of_the_documents_in_its_scope_alone_over_http_as_in_ask(api: Api, shell: None) -> None:
    got = api.post("/v1/ask", {"question": QUESTION, "documents": ["003_*", "000_645161d1d79e9746.txt"]})
    assert got.json["scope"] == ["003_*", "000_645161d1d79e9746.txt"]
    assert {passage["document"][:3] for passage in got.json["passages"]} <= {"000", "003"}
    found = api.post("/v1/search", {"question": QUESTION, "documents": ["003_*"]}).json["passages"]
    assert {passage["document"][:3] for passage in found} == {"003"}
    words = ("--document", "003_*", "--document", "000_645161d1d79e9746.txt")
    assert without_times(got.json) == without_times(pincite("ask", QUESTION, *words, "--json").json)
    refused = api.post("/v1/ask", {"question": QUESTION, "documents": ["reports/*.pdf"]})
    assert (refused.status, refused.message[:43]) == (400, "No document matches 'reports/*.pdf'. To lis")
    typed = pincite("ask", QUESTION, "--document", "reports/*.pdf")
    assert (typed.code, len(typed.lines)) == (2, 1) and "No document matches 'reports/*.pdf'" in typed.lines[0]
    assert api.post("/v1/ask", {"question": QUESTION}).json["scope"] == []


def test_a_conversation_is_continued_as_ask_continues_it(api: Api, shell: None, tmp_path: Path) -> None:
    history = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": api.post("/v1/ask", {"question": QUESTION}).json["text"]},
    ]
    (tmp_path / "h.json").write_text(json.dumps(history), "utf-8")
    follow_up = "And what are its benefits?"
    got = api.post("/v1/ask", {"question": follow_up, "history": history}).json
    assert without_times(got) == without_times(pincite("ask", follow_up, "--history", "h.json", "--json").json)


def test_events_tell_of_the_search_then_each_statement_and_last_the_record(api: Api) -> None:
    with api.listening("/v1/ask", {"question": QUESTION}) as events:
        happened = list(events)
    names = [name for name, _ in happened]
    record = happened[-1][1]
    assert names[0] == "searched" and names[-1] == "answer" and set(names[1:-1]) <= {"statement", "withheld"}
    assert happened[0][1] == {name: record[name] for name in ("search_question", "passages")}
    assert [data for name, data in happened if name == "statement"] == record["statements"] != []
    assert [data for name, data in happened if name == "withheld"] == record["withheld"]
    assert without_times(record) == without_times(api.post("/v1/ask", {"question": QUESTION}).json)


def test_clients_at_once_each_get_their_own_answer(api: Api) -> None:
    questions = [QUESTION, UNKNOWN, "What is hybrid warfare?", "How does AMISOM work with local forces?"]
    alone = [without_times(api.post("/v1/ask", {"question": question}).json) for question in questions]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: api.post("/v1/ask", {"question": question}), questions * 2))
    assert [without_times(got.json) for got in together] == alone * 2


def test_the_text_between_the_offsets_of_a_citation_is_its_quote(api: Api) -> None:
    record = api.post("/v1/ask", {"question": QUESTION}).json
    citations = [citation for statement in record["statements"] for citation in statement["citations"]]
    assert citations
    for cited in citations:
        got = api.get(f"/v1/documents/{cited['document']}?start={cited['start']}&end={cited['end']}").json
        assert (got["text"], got["sha256"]) == (cited["quote"], cited["sha256"])


def test_every_document_is_listed_and_given_whole_byte_for_byte(api: Api) -> None:
    listed = api.get("/v1/documents").json["documents"]
    assert [one["document"] for one in listed] == sorted(path.name for path in SEEDS.iterdir())
    for one in listed:
        text = (SEEDS / one["document"]).read_bytes().decode("utf-8")
        got = api.get(f"/v1/documents/{one['document']}").json
        assert (got["text"], got["start"], got["end"]) == (text, 0, len(text))
        assert got["characters"] == one["characters"] == len(text) and got["title"] == one["title"]


def test_a_row_of_a_corpus_in_a_folder_has_an_address(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "documents" / "more things"
    folder.mkdir(parents=True)
    (folder / "c.jsonl").write_text('{"id": "a/b 1", "title": "Wells", "text": "The well 🌊 is deep."}\n', "utf-8")
    inner = load_settings({"documents": tmp_path / "documents", "data": tmp_path / "data"}, environ={})
    with answering(open_chat(inner), inner) as api:
        [listed] = api.get("/v1/documents").json["documents"]
        got = api.get(f"/v1/documents/{urllib.parse.quote(listed['document'])}?start=9&end=10")
    assert listed["document"] == "more things/c.jsonl#a/b 1"
    assert got.status == 200 and len(got.json["text"]) == 1


def test_passages_come_with_their_words_best_first(api: Api) -> None:
    got = api.post("/v1/search", {"question": "technology transfer", "count": 3}).json
    assert len(got["passages"]) == 3
    assert [p["score"] for p in got["passages"]] == sorted((p["score"] for p in got["passages"]), reverse=True)
    for passage in got["passages"]:
        text = (SEEDS / passage["document"]).read_bytes().decode("utf-8")
        assert text[passage["start"] : passage["end"]] == passage["text"]
    assert len(api.post("/v1/search", {"question": "technology transfer"}).json["passages"]) == 8


def test_a_saved_answer_is_verified_as_the_command_verifies_it(api: Api, shell: None, tmp_path: Path) -> None:
    pincite("ask", QUESTION, "--receipt", "receipt.json")
    receipt = json.loads((tmp_path / "receipt.json").read_text("utf-8"))
    assert api.post("/v1/verify", receipt).json == pincite("verify", "receipt.json", "--json").json
    record = receipt["answer"]
    record["statements"][0]["citations"][0]["quote"] = "Never said."
    edited = api.post("/v1/verify", record).json
    assert edited["counts"]["stale"] == 1 and edited["citations"][0]["reason"].startswith("the receipt was edited")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("ask", b"{", "The request is not JSON. Send one JSON object."),
        ("ask", b"\xff", "not JSON"),
        ("ask", b"[" * 100_000, "not JSON"),
        ("ask", b"", "Send the fields question, history, backend, documents."),
        ("ask", b"[]", "Send the fields question, history, backend, documents."),
        ("ask", b"{}", "The field question is missing."),
        ("ask", b'{"question": 7}', "The field question cannot be used: it should be text."),
        ("ask", b'{"question": " ?! "}', "The question is empty."),
        ("ask", b'{"question": "\\ud800 what?"}', "not UTF-8 text"),
        ("ask", json.dumps({"question": "a" * 4001}).encode(), "4,001 characters. Ask it in at most 4,000."),
        ("ask", b'{"question": "x", "qestion": "y"}', "no field 'qestion'. The fields are: question, history, backend, documents."),
        ("ask", b'{"question": "x", "history": {}}', "The field history cannot be used: it should be a list."),
        ("ask", b'{"question": "x", "history": [{"role": "system", "content": "y"}]}', "history.0.role"),
        ("ask", json.dumps({"question": "x", "history": [{"role": "user", "content": ""}] * 201}).encode(), "at most 200"),
        ("ask", b'{"question": "x", "history": [{"role": "user", "content": "\\ud800"}]}', "item 1 holds half a character"),
        ("ask", b'{"question": "x", "backend": "openai:gpt-5"}', "Use one of: pincite, offline."),
        ("ask", b'{"question": "x", "backend": "compatible:http://10.0.0.1/v1"}', "Use one of: pincite, offline."),
        ("ask", b'{"question": "x", "backend": "offline,llamacpp:/etc/passwd"}', "Use one of: pincite, offline."),
        ("search", b'{"question": "x", "count": 41}', "The field count cannot be used: it should be less than or equal to 40."),
        ("verify", b"{}", "That is no saved answer: its schema is neither"),
        ("verify", b"7", "JSON"),
        ("verify", b'{"schema": "pincite.answer/1", "question": "\\ud800", "statements": []}', "half a character"),
        ("chat/completions", b'{"model": "pincite", "messages": []}', "The field messages cannot be used"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_meant_says_in_one_line_what_to_send(
    api: Api, path: str, body: bytes, says: str
) -> None:
    got = api.send("POST", f"/v1/{path}", body, {"content-type": "application/json"})
    assert got.status == 400, got
    assert says in got.message
    assert got.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("start=-1", "The field start cannot be used"),
        ("end=x", "The field end cannot be used: it should be a whole number."),
        ("start=99999", "start 99999 lies beyond the end: the document has "),
        ("end=99999", "end 99999 lies beyond the end"),
        ("start=9&end=3", "end 3 lies before start 9."),
        (f"start={'9' * 5000}", "The field start cannot be used"),
    ],
)
def test_offsets_outside_of_a_document_are_refused(api: Api, query: str, says: str) -> None:
    name = sorted(path.name for path in SEEDS.iterdir())[0]
    got = api.get(f"/v1/documents/{name}?{query}")
    assert (got.status, says in got.message) == (400, True), got


@pytest.mark.parametrize("name", ["nothing.txt", "..%2f..%2fpyproject.toml", "%00", "a" * 3000])
def test_a_document_that_is_not_in_the_index_is_not_found(api: Api, name: str) -> None:
    got = api.get(f"/v1/documents/{name}")
    assert (got.status, got.message) == (404, "There is no document of that id. Ask for the list of documents.")


def test_an_address_or_a_method_that_does_not_exist_says_where_to_look(api: Api) -> None:
    assert "GET /openapi.json" in api.get("/v1/nothing").message
    assert api.get("/docs").status == 404
    got = api.get("/v1/ask")
    assert (got.status, got.message) == (405, "This address does not know GET. Use POST.")


def test_the_description_for_tools_names_every_address_and_loads_nothing(api: Api) -> None:
    described: dict[str, Any] = api.get("/openapi.json").json
    assert set(described["paths"]) == {
        *("/v1/health", "/v1/documents", "/v1/documents/{document}", "/v1/search", "/v1/verify", "/v1/ask"),
        "/v1/documents/{document}/pages/{page}.png",
        *("/v1/models", "/v1/models/{name}", "/v1/chat/completions"),
    }
    assert set(described["components"]["schemas"]["Ask"]["properties"]) == {
        *("question", "history", "backend", "documents"),
    }
    # Of two models of one name FastAPI makes the input and the output of one.
    assert not [name for name in described["components"]["schemas"] if name.endswith(("-Input", "-Output"))]
    for operation in (one for path in described["paths"].values() for one in path.values()):
        assert "422" not in operation["responses"]
    guide = (ROOT / "docs" / "serving.md").read_text("utf-8")
    assert all(path.split("{")[0].rstrip("/") in guide for path in described["paths"])
    assert api.get("/v1/health").headers["x-content-type-options"] == "nosniff"


def test_a_page_of_a_pdf_is_a_picture_with_the_cited_words_marked(tmp_path: Path) -> None:
    folder = tmp_path / "documents" / "a folder"
    folder.mkdir(parents=True)
    text = ["The harbour bridge was opened in 1932.", "It is painted every ninth year."]
    pages = [
        [Words(60, 780, "Preface", 16, True), *lines(["This book is about bridges of the coast."], y=740)],
        lines(text),
    ]
    file = folder / "bridge.pdf"
    file.write_bytes(drawn(pages, labels="0 << /S /r >> 1 << /S /D >>"))
    (folder / "notes.txt").write_text("The bridge is closed on Mondays.", "utf-8")
    settings = load_settings({"documents": tmp_path / "documents", "data": tmp_path / "data"}, environ={})
    with answering(open_chat(settings), settings) as api:
        answer = api.post("/v1/ask", {"question": "When was the harbour bridge opened?"}).json
        cited = answer["statements"][0]["citations"][0]
        assert (cited["page"], cited["page_label"]) == (2, "1")
        address = f"/v1/documents/{urllib.parse.quote(cited['document'])}/pages"
        plain = api.get(f"{address}/2.png")
        marked = api.get(f"{address}/2.png?start={cited['start']}&end={cited['end']}")
        assert (plain.status, marked.status) == (200, 200) and marked.headers["content-type"] == "image/png"
        colours = [
            {colour for _, colour in Image.open(io.BytesIO(got.body)).getcolors(10_000)} for got in (plain, marked)
        ]
        assert (255, 214, 0) not in colours[0] and (255, 214, 0) in colours[1]
        assert api.get(f"{address}/3.png").status == 404 and api.get(f"{address}/x.png").status == 400
        assert api.get(f"/v1/documents/{urllib.parse.quote('a folder/notes.txt')}/pages/1.png").status == 400
        file.write_bytes(drawn([lines(["It was another bridge."]), lines(["It was another day."])]))
        changed = api.get(f"{address}/2.png?start={cited['start']}&end={cited['end']}")
        assert changed.status == 404 and "is not as it was indexed" in changed.message


def test_an_index_that_another_process_changes_is_answered_from_as_it_is_now(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "bridge.md").write_text("# The bridge\n\nThe harbour bridge was opened in 1932.\n", "utf-8")
    settings = load_settings({"documents": folder, "data": tmp_path / "data"}, environ={})
    with answering(open_chat(settings), settings) as api:
        assert "1932" in api.post("/v1/ask", {"question": "When was the harbour bridge opened?"}).json["text"]
        (folder / "bridge.md").write_text("# The bridge\n\nThe harbour bridge was opened in 1934.\n", "utf-8")
        assert pincite("ingest", "--documents", folder, "--data", settings.data).code == 0
        assert "1934" in api.post("/v1/ask", {"question": "When was the harbour bridge opened?"}).json["text"]
