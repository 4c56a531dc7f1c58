"""What a run was of, by hash: two runs with the same manifest ask the same things of the same system."""

import hashlib
import importlib.metadata
import importlib.resources
import json
import platform
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable

from eval.cases import Case
from rag import __version__
from rag.chat import Chat
from rag.models.minilm import MODEL_SHA256
from rag.types import JSON
from rag.verify import Verifier

SCHEMA = "pincite.exam/1"
LIBRARIES = ("chromadb", "langchain-core", "numpy", "onnxruntime", "scipy", "tokenizers")
# Settings that do not change an answer, or that may hold an address or a key.
NOT_PINNED = {
    "backend",
    "chroma_url",
    "compatible",
    "compatible_keys",
    "data",
    "documents",
    "host",
    "port",
    "providers",
    "threads",
}


def manifest_of(
    chat: Chat,
    cases: Sequence[Case],
    backends: Sequence[str],
    controls: Sequence[str],
    *,
    repeats: int,
    judges: Sequence[Verifier],
) -> JSON:
    """Everything that an answer or a score depends on, and `identity`, the hash of it all."""
    pinned: JSON = {
        "schema": SCHEMA,
        "backends": list(backends),
        "controls": list(controls),
        "repeats": repeats,
        "judges": [{"name": judge.name, "quality": judge.quality} for judge in judges],
        "cases": {case.id: case.digest for case in cases},
        "documents": {document: entry.sha256 for document, entry in sorted(chat.store.catalogue().items())},
        "extra_documents": {name: case.texts.sha256(name) for case in cases for name in case.documents},
        "settings": chat.settings.model_dump(mode="json", exclude=NOT_PINNED),
        "prompts": _hash_of("rag", ".md"),
        "code": _hash_of("rag", ".py"),
        "scoring": _hash_of("eval", ".py"),
        "model": MODEL_SHA256,
        "embedder": chat.embedder.fingerprint,
        "verifier": chat.verifier.name,
        "versions": {"pincite": __version__, "python": platform.python_version(), **_versions()},
    }
    text = json.dumps(pinned, sort_keys=True, ensure_ascii=False)
    return {"identity": hashlib.sha256(text.encode("utf-8")).hexdigest(), **pinned}


def differences(one: JSON, other: JSON) -> list[str]:
    """The names of the parts in which two manifests differ, settings and versions one by one."""
    found = []
    for name in sorted((one.keys() | other.keys()) - {"identity"}):
        left, right = one.get(name), other.get(name)
        if left != right and name in ("settings", "versions") and isinstance(left, dict) and isinstance(right, dict):
            found += [key for key in sorted(left.keys() | right.keys()) if left.get(key) != right.get(key)]
        elif left != right:
            found.append(name)
    return found


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def _hash_of(package: str, ending: str) -> str:
    """One hash over a package's files of one kind."""
    digest = hashlib.sha256()
    for name, data in sorted(_files(importlib.resources.files(package), "")):
        if name.endswith(ending):
            digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:16]


def _files(folder: Traversable, where: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files(item, f"{where}{item.name}/")
        elif item.name.endswith((".py", ".md")):
            yield f"{where}{item.name}", item.read_bytes()
