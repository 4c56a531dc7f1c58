"""The backends that run on the reader's own machines, one row each: by quoting, by a server, or in this process."""

import functools
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from rag.errors import BackendNotReady
from rag.llms.backend import Backend
from rag.llms.hosted import OPENAI, speaks_openai
from rag.llms.wire import hooks
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

# A model that runs on this machine gets this much context unless PINCITE_CONTEXT_TOKENS says otherwise: every
# token of it costs memory.
LOCAL_CONTEXT_TOKENS = 8_192
# And this many passages, unless PINCITE_PASSAGES says otherwise: it reads slowly, and a small one loses its way.
LOCAL_PASSAGES = 4
# A small model may repeat itself for ever.
LOCAL_ANSWER_TOKENS = 2_048


def _no_model(model: str, settings: Settings) -> "BaseChatModel":
    raise BackendNotReady("offline answers by quoting and is not a language model. Name another backend.")


def _ollama_address(model: str, settings: Settings) -> str:
    host = settings.provider("OLLAMA_HOST") or "127.0.0.1:11434"
    host = host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    return host if "://" in host else f"http://{host}"


def _ollama(model: str, settings: Settings) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    return init_chat_model(
        model,
        model_provider="ollama",
        base_url=_ollama_address(model, settings),
        # Without it Ollama cuts a long prompt at its own small default, and does not say so.
        num_ctx=settings.context_tokens or LOCAL_CONTEXT_TOKENS,
        num_predict=LOCAL_ANSWER_TOKENS,
        client_kwargs={"timeout": settings.timeout_s},
        sync_client_kwargs={"event_hooks": hooks(settings)},
        temperature=0,
    )


def _compatible_address(model: str, settings: Settings) -> str:
    return settings.compatible_servers().get(model.partition("/")[0], "")


def _compatible_check(model: str, settings: Settings) -> str | None:
    name, servers = model.partition("/")[0], settings.compatible_servers()
    if name in servers:
        return None
    known = f"Known: {', '.join(servers)}." if servers else "None is set."
    return f"No compatible server called {name!r}. {known} Set PINCITE_COMPATIBLE={name}=http://HOST:PORT/v1"


def _compatible(model: str, settings: Settings) -> "BaseChatModel":
    from rag.llms.probing import served_model

    name, _, wanted = model.partition("/")
    address = _compatible_address(model, settings)
    key = settings.compatible_key(name)
    return speaks_openai(wanted or served_model(address, key), settings, address, key)


def _llamacpp_check(model: str, settings: Settings) -> str | None:
    path = Path(model).expanduser()
    return None if path.is_file() else f"No model file at {path}. Write the path of a .gguf file: llamacpp:PATH.gguf"


def _llamacpp(model: str, settings: Settings) -> "BaseChatModel":
    path = Path(model).expanduser().resolve()
    server, key = _llamacpp_server(path, settings.context_tokens or LOCAL_CONTEXT_TOKENS, settings.threads)
    address = f"{server.listening_address}/v1"
    return speaks_openai(path.stem, settings, address, key, max_completion_tokens=LOCAL_ANSWER_TOKENS)


@functools.lru_cache(maxsize=1)
def _llamacpp_server(path: Path, context_tokens: int, threads: int) -> tuple[Any, SecretStr]:
    """llama.cpp in this process, listening on a local port that only we have the key to."""
    import xllamacpp

    key = secrets.token_hex()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = context_tokens
    params.verbosity = 0
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    if threads:
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
    return xllamacpp.Server(params), SecretStr(key)


OFFLINE = Backend(open=_no_model, thinks_aloud=False)

LOCAL: dict[str, Backend] = {
    "ollama": Backend(
        open=_ollama,
        example="llama3.2",
        package="langchain_ollama",
        install="pip install 'pincite[ollama]'",
        address=_ollama_address,
        address_setting="OLLAMA_HOST",
        finishes=True,
    ),
    "compatible": Backend(
        open=_compatible,
        example="NAME/MODEL",
        check=_compatible_check,
        address=_compatible_address,
        address_setting="PINCITE_COMPATIBLE",
        **OPENAI,
    ),
    "llamacpp": Backend(
        open=_llamacpp,
        example="PATH.gguf",
        check=_llamacpp_check,
        package="xllamacpp",
        install="pip install 'pincite[llamacpp]'",
        finishes=True,
    ),
}
