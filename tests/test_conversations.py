"""Conversations are kept: through a reload, a second tab, another server, a deletion that was a mistake, a changed file."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_chat import ScriptedChat, answered, cite, document

from rag.settings import load_settings
from rag.types import Answer, Statement
from ui.web.conversations import Conversations
from ui.web.events import Events, Here, View
from ui.web.export import KINDS

TEXT = "Rivers\n\nThe Alder rises in a garden. It flows east.\n"
RIVERS = document("rivers.txt", TEXT)
RISES = Statement(
    "The Alder rises in a garden.", "supported", 0.9, citations=(cite(RIVERS, "The Alder rises in a garden."),)
)
ANSWERS: dict[str, Answer] = {
    "Where does it rise?": answered("Where does it rise?", RISES),
    "Where to?": answered(
        "Where to?", Statement("It flows east.", "partial", 0.5, citations=(cite(RIVERS, "It flows east."),))
    ),
}

Open = Callable[[], Events]


@pytest.fixture
def open_page(tmp_path: Path) -> Open:
    """The events of a server that was just started over the same data folder."""
    settings = load_settings({"data": tmp_path / "data"}, environ={})
    return lambda: Events(ScriptedChat({"rivers.txt": RIVERS}, dict(ANSWERS)), settings, lambda spec: False)


def asked(events: Events, question: str, conversation: str = "") -> str:
    return next(iter([view.conversation for view in events.asked(question, Here(conversation)) if view.conversation]))


def seen(events: Events, here: Here) -> View:
    return list(events.opened(here))[-1]


def test_a_conversation_looks_the_same_after_the_server_was_started_anew(open_page: Open) -> None:
    before = open_page()
    conversation = asked(before, "Where does it rise?")
    assert asked(before, "Where to?", conversation) == conversation
    now, then = seen(open_page(), Here(conversation)), seen(before, Here(conversation))
    assert (now.past, now.current) == (then.past, then.current) and now.current and now.past
    assert "It flows east." in now.current and "The Alder rises in a garden." in now.past
    assert before.conversations.exchanges(conversation) == open_page().conversations.exchanges(conversation)


def test_an_answer_is_finished_and_kept_when_nobody_looks_on_any_more(open_page: Open) -> None:
    events = open_page()
    assert isinstance(events.chat, ScriptedChat)
    events.chat.held.add("Where does it rise?")
    views = events.asked("Where does it rise?", Here())
    conversation = next(views).conversation or ""
    views.close()  # type: ignore[attr-defined]
    another_tab = events.opened(Here(conversation))
    assert next(another_tab).running
    for _ in range(2):
        events.chat.let_through.release()
    assert list(another_tab)[-1].running is False
    assert (events.conversations.exchanges(conversation)[0].answer or ANSWERS["Where to?"]).statements == (RISES,)


def test_what_was_cut_off_by_a_crash_is_said_to_be_unfinished_and_the_next_question_is_answered(
    open_page: Open,
) -> None:
    events = open_page()
    assert isinstance(events.chat, ScriptedChat)
    events.chat.held.add("Where does it rise?")
    conversation = next(events.asked("Where does it rise?", Here())).conversation or ""
    after = open_page()
    assert "Stopped." in (seen(after, Here(conversation)).current or "")
    asked(after, "Where to?", conversation)
    assert len(after.conversations.exchanges(conversation)) == 2


def test_conversations_are_listed_by_their_first_question_found_renamed_pinned_and_deleted_with_undo(
    open_page: Open,
) -> None:
    events = open_page()
    first, second = asked(events, "Where does it rise?"), asked(events, "Where to?")
    titles = lambda words="": [one.title for one in events.conversations.listed("", words)]  # noqa: E731
    assert titles() == ["Where to?", "Where does it rise?"]
    assert titles("garden") == ["Where does it rise?"] and titles("100%") == []
    events.managed({"do": "rename", "conversation": first, "title": " The <Alder> "}, Here())
    listed = events.managed({"do": "pin", "conversation": first}, Here()).list or ""
    assert titles() == ["The <Alder>", "Where to?"] and "The &lt;Alder&gt;" in listed and "<h2>Pinned</h2>" in listed
    view = events.managed({"do": "delete", "conversation": second}, Here(second))
    assert view.conversation == "" and "Deleted “Where to?”" in (view.list or "") and titles() == ["The <Alder>"]
    assert (
        seen(events, Here(second)).note
        == '<p class="note warning" role="status">There is no such conversation any more.</p>'
    )
    events.managed({"do": "restore", "conversation": second}, Here())
    assert titles() == ["The <Alder>", "Where to?"] and seen(events, Here(second)).past == ""


def test_those_who_share_a_page_see_their_own_conversations_and_change_no_others(
    tmp_path: Path, open_page: Open
) -> None:
    events = open_page()
    mine = next(iter([v.conversation for v in events.asked("Where to?", Here(owner="me")) if v.conversation]))
    assert events.conversations.listed("you") == [] and len(events.conversations.listed("me")) == 1
    events.managed({"do": "delete", "conversation": mine}, Here(owner="you"))
    assert len(events.conversations.listed("me")) == 1


def test_a_deleted_conversation_is_gone_for_good_after_a_week(tmp_path: Path, open_page: Open) -> None:
    events = open_page()
    conversation = asked(events, "Where to?")
    events.conversations.delete(conversation)
    week = 8 * 24 * 3600
    import time

    Conversations(tmp_path / "data", lambda: time.time() + week).restore(conversation)
    assert events.conversations.listed() == []


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (
            "Rivers\n\nA new line. The Alder rises in a garden. It flows east.\n",
            "The cited words stand in it unchanged",
        ),
        ("Rivers\n\nThe Alder rises in a park. It flows east.\n", "does not say these words any more"),
        (None, "This document is not there any more."),
    ],
)
def test_a_citation_whose_document_has_changed_says_so_and_keeps_its_quote(
    open_page: Open, now: str | None, says: str
) -> None:
    events = open_page()
    conversation = asked(events, "Where does it rise?")
    assert isinstance(events.chat, ScriptedChat)
    other = document("other.txt", "Lakes\n\nLakes are still.\n")
    events.chat.files = {"other.txt": other} | ({"rivers.txt": document("rivers.txt", now)} if now else {})
    current = seen(events, Here(conversation)).current or ""
    assert "cited here has" in current and "since this answer: see [1]" in current
    cited = RISES.citations[0]
    place = {"document": cited.document, "start": str(cited.start), "end": str(cited.end), "sha256": cited.sha256}
    panel = events.place_chosen(place, Here(conversation))
    assert says in panel and "The Alder rises in a garden." in panel


def test_a_conversation_is_taken_along_with_its_quotes_in_four_formats(open_page: Open) -> None:
    events = open_page()
    conversation = asked(events, "Where does it rise?")
    asked(events, "Where to?", conversation)
    title, exchanges = events.conversations.title(conversation), events.conversations.exchanges(conversation)
    made = {kind: export(title or "", exchanges, {"rivers.txt": "Rivers"}) for kind, (_, export) in KINDS.items()}
    assert "## Where to?" in made["md"].decode() and "rivers.txt" in made["md"].decode()
    assert "“It flows east.” Rivers (rivers.txt, characters 37–51)" in made["html"].decode()
    record = json.loads(made["json"])["exchanges"][0]
    assert record["record"]["question"] == "Where does it rise?" and record["receipt"]["answer"] == record["record"]
    with zipfile.ZipFile(io.BytesIO(made["docx"])) as parts:
        notes, body = parts.read("word/footnotes.xml").decode(), parts.read("word/document.xml").decode()
    assert "“The Alder rises in a garden.” Rivers (rivers.txt, characters 8–36)" in notes
    assert body.count("w:footnoteReference") == 2 and 'w:id="2"' in body
