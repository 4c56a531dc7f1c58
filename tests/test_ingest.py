"""What an ingest does to the index when the folder of documents changes."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from indexing import Index

from rag.errors import DocumentsError, StoreError
from rag.models.token_vectors import content_key
from rag.settings import Settings

BRIDGE = """# Bridges

A suspension bridge hangs its deck below cables. The cables run over two towers.

## Arches

An arch bridge carries its load outward along a curve. Stone arches have stood since Roman times.

## Beams

A beam bridge rests on a pier at either end. It is the simplest bridge to build and to repair.
"""
TEA = "# Tea\n\nGreen tea is not fermented. Black tea is fermented for several hours before it is dried.\n"


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below a folder."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_first_ingest_indexes_every_document(index: Index) -> None:
    index.write("bridges.md", BRIDGE)
    index.write("drinks/tea.txt", TEA)
    summary = index.ingest()
    assert (summary.added, summary.changed, summary.removed, summary.unchanged) == (2, 0, 0, 0)
    assert summary.chunks == summary.embedded == index.store.count() > 1
    assert summary.skipped == () and summary.notices == ()
    assert sorted(index.store.catalogue()) == ["bridges.md", "drinks/tea.txt"]
    assert index.search("How long is black tea fermented?")[0].document == "drinks/tea.txt"


def test_ingesting_again_writes_nothing_and_never_calls_the_model(index: Index) -> None:
    index.write("bridges.md", BRIDGE)
    index.ingest()
    before, name = snapshot(index.settings.data), index.store.name
    index.embedder.asked.clear()
    summary = index.ingest()
    assert (summary.added, summary.changed, summary.removed, summary.unchanged) == (0, 0, 0, 1)
    assert summary.embedded == 0 and index.embedder.asked == []
    assert snapshot(index.settings.data) == before and index.store.name == name


def test_editing_one_paragraph_embeds_only_its_chunk(index: Index) -> None:
    index.write("bridges.md", BRIDGE)
    first = index.ingest()
    index.embedder.asked.clear()
    index.write("bridges.md", BRIDGE.replace("Roman times", "the time of the Romans"))
    summary = index.ingest()
    assert (summary.changed, summary.embedded, summary.chunks) == (1, 1, first.chunks)
    assert len(index.embedder.asked) == 1 and "the time of the Romans" in index.embedder.asked[0]
    assert index.store.count() == first.chunks
    assert "the time of the Romans" in (index.store.text_of("bridges.md") or "")


def test_changing_one_word_for_another_as_long_replaces_the_chunk(index: Index) -> None:
    index.write("tea.txt", TEA)
    index.ingest()
    index.write("tea.txt", TEA.replace("Green", "White"))
    assert index.ingest().changed == 1
    [chunk] = index.search("Which tea is not fermented?")
    assert "White tea" in chunk.text and index.store.text_of("tea.txt") == TEA.replace("Green", "White")


def test_a_heading_that_becomes_a_sentence_is_noticed_though_the_words_stay(index: Index) -> None:
    page = "<h1>Harbour</h1><p>Ships come in.</p><{0}>Every ship has to pay.</{0}><p>Forty crowns a day.</p>"
    for tag, headings in (("h2", ("Harbour", "Every ship has to pay.")), ("p", ("Harbour",))):
        index.write("harbour.html", f"<html><body>{page.format(tag)}</body></html>")
        index.ingest()
        assert [chunk.headings for chunk in index.store.chunks_of("harbour.html")] == [headings]


@pytest.mark.parametrize("text", [BRIDGE, "A text without any heading. It is short."])
def test_a_renamed_file_is_not_embedded_again(index: Index, text: str) -> None:
    path = index.write("bridges.md", text)
    index.ingest()
    path.rename(index.folder / "spans.md")
    summary = index.ingest()
    assert (summary.added, summary.removed, summary.embedded) == (1, 1, 0)
    assert list(index.store.catalogue()) == ["spans.md"] and index.store.text_of("spans.md") == text
    assert {chunk.document for chunk in index.search("bridges", 10)} == {"spans.md"}
    assert index.token_vectors.known([content_key(text) for text in index.embedder.asked]).keys() == {
        content_key(text) for text in index.embedder.asked
    }


def test_two_documents_with_the_same_text_are_both_there_until_one_is_deleted(index: Index) -> None:
    index.write("a.md", BRIDGE)
    copy = index.write("b.md", BRIDGE)
    summary = index.ingest()
    assert summary.chunks == 2 * summary.embedded
    copy.unlink()
    assert index.ingest().removed == 1
    assert index.store.text_of("a.md") == BRIDGE and index.store.text_of("b.md") is None
    assert index.token_vectors.forget_all_but(index.embedder.asked) == 0


def test_a_vanished_file_vanishes_with_its_vectors(index: Index) -> None:
    index.write("tea.txt", TEA)
    index.write("bridges.md", BRIDGE).touch()
    index.ingest()
    (index.folder / "bridges.md").unlink()
    summary = index.ingest()
    assert (summary.removed, summary.unchanged, summary.chunks) == (1, 1, 1)
    assert index.store.count() == 1 and index.store.text_of("bridges.md") is None
    tea = [text for text in index.embedder.asked if "tea" in text]
    assert index.token_vectors.forget_all_but(tea) == 0


@pytest.mark.parametrize("part", ["drinks", "drinks/tea.txt"])
def test_ingesting_a_part_leaves_the_rest_as_it_is(index: Index, part: str) -> None:
    index.write("bridges.md", BRIDGE)
    index.write("drinks/tea.txt", TEA)
    index.ingest()
    index.write("bridges.md", "Nothing of it is left here.")
    index.write("drinks/tea.txt", TEA.replace("Black", "Brown"))
    index.write("new.txt", "A new file outside of the part.")
    summary = index.ingest(part)
    assert (summary.added, summary.changed, summary.removed) == (0, 1, 0)
    assert index.store.text_of("bridges.md") == BRIDGE and "new.txt" not in index.store.catalogue()
    (index.folder / "drinks/tea.txt").unlink()
    assert index.ingest(index.folder / "drinks/tea.txt").removed == 1
    assert list(index.store.catalogue()) == ["bridges.md"]


def test_a_part_that_is_elsewhere_or_nowhere_is_refused(index: Index, tmp_path: Path) -> None:
    index.write("tea.txt", TEA)
    (tmp_path / "other.txt").write_text("outside")
    with pytest.raises(DocumentsError, match=r"'.*other.txt' is not in the documents folder"):
        index.ingest(tmp_path / "other.txt")
    with pytest.raises(DocumentsError, match=r"'coffee.txt' in the documents folder '.*' is neither there nor indexed"):
        index.ingest("coffee.txt")


def test_another_chunk_size_cuts_every_document_again(settings: Settings, open_index: Callable[..., Index]) -> None:
    text = BRIDGE + "\n".join(f"Bridge number {n} was opened in spring. It is open to everyone." for n in range(40))
    index = open_index(settings)
    index.write("bridges.md", text)
    before = index.ingest()
    smaller = open_index(settings.model_copy(update={"chunk_tokens": 60}))
    assert smaller.stale() == 1
    summary = smaller.ingest()
    assert summary.changed == 1 and summary.chunks > before.chunks and smaller.stale() == 0
    assert smaller.store.text_of("bridges.md") == text and smaller.store.count() == summary.chunks


def test_a_corpus_of_three_thousand_rows_is_kept_and_one_changed_row_embeds_one_chunk(index: Index) -> None:
    rows = [{"id": n, "title": f"Item {n % 40}", "text": f"Part {n % 40} costs {n % 40} crowns."} for n in range(3_000)]
    index.write("corpus.jsonl", "\n".join(map(json.dumps, rows)))
    said: list[str] = []
    first = index.ingest(progress=lambda what, done, total: said.append(what))
    assert (first.added, first.chunks, first.embedded) == (3_000, 3_000, 40)
    assert len(said) > 10 and "corpus.jsonl (2,944 chunks)" in said
    again = index.ingest()
    assert again.unchanged == 3_000 and again.embedded == 0 and again.seconds < max(1, first.seconds / 20)
    rows[77]["text"] = "Part 37 was given away."
    index.write("corpus.jsonl", "\n".join(map(json.dumps, rows[:-1])))
    changed = index.ingest()
    assert (changed.changed, changed.removed, changed.unchanged, changed.embedded) == (1, 1, 2_998, 1)
    assert index.store.text_of("corpus.jsonl#77") == "Item 37\n\nPart 37 was given away."


def test_what_cannot_be_read_is_named_every_time_and_the_rest_is_indexed(index: Index) -> None:
    index.write("tea.txt", TEA)
    index.write("latin.txt", b"caf\0")
    index.write("empty.md", "")
    index.write("rows.jsonl", '{"id": 1, "text": "A row."}\nnot a row\n')
    (index.folder / "gone.txt").symlink_to(index.folder / "nowhere.txt")
    Path(os.fsdecode(os.fsencode(index.folder) + b"/caf\xe9.txt")).write_text("A name that is not UTF-8.")
    for _ in range(2):
        summary = index.ingest()
        assert summary.skipped == (
            r"'caf\udce9.txt' has a name that is not UTF-8. Rename it.",
            "empty.md is empty.",
            "gone.txt cannot be read (No such file or directory).",
            "latin.txt holds binary data, not text.",
            "rows.jsonl line 2 is left out: it is not a JSON object in UTF-8.",
        )
        assert index.stale() == 0
    assert sorted(index.store.catalogue()) == ["rows.jsonl#1", "tea.txt"]


def test_links_are_followed_inside_of_the_folder_only_and_pipes_are_left_alone(index: Index, tmp_path: Path) -> None:
    index.write("tea.txt", TEA)
    (index.folder / "again.txt").symlink_to("tea.txt")
    (index.folder / "loop.txt").symlink_to("loop.txt")
    (tmp_path / "secret.txt").write_text("Not one of the documents.")
    (index.folder / "outside.txt").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(index.folder / "pipe.txt")
    summary = index.ingest()
    assert sorted(index.store.catalogue()) == ["again.txt", "tea.txt"]
    assert summary.skipped == ("loop.txt cannot be read (Too many levels of symbolic links).",)
    assert index.stale() == 0


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Without the rights of root, whom permissions do not bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_to_all(tmp_path: Path, settings: Settings) -> None:
    for path in (*list(tmp_path.parents)[:3], tmp_path, settings.documents):
        path.chmod(0o777)


def test_a_file_that_may_not_be_opened_keeps_what_was_indexed_of_it(
    open_to_all: None, as_nobody: None, index: Index
) -> None:
    path = index.write("tea.txt", TEA)
    index.write("bridges.md", BRIDGE)
    index.ingest()
    path.chmod(0)
    summary = index.ingest()
    assert summary.skipped == ("tea.txt cannot be read (Permission denied). What was indexed of it before is kept.",)
    assert (summary.removed, summary.unchanged) == (0, 1) and index.stale() == 0
    assert index.store.text_of("tea.txt") == TEA
    path.chmod(0o600)
    assert index.stale() == 1 and index.ingest().skipped == () and index.stale() == 0


def test_a_file_that_is_no_longer_text_loses_what_was_indexed_of_it(index: Index) -> None:
    index.write("tea.txt", TEA)
    index.write("bridges.md", BRIDGE)
    index.ingest()
    index.write("tea.txt", b"Th\0")
    summary = index.ingest()
    assert summary.removed == 1 and summary.skipped == ("tea.txt holds binary data, not text.",)
    assert list(index.store.catalogue()) == ["bridges.md"]


def test_an_empty_or_missing_folder_is_refused_and_the_index_stays(index: Index) -> None:
    path = index.write("tea.txt", TEA)
    index.ingest()
    path.unlink()
    with pytest.raises(DocumentsError, match=r"holds no document. Put files in it that end in .txt"):
        index.ingest()
    index.folder.rmdir()
    with pytest.raises(DocumentsError, match=r"does not exist. Name one with --documents FOLDER"):
        index.ingest()
    assert index.store.text_of("tea.txt") == TEA


def test_a_data_folder_that_cannot_be_written_is_said_in_one_line(
    open_to_all: None, settings: Settings, tmp_path: Path, as_nobody: None, open_index: Callable[..., Index]
) -> None:
    (tmp_path / "file").write_text("in the way")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    reasons = {tmp_path / "file": "Not a directory", locked: "Permission denied", locked / "new": "Permission denied"}
    for data, why in reasons.items():
        with pytest.raises(StoreError) as caught:
            open_index(settings.model_copy(update={"data": data}))
        line = f"The data folder {str(data)!r} cannot be written ({why}). Name another with --data."
        assert str(caught.value) == line


def test_a_document_may_have_any_name(index: Index) -> None:
    names = ['it\'s "here".md', "a b #1.md", "ünï/çødé 漢字.md", "100% {x} $in; --.md", "-dash.md"]
    for name in names:
        index.write(name, f"{BRIDGE}\nThis one is called {name}.")
    summary = index.ingest()
    assert (summary.added, summary.skipped) == (5, ())
    assert {name: index.store.text_of(name) for name in names} == {
        name: f"{BRIDGE}\nThis one is called {name}." for name in names
    }
    assert {chunk.document for chunk in index.search("What is this one called?", 50)} == set(names)
    (index.folder / names[0]).unlink()
    assert index.ingest().removed == 1


def test_a_folder_that_changed_is_noticed_by_time_and_size_before_any_file_is_read(index: Index) -> None:
    tea = index.write("tea.txt", TEA)
    index.write("bridges.md", BRIDGE)
    assert index.stale() == 2
    index.ingest()
    assert index.stale() == 0
    os.utime(tea, ns=(1, 1))
    assert index.stale() == 0, "touched, but the same bytes"
    index.write("tea.txt", TEA + "More.")
    index.write("new.txt", "New.")
    (index.folder / "bridges.md").unlink()
    assert index.stale() == 3
    index.ingest()
    assert index.stale() == 0


def test_documents_that_the_bundled_model_cannot_read_are_named_and_indexed(index: Index) -> None:
    german = "Die Flut hebt das Wasser um vier Meter, und die Rinne wird jedes zweite Jahr gebaggert. " * 10
    for number in range(5):
        index.write(f"flut {number}.txt", german + f"Das war Band {number}.")
    index.write("tide.txt", "The tide lifts the water by four metres.")
    summary = index.ingest()
    assert summary.added == 6
    assert [notice.split(":")[0] for notice in summary.notices[:3]] == ["flut 0.txt", "flut 1.txt", "flut 2.txt"]
    assert summary.notices[3:] == ("The same is true of 2 more documents.",)
    assert index.ingest().notices == ()
