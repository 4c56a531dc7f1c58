"""Search through the front door: by meaning and by words, filtered, part by part, without repeats in the way."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from indexing import Index

from rag.errors import SettingsError, UsageError
from rag.index.lexical import LexicalIndex
from rag.models.minilm import MiniLM
from rag.models.reader import open_reader
from rag.search.hybrid import Retrieval
from rag.search.rerank import MaxSim, Reranker, open_reranker
from rag.search.scope import documents_in
from rag.settings import Settings, load_settings
from rag.types import Passage

OpenIndex = Callable[..., Index]

ROOT = Path(__file__).parent.parent

TEA = "# Tea\n\nTea is brewed from the leaves of an evergreen shrub. The leaves are picked by hand in spring.\n"
COAL = "# Coal\n\nCoal was dug from deep mines in the valley. The last mine closed in 1986.\n"
CODE = "# Parts\n\nThe spare part for the pump carries the number XK-4471. It is kept in the second shed.\n"


def retrieval(index: Index, reranker: Reranker | None = None) -> Retrieval:
    return Retrieval(index.store, index.embedder, reranker or MaxSim(index.embedder.model, index.token_vectors))


def names(passages: tuple[Passage, ...]) -> list[str]:
    return [passage.chunk.document for passage in passages]


@pytest.fixture
def three(index: Index) -> Index:
    index.write("drinks/tea.md", TEA)
    index.write("history/coal.md", COAL)
    index.write("history/parts.txt", CODE)
    index.ingest()
    return index


def test_a_question_in_other_words_finds_its_passage(three: Index) -> None:
    assert names(retrieval(three).search("When did people stop mining?", 1)) == ["history/coal.md"]


def test_a_code_that_the_model_does_not_know_is_found_by_its_letters(three: Index) -> None:
    assert names(retrieval(three).search("xk 4471", 1)) == ["history/parts.txt"]


def test_scores_never_rise_and_fewer_passages_are_the_first_of_more(three: Index) -> None:
    search = retrieval(three)
    many = search.search("How are leaves picked?", 3)
    assert [p.score for p in many] == sorted((p.score for p in many), reverse=True)
    assert search.search("How are leaves picked?", 1) == many[:1]


def test_every_passage_is_an_exact_stretch_of_its_document(
    seeds_index: Settings, open_index: Callable[..., Index]
) -> None:
    index = open_index(seeds_index)
    texts = {document: index.store.text_of(document) for document in index.store.catalogue()}
    for passage in retrieval(index).search("How do armies build trust?", 20):
        chunk = passage.chunk
        assert texts[chunk.document][chunk.start : chunk.end] == chunk.text  # type: ignore[index]


def test_an_empty_index_and_a_question_without_words_find_what_they_can(index: Index, model: MiniLM) -> None:
    search = retrieval(index)
    assert search.search("anything", 5) == ()
    index.write("tea.md", TEA)
    index.ingest()
    assert len(search.search("???", 5)) == 1


def test_an_edited_document_is_found_by_its_new_words_only(three: Index) -> None:
    search = retrieval(three)
    three.write("drinks/tea.md", TEA.replace("evergreen shrub", "zanthoxylum bush"))
    three.ingest()
    hits = search.lexical.search("zanthoxylum evergreen", 5)
    assert len(hits) == 1
    assert "zanthoxylum" in three.store.view(lambda view: view.chunks([hits[0][0]]))[hits[0][0]].text


# The word index


def test_another_process_that_ingests_is_noticed(three: Index) -> None:
    search = retrieval(three)
    assert search.lexical.search("juggling", 5) == []
    three.write("juggling.md", "# Juggling\n\nJuggling needs three balls and patience.\n")
    fields = {"documents": str(three.settings.documents), "data": str(three.settings.data)}
    code = (
        "import json, sys; from pathlib import Path; from indexing import Index; from rag.models.minilm import MiniLM; "
        "from rag.settings import load_settings; "
        "Index(load_settings(json.loads(sys.argv[1]), environ={}), MiniLM()).ingest()"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    subprocess.run([sys.executable, "-c", code, json.dumps(fields)], check=True, cwd=ROOT, env=environment, timeout=600)
    assert names(search.search("juggling", 1)) == ["juggling.md"]
    assert len(search.lexical.search("juggling", 5)) == 1


@pytest.mark.parametrize("damage", ["gone", "empty files", "torn note", "foreign note"])
def test_a_damaged_word_index_is_built_again(three: Index, damage: str) -> None:
    expected = retrieval(three).lexical.search("deep mines", 5)
    folder = next(path for path in three.settings.data.glob("lexical-*") if path.is_dir())
    note = folder.with_suffix(".json")
    if damage == "gone":
        shutil.rmtree(folder)
    elif damage == "empty files":
        for path in folder.iterdir():
            if path.is_file() and path.name != "meta.json" and not path.name.startswith("."):
                path.unlink()  # a file of its own: cutting short the one that is open stops the process
                path.touch()
    elif damage == "torn note":
        note.write_text(note.read_text()[:20])
    else:
        note.write_text(json.dumps({**json.loads(note.read_text()), "files": {}}))
    assert expected
    assert retrieval(three).lexical.search("deep mines", 5) == expected


def test_the_word_index_scores_the_share_of_the_question_that_a_passage_repeats(three: Index) -> None:
    lexical = LexicalIndex(three.store)
    (_, repeated), *_ = lexical.search("evergreen shrub leaves", 1)
    (_, half), *_ = lexical.search("evergreen unicorn leaves", 1)
    assert 0 < half < repeated <= 1


# Scope


def test_a_search_can_be_limited_to_documents_folders_and_globs(three: Index) -> None:
    search = retrieval(three)
    entries = three.store.catalogue().values()

    def found(*globs: str) -> set[str]:
        return set(names(search.search("How are the leaves picked?", 3, documents_in(globs, entries))))

    assert found("history/coal.md") == {"history/coal.md"}
    assert found("history/") == found("history") == found("history/*") == {"history/coal.md", "history/parts.txt"}
    assert found("*.txt") == {"history/parts.txt"}
    assert found("*.txt", "history/coal.md") == {"history/coal.md", "history/parts.txt"}
    assert {key for key, _ in search.lexical.search("leaves mines", 5, ["history/coal.md"])} < {
        key for key, _ in search.lexical.search("leaves mines", 5)
    }


def test_a_glob_that_matches_no_document_is_named(three: Index) -> None:
    with pytest.raises(UsageError, match=r"No document matches 'histroy/\*'"):
        documents_in(["*.txt", "histroy/*"], three.store.catalogue().values())


# Re-rankers


def test_the_re_ranker_is_chosen_by_one_word(three: Index, model: MiniLM) -> None:
    def opened(name: str) -> Reranker | None:
        return open_reranker(
            load_settings({"reranker": name}, environ={}), model, three.token_vectors, open_reader("bundled")
        )

    assert isinstance(opened("maxsim"), MaxSim)
    assert opened("none") is None
    assert names(Retrieval(three.store, three.embedder, None).search("deep coal mines", 1)) == ["history/coal.md"]
    with pytest.raises(SettingsError, match="reader, maxsim, none, cross-encoder"):
        opened("magic")


def test_passages_whose_token_vectors_were_lost_are_still_read_closely(three: Index, model: MiniLM) -> None:
    question = "When did people stop mining?"
    before = retrieval(three).search(question, 3)
    three.token_vectors.forget_all_but(())
    after = retrieval(three).search(question, 3)
    assert names(after) == names(before)
    assert [p.score for p in after] == pytest.approx([p.score for p in before], abs=0.02)
