"""Settings: every name and value is checked before anything starts, and nothing that may be a key is printed."""

import os
from pathlib import Path

import pytest
from commands import ROOT, alone_in, pincite

from rag.errors import SettingsError
from rag.settings import PREFIX, PROVIDER_NAMES, Settings, load_settings

SECRET = "sk-recognisable-0123456789"
FIELDS = [name for name in Settings.model_fields if name != "providers"]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone_in(tmp_path, monkeypatch)


def example() -> str:
    """What `.env.example` should be."""
    lines = [
        "# Copy this file to .env, take away the # before what you want to change, and change it.",
        "# The environment goes before this file, and what is typed after a command goes before both.",
    ]
    defaults = load_settings({}, {})
    for name in FIELDS:
        value = getattr(defaults, name)
        shown = "" if value is None or name == "compatible_keys" else value
        lines += ["", f"# {Settings.model_fields[name].description}", f"#{PREFIX}{name.upper()}={shown}"]
    lines += ["", "# The providers' own names. docs/backends.md says which backend needs which."]
    lines += [f"#{name}=" for name in PROVIDER_NAMES]
    return "\n".join(lines) + "\n"


def test_the_example_file_holds_every_setting_with_its_default_and_every_providers_name() -> None:
    assert (ROOT / ".env.example").read_text("utf-8") == example()


def test_every_setting_says_what_it_is() -> None:
    assert all(str(Settings.model_fields[name].description).endswith(".") for name in FIELDS)


def test_a_name_that_is_no_setting_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(SettingsError, match=r"^PINCITE_PROT is not a setting\. Did you mean PINCITE_PORT\?$"):
        load_settings({}, {"PINCITE_PROT": "7861"})
    with pytest.raises(SettingsError, match=r"^PINCITE_XYZZY is not a setting\. Known names: PINCITE_ABSTAIN_BELOW, "):
        load_settings({}, {"PINCITE_XYZZY": "1"})


def test_the_providers_field_cannot_be_set_from_outside() -> None:
    with pytest.raises(SettingsError, match="PINCITE_PROVIDERS is not a setting"):
        load_settings({}, {"PINCITE_PROVIDERS": "{}"})


@pytest.mark.parametrize(
    "name",
    ["PORT", "CHUNK_TOKENS", "PASSAGES", "SHOW", "TIMEOUT_S", "RETRIES", "CONTEXT_TOKENS", "COMPATIBLE", "CHROMA_URL"],
)
def test_a_value_that_makes_no_sense_is_refused_by_name_and_never_printed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name, SECRET)
    ran = pincite("backends")
    assert ran.code == 1
    assert len(ran.lines) == 1
    assert ran.error.startswith(f"pincite: {PREFIX}{name} has an unusable value: it should ")
    assert "Change it in the environment or in .env." in ran.error
    assert SECRET not in ran.error


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "abc", "it should be a whole number from 1 to 65535, not 'abc'. The default is 7860."),
        ("PASSAGES", "1.5", "it should be a whole number from 1 to 40, not '1.5'. The default is 8."),
        ("TIMEOUT_S", "soon", "it should be a number above 0, at most 3600, not 'soon'. The default is 60.0."),
        ("ABSTAIN_BELOW", "50%", "it should be a number from 0 to 1, not '50%'. Change"),
        ("SHOW", "all", "it should be withhold, mark or strict, not 'all'. The default is withhold."),
        ("CHROMA_URL", "here:8000", "it should be an address that begins with http:// or https://, such as "),
        ("COMPATIBLE", "here:8000", "it should be NAME=URL, several separated by commas, such as "),
    ],
)
def test_an_unusable_value_is_named_with_what_to_type_instead(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({}, {PREFIX + name: value})
    assert says in str(refused.value)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "7860.5", "nan", "٠"])
def test_a_port_out_of_range_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="PINCITE_PORT has an unusable value"):
        load_settings({}, {"PINCITE_PORT": value})


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-3", "4000"])
def test_a_wait_without_end_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="PINCITE_TIMEOUT_S has an unusable value"):
        load_settings({}, {"PINCITE_TIMEOUT_S": value})


def test_a_value_typed_after_a_command_is_named_as_it_was_typed() -> None:
    ran = pincite("ask", "Who?", "--backend", "")
    assert ran.code == 1
    assert ran.error.startswith("pincite: --backend has an unusable value: it should have at least 1 character")


def test_an_empty_value_in_the_environment_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_PORT", "")
    assert load_settings().port == 7860


def test_the_file_gives_way_to_the_environment_and_both_to_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PINCITE_PORT=1001\nPINCITE_HOST=file\nPINCITE_DATA=file\n", "utf-8")
    monkeypatch.setenv("PINCITE_HOST", "environment")
    monkeypatch.setenv("PINCITE_DATA", "environment")
    settings = load_settings({"data": Path("typed"), "documents": None})
    assert (settings.port, settings.host, settings.data) == (1001, "environment", Path("typed"))
    assert settings.documents == Path("seeds")


def test_an_environment_that_is_handed_over_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCITE_PORT", "1001")
    assert load_settings({}, {}).port == 7860


def test_a_key_is_read_from_the_file_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"# mine\nexport OPENAI_API_KEY='{SECRET}'\nSOMETHING_ELSE=1\n", "utf-8")
    assert load_settings().provider("OPENAI_API_KEY") == SECRET
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    assert load_settings().provider("OPENAI_API_KEY") == "another"


def test_a_key_in_the_file_makes_its_backend_usable_and_stays_hidden() -> None:
    Path(".env").write_text(f"OPENAI_API_KEY={SECRET}\n", "utf-8")
    ran = pincite("backends", "--json")
    assert ran.code == 0
    assert {row["name"]: row["usable"] for row in ran.json}["openai"] is True
    assert SECRET not in ran.text + ran.error


def test_settings_print_without_their_keys() -> None:
    settings = load_settings({}, {"OPENAI_API_KEY": SECRET, "PINCITE_COMPATIBLE_KEYS": f"mine={SECRET}"})
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_file_with_a_byte_order_mark_is_read_from_its_first_name_on() -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfPINCITE_PORT=1001\n")
    assert load_settings().port == 1001


def test_a_file_in_another_encoding_is_refused_in_one_line() -> None:
    Path(".env").write_bytes("PINCITE_HOST=café".encode("latin-1"))
    ran = pincite("backends")
    assert (ran.code, len(ran.lines)) == (1, 1)
    assert ".env cannot be read as UTF-8 text. Save it as UTF-8" in ran.error


def test_a_misspelt_name_in_the_file_is_refused() -> None:
    Path(".env").write_text("PINCITE_BACKENDS=offline\n", "utf-8")
    ran = pincite("backends")
    assert ran.code == 1
    assert ran.error == "pincite: PINCITE_BACKENDS is not a setting. Did you mean PINCITE_BACKEND?\n"


def test_names_in_lower_case_count_as_well() -> None:
    assert load_settings({}, {"pincite_port": "1001"}).port == 1001


def test_reading_settings_changes_nothing_in_the_environment() -> None:
    before = dict(os.environ)
    Path(".env").write_text("PINCITE_PORT=1001\nOPENAI_API_KEY=x\n", "utf-8")
    load_settings()
    assert dict(os.environ) == before
