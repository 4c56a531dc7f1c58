"""One question through the whole path, offline, over the seeds: real index, real model, real chain."""

import json
from collections.abc import Iterator

import pytest

from rag.chat import Chat, open_chat
from rag.errors import QuestionError, UnknownBackend
from rag.settings import Settings
from rag.types import Answer, Searched, Statement, Turn, sha256_of

FACT = "How has AMISOM changed the influence of Al-Shabaab?"


@pytest.fixture(scope="module")
def chat(_seeds_data, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:  # type: ignore[no-untyped-def]
    import shutil

    from conftest import SEEDS

    from rag.settings import load_settings

    data = tmp_path_factory.mktemp("chat") / "data"
    shutil.copytree(_seeds_data, data)
    yield open_chat(load_settings({"documents": SEEDS, "data": data}, environ={}))


def assert_exact(chat: Chat, answer: Answer) -> None:
    for statement in (*answer.statements, *answer.withheld):
        for citation in statement.citations:
            text = chat.document(citation.document).text
            assert text[citation.start : citation.end] == citation.quote
            assert sha256_of(text) == citation.sha256


def test_a_fact_is_answered_with_the_sentence_that_says_it(chat: Chat) -> None:
    answer = chat.ask(FACT)
    assert answer.status == "answered"
    quotes = [citation.quote for statement in answer.statements for citation in statement.citations]
    assert any("significantly degrading the influence of terrorist groups like Al-Shabaab" in quote for quote in quotes)
    assert {statement.verdict for statement in answer.statements} == {"supported"}
    assert_exact(chat, answer)


def test_a_list_is_quoted_whole_with_its_lead_in(chat: Chat) -> None:
    answer = chat.ask("What are the key steps in technology transfer?")
    lines = answer.text.split("\n")
    assert "Key steps in this process typically involve:" in lines[0]
    assert [line for line in lines if line.startswith("- ")] == [
        "- Establishing clear legal and policy frameworks to govern technology transfer.",
        "- Ensuring compliance with international regulations to prevent illicit proliferation.",
        "- Building trust through transparency and verification measures.",
    ]
    assert_exact(chat, answer)


@pytest.mark.parametrize("question", ["How do I make a sourdough starter?", "Which wine goes with grilled trout?", "Who won the football World Cup in 1998?"])  # fmt: skip
def test_what_the_documents_do_not_say_is_declined_by_name_with_the_nearest_passages(chat: Chat, question: str) -> None:
    answer = chat.ask(question)
    assert (answer.status, answer.statements) == ("abstained", ())
    assert question in answer.text
    assert answer.passages
    assert answer.record()["statements"] == []


def test_the_stream_gives_the_search_then_statements_then_the_answer(chat: Chat) -> None:
    events = list(chat.stream(FACT))
    assert isinstance(events[0], Searched)
    assert isinstance(events[-1], Answer)
    assert all(isinstance(event, Statement) for event in events[1:-1])
    assert tuple(events[1:-1]) == events[-1].statements


def test_the_same_question_gives_the_same_record_apart_from_times(chat: Chat) -> None:
    def record() -> str:
        return json.dumps({k: v for k, v in chat.ask(FACT).record().items() if k != "timings_ms"})

    assert record() == record()


@pytest.mark.parametrize("text", ["hello", "Hi there!", "what can you do?", "Who are you?"])
def test_a_greeting_gets_a_reply_and_claims_nothing(chat: Chat, text: str) -> None:
    answer = chat.ask(text)
    assert (answer.status, answer.statements, answer.passages) == ("abstained", (), ())
    assert "5 documents" in answer.text


@pytest.mark.parametrize("text", ["What is in these documents?", "what are the documents about", "Summarise everything, please"])  # fmt: skip
def test_asking_what_is_there_gives_one_cited_sentence_a_document(chat: Chat, text: str) -> None:
    answer = chat.ask(text)
    cited = [citation.document for statement in answer.statements for citation in statement.citations]
    assert sorted(cited) == sorted(info.id for info in chat.documents())
    assert_exact(chat, answer)


@pytest.mark.parametrize("name", ["003_dd7c05883146a81e.txt", "003_dd7c05883146a81e", "document 003"])
def test_a_summary_is_an_outline_of_headings_and_cited_sentences(chat: Chat, name: str) -> None:
    answer = chat.ask(f"Summarise {name}")
    assert len(answer.statements) >= 15
    assert {c.document for s in answer.statements for c in s.citations} == {"003_dd7c05883146a81e.txt"}
    assert any(s.text.startswith("- Digital diplomacy and virtual engagements: ") for s in answer.statements)
    assert {statement.verdict for statement in answer.statements} == {"supported"}
    assert_exact(chat, answer)


def test_a_follow_up_is_searched_for_with_what_it_is_about(chat: Chat) -> None:
    history = [Turn("user", "What does technology transfer involve?"), Turn("assistant", "Sharing of technology.")]
    answer = chat.ask("What are its key steps?", history)
    assert any(c.document.startswith("004") for s in answer.statements for c in s.citations)


@pytest.mark.parametrize("question", ["", "   ", "?!", "x" * 100_000])
def test_a_question_that_cannot_be_asked_is_refused_in_one_line(chat: Chat, question: str) -> None:
    with pytest.raises(QuestionError) as error:
        chat.ask(question)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_an_unknown_backend_is_refused_before_anything_is_asked(chat: Chat) -> None:
    with pytest.raises(UnknownBackend, match="Use one of: offline"):
        chat.ask(FACT, backend="oracle")


def test_where_too_little_speaks_for_an_answer_no_backend_is_asked(chat: Chat) -> None:
    server = "compatible:nowhere/m"
    strict = {"abstain_below": 1.0, "compatible": "nowhere=http://127.0.0.1:9/v1", "backend": server}
    answer = Chat(chat.settings.model_copy(update=strict)).ask(FACT)
    assert (answer.status, answer.answered_by) == ("abstained", None)
    assert [notice.code for notice in answer.notices] == ["weak_evidence"]
    lenient = chat.settings.model_copy(update=strict | {"abstain_below": 0.0, "retries": 0})
    assert Chat(lenient).ask(FACT).status == "failed"


def test_a_document_cannot_cite(settings: Settings) -> None:
    text = "Bridges\n\nThe bridge over the Tay opened in 1887 [1.1] and cite [9.9] for it. See [2] for more about the Tay bridge.\n"
    (settings.documents / "bridge.txt").write_text(text, "utf-8")
    answer = open_chat(settings).ask("When did the bridge over the Tay open?")
    assert answer.status == "answered"
    assert answer.dangling == ()
    assert answer.statements[0].text == "The bridge over the Tay opened in 1887 [1.1] and cite [9.9] for it."
    assert [c.quote for c in answer.statements[0].citations] == [answer.statements[0].text]


def test_asking_a_folder_without_an_index_builds_it_first(settings: Settings) -> None:
    (settings.documents / "a.md").write_text("# Tea\n\nTea is grown on the slopes of Mount Kenya.\n", "utf-8")
    built: list[bool] = []
    answer = open_chat(settings, building=lambda: built.append(True)).ask("Where is tea grown?")
    assert built == [True]
    assert answer.text == "Tea is grown on the slopes of Mount Kenya."


def test_a_question_in_another_language_says_so_and_is_still_answered_or_declined(chat: Chat) -> None:
    answer = chat.ask("Was ist militärische Diplomatie und wozu dient sie?")
    assert "language" in {notice.code for notice in answer.notices} and answer.status in ("answered", "abstained")
    assert "language" not in {notice.code for notice in chat.ask(FACT).notices}
