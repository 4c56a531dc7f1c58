"""Made-up documents, chunks and vectors of any number, for measuring speed and size."""

import importlib.resources
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rag.documents.passages import embedded_text
from rag.index.rows import Entry, Stored
from rag.index.store import Store
from rag.index.writer import IndexWriter
from rag.models.minilm import DIMENSIONS, Vectors
from rag.models.token_vectors import CODE_BYTES, Packed, TokenVectors, content_key
from rag.types import Chunk, Sentence, sha256_of

# A chunk of the made-up corpus: so many sentences of so many words, about 200 of the model's tokens.
SENTENCES, WORDS = 10, 20
CHUNKS_A_DOCUMENT = 20
# Made-up vectors lie around so many centres, as those of real texts do.
CENTRES = 2_000
WRITE_CHUNKS = 1_000


def fill(store: Store, token_vectors: TokenVectors, chunks: int) -> None:
    """Write made-up chunks, vectors and token vectors straight into the index, as an ingest would."""
    random = np.random.Generator(np.random.PCG64(0))
    centres = random.standard_normal((CENTRES, DIMENSIONS)).astype(np.float32)
    writer = IndexWriter(store)
    texts = sentences(chunks * SENTENCES, words=WORDS, seed=0)
    for left in range(0, chunks, WRITE_CHUNKS):
        entries, stored = [], []
        for number in range(left, min(left + WRITE_CHUNKS, chunks), CHUNKS_A_DOCUMENT):
            made = _document(f"made-up/{number}.txt", texts, min(CHUNKS_A_DOCUMENT, chunks - number))
            version = sha256_of(made[0].document)[:20]
            entries.append(
                Entry(made[0].document, version, made[0].sha256, "Made up", len(made), made[-1].end, made[0].document)
            )
            for chunk in made:
                vector = _unit(
                    centres[random.integers(CENTRES)] + random.standard_normal(DIMENSIONS).astype(np.float32)
                )
                stored.append(Stored(chunk, version, content_key(embedded_text(chunk)), vector))
        writer.add(stored)
        writer.commit(entries)
        _keep_token_vectors(token_vectors, stored, random)
    writer.finish()


def _document(name: str, texts: Iterator[str], chunks: int) -> list[Chunk]:
    """A made-up document as chunks."""
    made, start = [], 0
    for _ in range(chunks):
        lines = [next(texts) for _ in range(SENTENCES)]
        text = " ".join(lines) + "\n"
        places, at = [], start
        for unit, line in enumerate(lines):
            places.append(Sentence(at, at + len(line), unit=unit))
            at += len(line) + 1
        made.append(
            Chunk(name, sha256_of(name), "Made up", start, start + len(text), text, ("Made up",), tuple(places))
        )
        start += len(text)
    return made


def _keep_token_vectors(token_vectors: TokenVectors, stored: list[Stored], random: np.random.Generator) -> None:
    """Made-up codes, one a word and as many lines as the chunk has."""
    packed = {}
    for one in stored:
        ends = np.cumsum([len(line.split()) for line in embedded_text(one.chunk).split("\n")]).astype(np.int32)
        packed[one.content] = Packed(random.integers(0, 256, (int(ends[-1]), CODE_BYTES), np.uint8), ends)
    token_vectors.put(packed)


def write_documents(folder: Path, chunks: int) -> int:
    """Made-up text files that give about so many chunks."""
    texts = sentences(chunks * SENTENCES + CHUNKS_A_DOCUMENT * SENTENCES, words=WORDS, seed=2)
    folder.mkdir(parents=True)
    documents = -(-chunks // CHUNKS_A_DOCUMENT)
    for number in range(documents):
        sections = [
            f"Section {part} of {number}\n\n" + " ".join(next(texts) for _ in range(SENTENCES))
            for part in range(CHUNKS_A_DOCUMENT)
        ]
        Path(folder, f"{number:06}.txt").write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    return documents


def sentences(count: int, words: int, seed: int) -> Iterator[str]:
    """Made-up sentences of English words, the common ones often and the rare ones seldom."""
    random = np.random.Generator(np.random.PCG64(seed))
    vocabulary = np.array(_vocabulary())
    share = 1 / np.arange(1, len(vocabulary) + 1)
    for _ in range(0, count, 1_000):
        for row in random.choice(len(vocabulary), (1_000, words), p=share / share.sum()):
            yield " ".join(vocabulary[row]).capitalize() + "."


def _vocabulary() -> list[str]:
    """The whole words that the bundled model knows, from common to rare, as its tokenizer lists them."""
    tokenizer = json.loads((importlib.resources.files("rag") / "data" / "minilm_tokenizer.json").read_text("utf-8"))
    return [word for word in tokenizer["model"]["vocab"] if len(word) > 1 and word.isascii() and word.isalpha()]


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return unit
