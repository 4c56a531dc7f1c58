"""`pincite mcp`, spoken to by the protocol's own client over real standard input and output."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT, SEEDS, alone_in, one_document, pincite, process
from http_door import eventually, without_times
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult
from servers.openai import OpenAIWire
from servers.scripted import Reply, serving

from rag.settings import Settings

QUESTION = "What are the key steps in technology transfer?"
BRIDGE = "When was the harbour bridge opened?"


def talking(
    talk: Callable[[Client], Awaitable[None]],
    folder: Path,
    words: Sequence[str] = ("mcp",),
    errors: Path | None = None,
    **environ: str,
) -> None:
    """One client's conversation with a server that works in `folder`; `errors` gets its standard error."""

    async def whole() -> None:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "ui", *words], cwd=folder, env={"PYTHONPATH": str(ROOT), **environ}
        )
        with closing((errors or Path(os.devnull)).open("w")) as log:
            async with Client(stdio_client(server, errlog=log)) as client:
                await talk(client)

    asyncio.run(asyncio.wait_for(whole(), 60))


def text_of(result: CallToolResult) -> str:
    [content] = result.content
    assert content.type == "text"
    return content.text


def error_of(result: CallToolResult) -> str:
    """The one line of a result that is an error."""
    assert result.is_error and result.structured_content is None
    assert "\n" not in text_of(result) and "Traceback" not in text_of(result)
    return text_of(result)


def place(settings: Settings) -> dict[str, str]:
    return {"PINCITE_DOCUMENTS": str(settings.documents), "PINCITE_DATA": str(settings.data)}


def test_an_agent_can_ask_look_read_and_verify_and_is_told_in_a_line_what_goes_wrong(
    seeds_index: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone_in(tmp_path, monkeypatch, **place(seeds_index))
    printed = pincite("ask", QUESTION, "--json").json
    listed = pincite("show").text.splitlines()

    async def talk(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["ask", "search", "read", "documents", "verify"]
        for tool in tools.values():
            assert tool.description and tool.title and tool.annotations and tool.annotations.read_only_hint
            assert tool.output_schema and tool.input_schema["additionalProperties"] is False
        progress: list[float] = []

        async def told(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        asked = await client.call_tool("ask", {"question": QUESTION}, progress_callback=told)
        record = asked.structured_content
        assert without_times(record) == without_times(printed)
        assert progress == [float(n + 1) for n in range(len(record["statements"]) + len(record["withheld"]))]
        assert text_of(asked).startswith(f"{record['statements'][0]['text']} [1]") and "**Sources**" in text_of(asked)
        refused = await client.call_tool("ask", {"question": "Who won the chess championship of 2031?"})
        assert (refused.is_error, refused.structured_content["status"]) == (False, "abstained")
        greeted = await client.call_tool("ask", {"question": "Hello!", "history": json.dumps([])})
        assert greeted.structured_content["notices"][0]["code"] == "greeting"

        cited = record["statements"][0]["citations"][0]
        part = {name: cited[name] for name in ("document", "start", "end")}
        assert (await client.call_tool("read", part)).structured_content["text"] == cited["quote"]
        longest = max(SEEDS.iterdir(), key=lambda path: path.stat().st_size)
        whole = await client.call_tool("read", {"document": longest.name})
        text = longest.read_bytes().decode("utf-8")
        assert whole.structured_content["text"] == text[:20_000] and "(Go on with start=20000.)" in text_of(whole)
        rest = await client.call_tool("read", {"document": longest.name, "start": 20_000})
        assert rest.structured_content["text"] == text[20_000:] and "Go on" not in text_of(rest)

        found = (await client.call_tool("search", {"question": "technology transfer", "count": 2})).structured_content
        assert len(found["passages"]) == 2
        for passage in found["passages"]:
            source = (SEEDS / passage["document"]).read_bytes().decode("utf-8")
            assert source[passage["start"] : passage["end"]] == passage["text"]
        documents = (await client.call_tool("documents", {})).structured_content["documents"]
        assert [f"{d['document']}\t{d['characters']}\t{d['title']}" for d in documents] == listed
        verified = await client.call_tool("verify", {"answer": record})
        assert {c["state"] for c in verified.structured_content["citations"]} == {"holds"}
        assert text_of(verified).endswith(" still hold.")

        # What goes wrong is a result of one line, and the next call works.
        for name, arguments, says in (
            ("ask", {}, "The field question is missing."),
            ("ask", {"question": 7}, "The field question cannot be used: it should be text."),
            ("ask", {"question": " "}, "The question is empty."),
            ("ask", {"question": "x?", "qestion": "y"}, "There is no field 'qestion'. The fields are: question, "),
            ("ask", {"question": "x?", "history": "no list"}, "The field history cannot be used: it should be a list."),
            ("ask", {"question": "x?", "backend": "openai:gpt-5"}, "Use one of: pincite, offline."),
            ("search", {"question": "x", "count": 0}, "The field count cannot be used"),
            ("read", {"document": "../pyproject.toml"}, "There is no document of that id."),
            ("read", {"document": sorted(p.name for p in SEEDS.iterdir())[0], "end": 99_999}, "lies beyond the end"),
            ("verify", {"answer": {}}, "That is no saved answer"),
            ("delete", {}, "There is no tool called 'delete'. There are: ask, search, read, documents, verify."),
        ):
            assert says in error_of(await client.call_tool(name, arguments)), (name, arguments)
        assert not (await client.call_tool("documents", {})).is_error

    guide = (ROOT / "docs" / "serving.md").read_text("utf-8")
    configured = json.loads(re.findall(r"^```json\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)[0])
    [server] = configured["mcpServers"].values()
    assert server["command"] == "pincite" and server["args"].count("FOLDER") == 2
    folders = iter([str(seeds_index.documents), str(seeds_index.data)])
    talking(talk, tmp_path, [next(folders) if word == "FOLDER" else word for word in server["args"]])


def test_a_missing_index_is_built_first_and_a_changed_folder_is_said_with_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_document(tmp_path, monkeypatch)

    async def talk(client: Client) -> None:
        first = await client.call_tool("ask", {"question": BRIDGE})
        assert "1932" in text_of(first) and "changed since indexing" not in text_of(first)
        (tmp_path / "seeds" / "tower.md").write_text("# The tower\n\nThe tower is 96 metres high.\n", "utf-8")
        for name, arguments in (("ask", {"question": BRIDGE}), ("documents", {}), ("search", {"question": BRIDGE})):
            line = text_of(await client.call_tool(name, arguments)).splitlines()[-1]
            assert line == "Note: 1 file has changed since indexing. Type: pincite ingest"
        assert pincite("ingest").code == 0
        listed = text_of(await client.call_tool("documents", {}))
        assert "tower.md" in listed and "changed since indexing" not in listed

    talking(talk, tmp_path, errors=tmp_path / "log")
    assert (tmp_path / "log").read_text() == "Indexing seeds for the first time.\n"


def test_a_call_that_is_called_off_hangs_up_on_the_language_model_and_one_that_fails_has_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_document(tmp_path, monkeypatch)
    pieces = ("The harbour bridge was opened in 1932. [1.1]", *(f" It is item {n}. [1.1]" for n in range(300)))
    with serving(OpenAIWire(), Reply(pieces=pieces, pace_s=0.05)) as model:

        async def talk(client: Client) -> None:
            begun = asyncio.Event()

            async def told(done: float, total: float | None, message: str | None) -> None:
                begun.set()

            call = asyncio.create_task(client.call_tool("ask", {"question": BRIDGE}, progress_callback=told))
            await asyncio.wait_for(begun.wait(), 20)
            call.cancel()
            await asyncio.to_thread(eventually, model.hung_up.is_set)
            assert model.pieces_sent < 250
            model.rehearse(Reply(status=500, message="the provider's own words"))
            assert "the provider's own words" in error_of(await client.call_tool("ask", {"question": BRIDGE}))
            assert not (await client.call_tool("ask", {"question": BRIDGE, "backend": "offline"})).is_error

        environ = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": f"{model.url}/v1", "PINCITE_BACKEND": "openai:some"}
        talking(talk, tmp_path, PINCITE_RETRIES="0", **environ)


def test_a_folder_that_is_not_there_ends_it_at_once_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone_in(tmp_path, monkeypatch)
    ran = pincite("mcp")
    assert (ran.code, ran.text, len(ran.lines)) == (1, "", 1)
    assert ran.lines[0].startswith("pincite: The documents folder 'seeds' does not exist.")


def test_standard_output_carries_the_protocol_alone_and_a_torn_line_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_document(tmp_path, monkeypatch)
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    said: list[Any] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        "{torn",
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "ask", "arguments": {"question": BRIDGE}},
        },
    ]
    server = process("mcp", stdin=subprocess.PIPE)
    with server:
        assert server.stdin and server.stdout
        for line in said:
            server.stdin.write((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n")
        server.stdin.flush()
        answers: dict[Any, Any] = {}
        while 2 not in answers:
            message = json.loads(server.stdout.readline())
            answers[message.get("id")] = message
        server.stdin.close()
        assert server.wait(timeout=600) == 0
        assert server.stdout.read() == b""
    assert answers[1]["result"]["serverInfo"]["name"] == "pincite" and answers[1]["result"]["instructions"]
    assert answers[2]["result"]["structuredContent"]["status"] == "answered"


def test_a_signal_ends_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_document(tmp_path, monkeypatch)
    server = process("mcp", stdin=subprocess.PIPE)
    with server:
        assert server.stdin and server.stdout
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
        server.stdin.write(line.encode() + b"\n")
        server.stdin.flush()
        assert server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=600) == 0
