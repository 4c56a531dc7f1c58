"""What a server, an index and a batch of questions withstand, measured on processes of their own."""

import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

QUESTION = "When was the harbour bridge opened?"
HALF = b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
ROUTES = ("/", "/config", "/gradio_api/queue/data?session_hash=s", "/gradio_api/heartbeat/s", "/v1/documents", "/exam")
POSTED = ("/gradio_api/queue/join", "/gradio_api/cancel", "/v1/ask", "/exam/start")
FOREIGN = ({"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:1"}, {"sec-fetch-site": "cross-site"},
           {"sec-fetch-site": "same-site"}, {"host": "evil.example"})  # fmt: skip
START_S, STOP_S = 300, 60


def measure_robustness(questions: int, connections: int, damages: int) -> dict[str, Any]:
    """Ratios are shares of what was tried: `foreign_refused` of forged requests, `answered_while_held` of questions
    asked beside half-sent connections, `damage_healed_or_named` of damages. Raw counts, and what the server held
    before and after so many questions.
    """
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "seeds").mkdir()
        (folder / "seeds" / "bridge.md").write_text("# The bridge\n\nThe harbour bridge was opened in 1932.\n", "utf-8")
        _run("ingest", folder)
        raw: dict[str, Any] = {}
        with _serving("serve", folder) as (process, port):
            raw |= {f"serve_{name}": value for name, value in _many(process, port, questions).items()}
            asked, answered = _held(port, connections)
        raw |= {"held_connections": connections, "asked_while_held": asked, "answered_while_held": answered}
        with _serving("chat", folder) as (_, port):
            sent, refused = _forged(port)
        raw |= {"forged": sent, "forged_refused": refused}
        tried, healed = _damaged(folder, damages)
        raw |= {"damages": tried, "damages_healed_or_named": healed, **_folder_faults(folder)}
    return {
        "ratio": {
            "answered_while_held": answered / asked,
            "foreign_refused": refused / sent,
            "damage_healed_or_named": healed / tried,
        },
        "raw": raw,
    }


def table(result: Mapping[str, Any]) -> list[list[str]]:
    """The figures, for reading."""
    figures = {**result["ratio"], **result["raw"]}
    return [["measured", "value"], *([name.replace("_", " "), f"{value:g}"] for name, value in figures.items())]


def _many(process: "subprocess.Popen[bytes]", port: int, questions: int) -> dict[str, int]:
    """Memory in MB, threads and descriptors of a server after a twentieth of the questions and after all."""
    found: dict[str, int] = {"questions": questions, "failed": 0}
    for number in range(questions):
        found["failed"] += _ask(port, f"{QUESTION} {number}") != 200
        if number == questions // 20:
            found |= {f"{name}_before": value for name, value in _used(process.pid).items()}
    return found | {f"{name}_after": value for name, value in _used(process.pid).items()}


def _held(port: int, connections: int) -> tuple[int, int]:
    asked = answered = 0
    with contextlib.ExitStack() as held:
        for number in range(connections):
            with contextlib.suppress(OSError):
                connection = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=START_S))
                connection.sendall(HALF)
            if number % 100 == 99:
                asked += 1
                answered += _ask(port, QUESTION) == 200
    return asked, answered


def _forged(port: int) -> tuple[int, int]:
    sent = [("GET", path) for path in ROUTES] + [("POST", path) for path in POSTED]
    own = {"host": f"127.0.0.1:{port}", "content-type": "application/json"}
    statuses = [_status(port, method, path, {**own, **foreign}) for method, path in sent for foreign in FOREIGN]
    return len(statuses), sum(status in (400, 403) for status in statuses)


def _damaged(folder: Path, most: int) -> tuple[int, int]:
    """Files of the index with a flipped byte, cut off in the middle, or deleted: all, or `most` picked by chance."""
    sound, chance, healed = folder / ".pincite", random.Random(29), 0
    expected = json.loads(_run("ask", folder, QUESTION, "--json").stdout)["text"]
    kept = Path(shutil.copytree(sound, folder / "sound"))
    files = sorted(path for path in kept.rglob("*") if path.is_file() and path.stat().st_size)
    damages = [(path, kind) for path in files for kind in ("flipped", "cut off", "deleted")]
    damages = chance.sample(damages, min(most, len(damages)))
    for path, kind in damages:
        shutil.rmtree(sound)
        shutil.copytree(kept, sound)
        target, data = sound / path.relative_to(kept), bytearray(path.read_bytes())
        data[chance.randrange(len(data))] ^= 0xFF
        if kind == "deleted":
            target.unlink()
        else:
            target.write_bytes(data if kind == "flipped" else data[: len(data) // 2])
        ran = _run("ask", folder, QUESTION, "--json")
        named = ran.returncode == 1 and b"elete" in ran.stderr and b"Traceback" not in ran.stderr
        healed += named or (ran.returncode == 0 and json.loads(ran.stdout)["text"] == expected)
    shutil.rmtree(sound)
    shutil.copytree(kept, sound)
    return len(damages), healed


def _folder_faults(folder: Path) -> dict[str, int]:
    """Exit codes of an ingest beside a file that may not be read, and of one into a folder that may not be written.

    The superuser may do both.
    """
    locked = folder / "seeds" / "locked.txt"
    locked.write_text("Nobody reads this.\n", "utf-8")
    locked.chmod(0)
    beside = _run("ingest", folder).returncode
    locked.unlink()
    data = folder / ".pincite"
    for path in (*data.rglob("*"), data):
        path.chmod(0o555 if path.is_dir() else 0o444)
    read_only = _run("ask", folder, QUESTION).returncode
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return {"exit_code_locked_file": beside, "exit_code_read_only_data": read_only}


def _used(pid: int) -> dict[str, int]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
    return {
        "mb": int(status["VmRSS"].split()[0]) // 1024,
        "threads": int(status["Threads"]),
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
    }


def _ask(port: int, question: str) -> int:
    body = json.dumps({"question": question})
    return _status(port, "POST", "/v1/ask", {"content-type": "application/json"}, body)


def _status(port: int, method: str, path: str, headers: Mapping[str, str], body: str = "{}") -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=STOP_S)) as connection:
        connection.request(method, path, body if method == "POST" else None, dict(headers))
        with connection.getresponse() as response:
            return response.status


def _run(command: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(_words(command, *words), cwd=folder, env=_environ(), capture_output=True, check=False)


@contextlib.contextmanager
def _serving(command: str, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        _words(command, "--port", str(port)),
        cwd=folder,
        env=_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            assert process.stdout
            process.stdout.readline()  # it says where it answers
            deadline = time.monotonic() + START_S
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    if _status(port, "GET", "/v1/health", {}) == 200:
                        break
                time.sleep(0.1)
            yield process, port
        finally:
            process.terminate()


def _words(command: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "ui", command, *words]


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
