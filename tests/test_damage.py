"""An index of which any one file was damaged: the same answer as before, or one line that says what to delete."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Ran, alone_in, pincite

QUESTION = "When was the harbour bridge opened?"
# More rows than Chroma keeps in its log, so that there are files of vectors.
ROWS = 280


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(1 + len(data) // 2_000):
        changed[chance.randrange(len(changed))] ^= 0xFF
    return bytes(changed)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "flipped": lambda data, chance: _flipped(data, chance) if data else b"\xdd\xdd",
    "cut off": lambda data, chance: data[: chance.randrange(len(data) // 2 + 1)],
    "deleted": lambda data, chance: None,
}


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished index, never touched."""
    alone_in(tmp_path, monkeypatch)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "bridge.md").write_text("# The bridge\n\nThe harbour bridge was opened in 1932.\n")
    rows = (json.dumps({"id": n, "text": f"Lamp {n} burns {n * 7} hours."}) for n in range(ROWS))
    (tmp_path / "seeds" / "lamps.jsonl").write_text("\n".join(rows))
    assert pincite("ingest", "--data", "sound").code == 0
    return tmp_path / "sound"


def answer(ran: Ran) -> object:
    record = ran.json
    return [record["status"], record["text"], [s["citations"] for s in record["statements"]]]


@pytest.mark.slow
def test_any_damaged_file_is_healed_or_named(sound: Path) -> None:
    expected = answer(pincite("ask", QUESTION, "--json", "--data", sound))
    chance = random.Random(29)
    # SQLite's shared memory and log come and go with whoever has the file open.
    passing = (".lock", "-shm", "-wal")
    files = sorted(p.relative_to(sound) for p in sound.rglob("*") if p.is_file() and not p.name.endswith(passing))
    assert len(files) > 12
    for file in files:
        # Tantivy's many files are watched over in one way, so one damage each will do.
        kinds = [chance.choice(list(DAMAGES))] if file.parts[0].startswith("lexical") else list(DAMAGES)
        for kind in kinds:
            what = f"{file} {kind}"
            data = Path("damaged")
            shutil.copytree(sound, data)
            changed = DAMAGES[kind]((data / file).read_bytes(), chance)
            (data / file).unlink() if changed is None else (data / file).write_bytes(changed)
            ran = pincite("ask", QUESTION, "--json", "--data", data)
            if ran.code == 0:
                assert answer(ran) == expected, what
            else:
                assert (ran.code, len(ran.lines)) == (1, 1), f"{what}: {ran.error}"
                assert "elete" in ran.error and "Traceback" not in ran.error, f"{what}: {ran.error}"
            shutil.rmtree(data)


def test_a_damaged_seal_is_written_again_with_one_line(sound: Path, caplog: pytest.LogCaptureFixture) -> None:
    seal = sound / "chroma" / "pincite.seal"
    before = seal.read_bytes()
    seal.write_bytes(b"\xdd\xdd")
    assert "1932" in pincite("ask", QUESTION, "--data", sound).text
    assert [record.message for record in caplog.records] == [f"pincite: {seal} was damaged, so it is written again."]
    assert json.loads(seal.read_bytes()).keys() == json.loads(before).keys()


def test_a_damaged_word_index_is_built_again_with_one_line(sound: Path, caplog: pytest.LogCaptureFixture) -> None:
    terms = next(sound.glob("lexical-*/*.term"))
    terms.write_bytes(bytes(byte ^ 0xFF for byte in terms.read_bytes()))
    assert pincite("ingest", "--data", sound).code == 0
    [record] = caplog.records
    assert record.message.startswith(f"pincite: The word index {terms.parent} ")
    assert record.message.endswith("so it is built again.")
    assert "1932" in pincite("ask", QUESTION, "--data", sound).text
    assert len(caplog.records) == 1
