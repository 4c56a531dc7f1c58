"""Which backends may be chosen: every one by this machine's user, only what the settings permit by others."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from commands import ROOT

from rag.errors import UnknownBackend
from rag.settings import Settings, load_settings
from ui.permitted import chosen, offered, permitted, spec_of, usable

KEYS = {"OPENAI_API_KEY": "x", "OPENROUTER_API_KEY": "x", "PINCITE_BACKEND": "openai:big, offline"}


def served_on(host: str, **environ: str) -> Settings:
    return load_settings({"host": host}, {**KEYS, **environ})


# In a process of its own, since the web framework leaves event loops open in this one.
PICKERS = """
import json, tempfile
from scripted_chat import ScriptedChat, document
from test_permitted import served_on
from ui.web.page import build_page
rivers = document("rivers.txt", "The Alder rises in the north.")
for host in ("127.0.0.1", "0.0.0.0"):
    page = build_page(ScriptedChat({rivers.id: rivers}), served_on(host, PINCITE_DATA=tempfile.mkdtemp()))
    parts = [part["props"] for part in page.blocks.config["components"]]
    print(json.dumps([part for part in parts if part.get("elem_id") in ("backend", "beside")], default=str))
"""


def pickers() -> list[list[dict[str, Any]]]:
    """The two lists of backends on a page for this machine, and on one for others."""
    paths = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    ran = subprocess.run(
        [sys.executable, "-c", PICKERS], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, check=True
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_what_is_permitted_is_the_settings_own_backend_the_free_one_and_what_they_allow_besides() -> None:
    assert permitted(load_settings({}, {})) == ("offline",)
    assert permitted(served_on("127.0.0.1")) == ("openai:big", "offline")
    settings = served_on("127.0.0.1", PINCITE_ALLOW_BACKENDS=" mistral:large , OpenAI:small,")
    assert permitted(settings) == ("openai:big", "offline", "mistral:large", "openai:small")
    assert usable(settings) == ["openai:big", "offline", "openai:small"]


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        (None, "openai:big, offline"),
        ("", "openai:big, offline"),
        (" Pincite ", "openai:big, offline"),
        ("offline", "offline"),
        ("OFFLINE,openai:big,offline", "offline,openai:big"),
    ],
)
def test_a_name_is_taken_for_what_it_means(named: str | None, meant: str) -> None:
    assert spec_of(named, served_on("127.0.0.1")) == meant


@pytest.mark.parametrize(
    "named", ["openai:BIG", "openai", "openai:big/../x", "llamacpp:/etc/passwd", "offline,", "x" * 300]
)
def test_a_name_that_is_not_permitted_is_refused(named: str) -> None:
    with pytest.raises(UnknownBackend):
        spec_of(named, served_on("127.0.0.1"))


def test_a_page_for_this_machine_offers_everything_and_one_for_others_only_what_is_permitted() -> None:
    here, others = served_on("127.0.0.1"), served_on("0.0.0.0")
    assert {"openai:big, offline", "offline"} < set(offered(here))
    assert offered(others) == ["openai:big, offline", "openai:big", "offline"]
    for any_backend, settings, (backend, beside) in zip((True, False), (here, others), pickers(), strict=True):
        assert (backend["allow_custom_value"], beside["allow_custom_value"]) == (any_backend, any_backend)
        assert [value for _, value in backend["choices"]] == offered(settings)
    assert chosen("openrouter:any", here) == "openrouter:any"
    with pytest.raises(UnknownBackend, match="may not be chosen here"):
        chosen("openrouter:any", others)
