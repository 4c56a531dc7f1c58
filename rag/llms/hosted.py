"""The backends that a provider hosts, one row each, opened by LangChain's `init_chat_model`.

A provider's package is imported only then. Retries are ours (`fallback.py`), so each is told not to try again itself.
"""

import math
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from rag.llms.backend import Backend
from rag.llms.wire import hooks
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

OPENAI: dict[str, Any] = {"package": "langchain_openai", "install": "pip install langchain-openai", "finishes": True}


def speaks_openai(model: str, settings: Settings, address: str, key: SecretStr, **more: Any) -> "BaseChatModel":
    """A chat model of a server that speaks OpenAI's protocol."""
    import openai
    from langchain.chat_models import init_chat_model

    more = {"model_provider": "openai", "base_url": address, "use_responses_api": False, **more}
    opened: BaseChatModel = init_chat_model(
        model,
        api_key=key,
        timeout=settings.timeout_s,
        max_retries=0,
        temperature=0,
        stream_usage=True,
        http_client=openai.DefaultHttpxClient(event_hooks=hooks(settings, openai=True)),
        **more,
    )
    return opened


def _openai(model: str, settings: Settings, address: str, key: SecretStr) -> "BaseChatModel":
    # Only OpenAI's own servers are sure to speak its newer protocol, which a few of its models need.
    newer = False if settings.provider("OPENAI_BASE_URL") else None
    return speaks_openai(model, settings, address, key, use_responses_api=newer)


def _azure(model: str, settings: Settings, address: str, key: SecretStr) -> "BaseChatModel":
    version = settings.provider("OPENAI_API_VERSION") or "2024-10-21"
    azure = {"model_provider": "azure_openai", "base_url": None, "azure_endpoint": address, "use_responses_api": None}
    return speaks_openai(model, settings, address, key, azure_deployment=model, api_version=version, **azure)


def _anthropic(model: str, settings: Settings, address: str, key: SecretStr) -> "BaseChatModel":
    import anthropic
    from langchain.chat_models import init_chat_model

    opened: Any = init_chat_model(
        model,
        model_provider="anthropic",
        api_key=key,
        base_url=address,
        timeout=settings.timeout_s,
        max_retries=0,
        temperature=0,
        max_tokens=4_096,
    )
    # The package takes no HTTP client, and shares one between models; it keeps the one that it made in `_client`.
    guarded = anthropic.DefaultHttpxClient(event_hooks=hooks(settings))
    vars(opened)["_client"] = opened._client.copy(http_client=guarded)
    return opened  # type: ignore[no-any-return]


def _anthropic_citations(model: str, settings: Settings, address: str, key: SecretStr) -> "BaseChatModel":
    from rag.llms.native_citations import NativeCitations

    return NativeCitations(inner=_anthropic(model, settings, address, key))


def _google(model: str, settings: Settings, address: str, key: SecretStr) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    return init_chat_model(
        model,
        model_provider="google_genai",
        google_api_key=key,
        base_url=address,
        timeout=settings.timeout_s,
        max_retries=1,  # here that is the number of tries, the first one included
        temperature=0,
        client_args={"event_hooks": hooks(settings)},
    )


def _mistral(model: str, settings: Settings, address: str, key: SecretStr) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    opened: Any = init_chat_model(
        model,
        model_provider="mistralai",
        api_key=key,
        base_url=address,
        timeout=math.ceil(settings.timeout_s),
        max_retries=1,  # here that is the number of tries, the first one included
        temperature=0,
    )
    opened.client.event_hooks = hooks(settings)
    return opened  # type: ignore[no-any-return]


def _row(open_at: Any, example: str, key: str, setting: str, default: str = "", **more: Any) -> Backend:
    """A row whose address its provider's own `setting` overrides."""

    def address(model: str, settings: Settings) -> str:
        return settings.provider(setting) or default

    def opened(model: str, settings: Settings) -> "BaseChatModel":
        model_: BaseChatModel = open_at(model, settings, address(model, settings), settings.providers[key])
        return model_

    facts = {"keys": (key,), "finishes": True, "thinks_aloud": False, **more}
    return Backend(open=opened, example=example, address=address, address_setting=setting, **facts)


def _extra(name: str, package: str) -> dict[str, Any]:
    return {"package": package, "install": f"pip install 'pincite[{name}]'"}


_ANTHROPIC_ROW = ("claude-haiku-4-5", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com")
_ANTHROPIC_PACKAGE = _extra("anthropic", "langchain_anthropic")
HOSTED: dict[str, Backend] = {
    "openai": _row(_openai, "gpt-5-mini", "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", **OPENAI),
    "azure": _row(
        _azure,
        "DEPLOYMENT",
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_ENDPOINT",
        **{**OPENAI, "keys": ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY")},
    ),
    "anthropic": _row(_anthropic, *_ANTHROPIC_ROW, **_ANTHROPIC_PACKAGE),
    "anthropic-citations": _row(_anthropic_citations, *_ANTHROPIC_ROW, **_ANTHROPIC_PACKAGE),
    "google": _row(
        _google,
        "gemini-2.5-flash",
        "GOOGLE_API_KEY",
        "GOOGLE_GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com",
        **_extra("google", "langchain_google_genai"),
    ),
    "mistral": _row(
        _mistral,
        "mistral-small-latest",
        "MISTRAL_API_KEY",
        "MISTRAL_BASE_URL",
        "https://api.mistral.ai/v1",
        **_extra("mistral", "langchain_mistralai"),
    ),
    "openrouter": _row(
        speaks_openai,
        "mistralai/mistral-small-3.2-24b-instruct",
        "OPENROUTER_API_KEY",
        "OPENROUTER_BASE_URL",
        "https://openrouter.ai/api/v1",
        **{**OPENAI, "thinks_aloud": True},
    ),
}
