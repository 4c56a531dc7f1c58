"""Every setting, from the environment and `.env`, checked by name and value before anything starts."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rag.errors import SettingsError
from rag.expected import expected

PREFIX = "PINCITE_"
ENV_FILE = Path(".env")

# The providers' own names, accepted from the environment and from `.env` as their documentation spells them. Any
# other name that ends in _API_KEY is accepted too, for backends that other packages add.
PROVIDER_NAMES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_ENDPOINT",
    "OPENAI_API_VERSION",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "GOOGLE_API_KEY",
    "GOOGLE_GEMINI_BASE_URL",
    "MISTRAL_API_KEY",
    "MISTRAL_BASE_URL",
    "OPENROUTER_API_KEY",
    "OPENROUTER_BASE_URL",
    "OLLAMA_HOST",
)


class Settings(BaseSettings):
    """How this Pincite is set up. Built once at the edge by `load_settings` and passed down."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    documents: Path = Field(Path("seeds"), description="Folder of documents to answer from.")
    data: Path = Field(Path(".pincite"), description="Folder for the index; safe to delete, it is built again.")
    backend: str = Field(
        "offline",
        min_length=1,
        description="Who writes the answers: offline, or NAME:MODEL; several separated by commas, best first.",
    )
    embedder: str = Field(
        "minilm",
        min_length=1,
        description="What makes vectors of text: minilm (bundled), or openai:, fastembed:, huggingface:, ollama:MODEL.",
    )
    reranker: str = Field(
        "reader",
        min_length=1,
        description="What re-ranks passages: reader (bundled, after MaxSim), maxsim, none, or cross-encoder:MODEL.",
    )
    reader: str = Field(
        "bundled",
        min_length=1,
        description="What judges whether passages answer and statements are supported: bundled, or onnx:FOLDER.",
    )
    verifier: str = Field(
        "reader",
        min_length=1,
        description="What decides the verdicts people see: reader, judge:BACKEND, nli:FOLDER or none.",
    )
    chunk_tokens: int = Field(256, ge=40, le=400, description="Largest size of a chunk, in tokens.")
    passages: int = Field(8, ge=1, le=40, description="How many passages an answer may draw on.")
    show: Literal["withhold", "mark", "strict"] = Field(
        "withhold",
        description="What becomes of statements that fail their check: withhold, mark, or strict (withhold all of it).",
    )
    abstain_below: float | None = Field(
        None,
        ge=0,
        le=1,
        description="No answer when it is less probable than this, from 0 to 1, that the passages hold one. Unset: the "
        "offline backend's measured point, and a language model decides itself.",
    )
    timeout_s: float = Field(60.0, gt=0, le=3600, description="Seconds to wait for a language model's next words.")
    deadline_s: float = Field(
        0.0, ge=0, le=86_400, description="Seconds a language model's whole reply may take; 0: five times TIMEOUT_S."
    )
    retries: int = Field(2, ge=0, le=10, description="How often a request that a language model failed is tried again.")
    context_tokens: int = Field(
        0, ge=0, le=10_000_000, description="Tokens a language model reads at most; 0 asks the table or the server."
    )
    compatible: str = Field(
        "",
        pattern=r"^(\s*[A-Za-z0-9_-]+\s*=\s*https?://[^\s,]+\s*(,|$))*$",
        description="Servers that speak OpenAI's protocol, NAME=URL separated by commas, for compatible:NAME.",
    )
    compatible_keys: SecretStr = Field(
        SecretStr(""), description="Their keys where they need one, NAME=KEY separated by commas."
    )
    threads: int = Field(0, ge=0, le=256, description="Processor threads for the bundled model; 0 lets it choose.")
    chroma_url: str | None = Field(
        None, pattern=r"^https?://", description="Address of a Chroma server to use instead of the data folder."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address the page and the HTTP API are served on.")
    port: int = Field(7860, ge=1, le=65535, description="Port the page and the HTTP API are served on.")
    token: SecretStr | None = Field(
        None,
        description="Password of the HTTP API, 16 or more letters, digits and signs; pincite serve needs one when "
        "other machines can reach it.",
    )
    allow_backends: str = Field(
        "",
        description="Backends that callers of the HTTP API and of the MCP server may name besides PINCITE_BACKEND and "
        "offline, separated by commas.",
    )
    providers: dict[str, SecretStr] = Field(default_factory=dict, exclude=True, repr=False)

    @field_validator("token")
    @classmethod
    def _not_guessed(cls, token: SecretStr | None) -> SecretStr | None:
        """A token must stand in a header, and must not be found by trying."""
        if token and not re.fullmatch(r"[!-~]{16,1024}", token.get_secret_value()):
            raise PydanticCustomError("token", "Input should be 16 or more letters, digits and signs without spaces")
        return token

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` gives: it has read the environment and `.env` itself, and checked the names."""
        return (init_settings,)

    def provider(self, name: str) -> str | None:
        """A provider's own setting such as OPENAI_API_KEY, or None when it is unset or empty."""
        secret = self.providers.get(name)
        return secret.get_secret_value() or None if secret else None

    @property
    def reply_deadline_s(self) -> float:
        """Seconds that a language model's whole reply may take."""
        return self.deadline_s or 5 * self.timeout_s

    def compatible_servers(self) -> dict[str, str]:
        """The addresses in `compatible`, by name."""
        return _pairs(self.compatible)

    def compatible_key(self, name: str) -> SecretStr:
        """The key of a compatible server; servers that need none accept any."""
        return SecretStr(_pairs(self.compatible_keys.get_secret_value()).get(name, "none"))

    def secrets(self) -> tuple[str, ...]:
        """Every key, none of which may appear in any message."""
        keys = [secret.get_secret_value() for name, secret in self.providers.items() if name.endswith("_KEY")]
        token = [self.token.get_secret_value()] if self.token else []
        return (*keys, *token, *_pairs(self.compatible_keys.get_secret_value()).values())


def load_settings(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `.env`, then the environment, then `overrides` (None values are skipped); the last one wins.

    Raises SettingsError naming the variable, and of its value only what cannot be a key.
    """
    named = {**_env_file(), **(os.environ if environ is None else environ)}
    fields = {name for name in Settings.model_fields if name != "providers"}
    ours = {name: value for name, value in named.items() if name.upper().startswith(PREFIX)}
    for name in ours:
        bare = name.upper().removeprefix(PREFIX).lower()
        if bare not in fields:
            close = difflib.get_close_matches(bare, fields, n=1)
            known = ", ".join(PREFIX + field.upper() for field in sorted(fields))
            hint = f"Did you mean {PREFIX}{close[0].upper()}?" if close else f"Known names: {known}."
            raise SettingsError(f"{name} is not a setting. {hint}")
    values: dict[str, Any] = {
        name.upper().removeprefix(PREFIX).lower(): value for name, value in ours.items() if value != ""
    }
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    values["providers"] = {
        name: value for name, value in named.items() if value and (name in PROVIDER_NAMES or name.endswith("_API_KEY"))
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        name = str(first["loc"][0])
        wanted = expected(name, Settings.model_fields[name], first, values[name])
        if (overrides or {}).get(name) is not None:
            raise SettingsError(f"--{name} has an unusable value: {wanted}.") from None
        raise SettingsError(
            f"{PREFIX}{name.upper()} has an unusable value: {wanted}. Change it in the environment or in .env."
        ) from None


def _pairs(text: str) -> dict[str, str]:
    """`NAME=VALUE` pairs separated by commas."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _env_file() -> dict[str, str]:
    """What `.env` in the working folder sets; raises SettingsError when it is not UTF-8 text."""
    try:
        named = dotenv_values(ENV_FILE, encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError):
        raise SettingsError(f"{ENV_FILE} cannot be read as UTF-8 text. Save it as UTF-8 or delete it.") from None
    return {name: value for name, value in named.items() if value is not None}
