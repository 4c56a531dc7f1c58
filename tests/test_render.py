import dataclasses
import html
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_chat import ScriptedChat, answered, cite, document, passage

from rag.errors import PinciteError
from rag.settings import load_settings
from rag.types import Answer, Citation, Disagreement, Notice, Searched, Statement, Turn, Usage
from ui.api.server import listen
from ui.web import render, shelf, side, source
from ui.web.conversation import Exchange, history, settled
from ui.web.conversations import Listing
from ui.web.events import Events, Here, View, examples_from

TEXT = (
    "Rivers of the North\n\nThe Alder is 420 km long. It never freezes.\n\nBridges\n\nThree bridges cross the Alder.\n"
)
RIVERS = document("rivers.txt", TEXT)
LENGTH = Statement(
    "The Alder is 420 km long.", "supported", 0.98, citations=(cite(RIVERS, "The Alder is 420 km long."),)
)
ITEMS = tuple(Statement(f"- bridge {n}", "supported", 0.9) for n in ("one", "two"))
HOSTILE = (
    "<script>window.broken = 1</script>",
    '<img src=x onerror="window.broken = 1">',
    '" onmouseover="window.broken = 1" data-document="secret.txt',
    "[a link](javascript:window.broken=1)",
    "</button><a href='javascript:window.broken=1'>go</a>",
    "${window.broken = 1} {{constructor}} `x`",
)


class Seen(HTMLParser):
    """The elements and attributes that a browser would make of some HTML, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(answer: Answer) -> str:
    around = render.Around({"rivers.txt": "Rivers of the North"}, quality="catches 80 % of planted errors")
    return render.exchange(Exchange(answer.question, answer=answer), around)


def mark_in(panel: str) -> str:
    found = re.search(r"<mark [^>]*>(.*?)</mark>", panel, re.DOTALL)
    assert found
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]))


def test_consecutive_items_are_one_list_and_lose_their_dash() -> None:
    page = shown(answered("q", LENGTH, *ITEMS, LENGTH))
    assert page.count("<ul") == 1 and page.count("<li") == 2
    assert "bridge one" in Seen(page).text and "- bridge" not in Seen(page).text


def test_the_same_words_have_the_same_number_throughout_an_answer() -> None:
    other = Statement("Three.", "supported", 0.9, citations=(cite(RIVERS, "Three bridges cross the Alder."),))
    page = shown(answered("q", LENGTH, other, LENGTH))
    assert re.findall(r">(\d+)</button>", page) == ["1", "2", "1"]


def test_a_partial_statement_says_check_this_and_which_words_disagreed() -> None:
    words = (Disagreement("500 km", "420 km", "number"), Disagreement("deep", None, "word"))
    page = shown(answered("q", Statement("The Alder is 500 km deep.", "partial", 0.5, None, words, LENGTH.citations)))
    text = Seen(page).text
    assert "check this" in text
    assert "“500 km” here, “420 km” in the source" in text and "“deep” is not in the cited words" in text
    assert '<u class="disagrees">500 km</u>' in page


def test_withheld_statements_are_counted_in_one_line_that_unfolds_to_their_reasons() -> None:
    withheld = tuple(Statement(f"Claim {n}.", "unsupported", 0.1, "no citation") for n in (1, 2))
    page = shown(answered("q", LENGTH, withheld=withheld))
    assert "<details" in page and "<summary>2 unsupported statements withheld</summary>" in page
    assert page.index("</summary>") < page.index("Claim 1.") < page.index("no citation")
    mixed = (*withheld, Statement("No.", "contradicted", 0.0))
    assert "3 statements withheld: 2 unsupported, 1 contradicted" in shown(answered("q", LENGTH, withheld=mixed))


def test_markers_that_named_nothing_and_notices_are_shown() -> None:
    page = shown(answered("q", LENGTH, dangling=("9.9",), notices=(Notice("stream_cut", "The answer was cut off."),)))
    assert "1 marker named no sentence and cited nothing: [9.9]" in page and "The answer was cut off." in page


@pytest.mark.parametrize("code", ["sources_disagree", "language", "weak_evidence"])
def test_what_changes_how_an_answer_is_read_stands_in_front_of_it(code: str) -> None:
    text = Seen(shown(answered("q", LENGTH, notices=(Notice(code, "Mind this."),)))).text
    assert text.index("Mind this.") < text.index(LENGTH.text)


@pytest.mark.parametrize("asked", ["How long is the Aldre?", "And how long?"])
def test_what_was_searched_for_is_shown_when_it_is_not_what_was_asked(asked: str) -> None:
    searched = "How long is the <Alder>?"
    running = render.exchange(Exchange(asked, Searched(searched, ())), render.Around({}))
    for page in (running, shown(dataclasses.replace(answered(asked, LENGTH), search_question=searched))):
        assert "Searched for: How long is the <Alder>?" in Seen(page).text
    same = dataclasses.replace(answered("how long is the alder", LENGTH), search_question="How long is the Alder?")
    assert "Searched for" not in shown(same)


def test_an_abstention_looks_different_and_calls_its_passages_not_an_answer() -> None:
    refusal = Answer("q", "q", "abstained", "The documents do not say.", passages=(passage(RIVERS, 0, 40),))
    page = shown(refusal)
    assert 'class="abstained"' in page and "not an answer" in page
    assert 'data-document="rivers.txt"' in page and 'data-kind="passage"' in page


def test_a_line_under_the_answer_says_who_answered_who_checked_how_long_and_how_many_tokens() -> None:
    text = Seen(shown(answered("q", LENGTH))).text
    assert "Answered by offline · 0.2 s · 120 tokens read, 34 written" in text
    assert "Checked by offline-1" in text and "catches 80 % of planted errors" in text


def test_a_greeting_is_answered_plainly_and_looks_like_no_refusal() -> None:
    hello = Answer("hi", "hi", "abstained", "Hello. Ask me.", notices=(Notice("greeting", "Not from the documents."),))
    assert "Hello. Ask me." in shown(hello) and "abstained" not in shown(hello)


@pytest.mark.parametrize(("show", "statements"), [("withhold", 1), ("mark", 2), ("strict", 0)])
def test_what_is_shown_while_an_answer_is_still_checked_follows_the_setting(show: str, statements: int) -> None:
    arrived = (LENGTH, Statement("No.", "contradicted", 0.0))
    running = Exchange("q", Searched("q", ()), arrived)
    page = render.exchange(running, render.Around({}, show))
    assert page.count('<div class="statement') == statements
    progress = "Checking the whole answer" if show == "strict" else "2 statements checked so far"
    assert progress in page


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_documents_and_models_never_becomes_markup(text: str) -> None:
    name = f"{text}.txt"
    hostile = document(name, f"{text}\n\nSome prose follows {text} here.\n")
    citation = Citation(name, hostile.sha256, 0, len(text), text, None, (text,), "cited")
    statement = Statement(text, "partial", 0.4, text, (Disagreement(text, text, "word"),), (citation,))
    answer = answered(
        text, statement, withheld=(statement,), dangling=(text,), notices=(Notice("x", text),), verifier=text
    )
    refusal = Answer(text, text, "abstained", text, passages=(passage(hostile, 0, len(hostile.text)),))
    failed = Answer(text, text, "failed", "", error=text)
    around = render.Around({name: text}, quality=text)
    for page in (
        render.exchange(Exchange(text, answer=answer, backend=text, beside=Exchange(text, backend=text)), around),
        *(shown(answer), shown(refusal), shown(failed), render.welcome(1, [text]), render.note(text)),
        *(side.conversation_list([Listing("0", text, 0.0, False)], "0", told=side.deleted(text, text)),),
        shelf.removed(name, text),
        *(
            shelf.document_list(ScriptedChat({name: hostile}).documents(), (name,), editable=True, left_out=(text,)),
            source.open_document(hostile, 0, len(text)),
            source.unavailable(text),
        ),
    ):
        seen = Seen(page)
        assert not {"script", "img", "iframe", "style"} & set(seen.tags)
        assert text in seen.text or text in str(seen.attributes)
        for attributes in seen.attributes:
            assert not [a for a in attributes if a.startswith("on")]
            own = ("data:application/json;base64,", "/?c=", "/conversations/")
            assert (attributes.get("href") or own[0]).startswith(own)
            assert attributes.get("data-document") in (None, name)


@given(st.data())
def test_the_mark_holds_exactly_the_cited_characters_of_any_text(data: st.DataObject) -> None:
    lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
    text = data.draw(st.lists(lines, min_size=1, max_size=8).map("\r\n".join).filter(str.strip))
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert mark_in(source.open_document(document("a.txt", text), start, end)) == text[start:end]


def test_the_heading_path_and_the_title_stand_above_the_source() -> None:
    panel = source.open_document(RIVERS, *LENGTH_SPAN)
    assert ">Rivers of the North</h2>" in panel
    assert source.heading_path(RIVERS, TEXT.index("Three")) == ("Bridges",)


LENGTH_SPAN = (TEXT.index("The Alder"), TEXT.index("The Alder") + 25)


def test_a_document_that_changed_since_it_was_cited_is_opened_unmarked_with_a_warning() -> None:
    panel = source.open_document(RIVERS, *LENGTH_SPAN, sha256="0" * 64)
    assert "<mark" not in panel and "has changed since it was cited" in panel
    assert "<mark" in source.open_document(RIVERS, *LENGTH_SPAN, sha256=RIVERS.sha256)


def test_a_huge_document_is_shown_around_the_place_with_the_rest_a_button_away() -> None:
    huge = document("huge.txt", "".join(f"Line number {n} of this book.\n" for n in range(40_000)))
    start = huge.text.index("Line number 20000 ")
    panel = source.open_document(huge, start, start + 17)
    assert len(panel) < 4 * source.WINDOW_CHARACTERS and mark_in(panel) == "Line number 20000"
    assert "Show earlier text" in panel and "Show later text" in panel


def test_the_history_holds_questions_and_answers_but_never_sources() -> None:
    past = [
        Exchange("first", answer=answered("first", LENGTH, passages=(passage(RIVERS, 0, 90),))),
        Exchange("second", error="did not answer"),
        Exchange("third", stopped=True),
    ]
    assert history(past) == (Turn("user", "first"), Turn("assistant", "The Alder is 420 km long."))
    assert settled([Exchange("open")])[-1].stopped and settled([Exchange("open")], "broke")[-1].error == "broke"


@pytest.fixture
def events(tmp_path: Path) -> Events:
    """The events of a page; backends whose name begins with "openai:" or "mistral:" run elsewhere."""
    chat = ScriptedChat({"rivers.txt": RIVERS}, {"How long?": answered("How long?", LENGTH)})
    settings = load_settings({"data": tmp_path}, environ={})
    return Events(chat, settings, lambda spec: spec.startswith(("openai:", "mistral:")))


def last(views: Iterable[View]) -> View:
    return list(views)[-1]


def begun(views: Iterable[View]) -> str:
    """The conversation that a question began, once it is answered."""
    return next(iter([view.conversation for view in views if view.conversation]))


def test_a_question_that_cannot_be_asked_stays_in_the_box_and_loses_nothing(events: Events) -> None:
    first = begun(events.asked("How long?", Here()))
    for bad, words in (("   ", "The question is empty"), ("x" * 100_000, "100,000 characters")):
        view = last(events.asked(bad, Here(first)))
        assert view.box == bad and words in (view.note or "") and view.current is None
    assert [one.question for one in events.conversations.exchanges(first)] == ["How long?"]


def test_a_backend_elsewhere_is_said_once_before_the_first_question_is_sent(events: Events) -> None:
    chosen = events.backends_chosen(Here(backend="openai:x"))
    assert "will be sent there" in (chosen.note or "") and chosen.told == frozenset({"openai:x"})
    told = Here(backend="openai:x", told=frozenset({"openai:x"}))
    assert events.backends_chosen(told).note == ""
    unsaid = list(events.asked("How long?", Here(backend="openai:x")))
    assert len(unsaid) == 1 and unsaid[0].box == "How long?" and "will be sent there" in (unsaid[0].note or "")
    assert begun(events.asked("How long?", told))


def test_two_backends_elsewhere_are_both_named_before_the_question_is_sent_to_either(events: Events) -> None:
    here = Here(backend="openai:x", beside="mistral:y", told=frozenset({"offline"}))
    unsaid = last(events.asked("How long?", here))
    assert "openai:x and mistral:y run on other machines" in (unsaid.note or "") and unsaid.conversation is None
    assert unsaid.told == frozenset({"offline", "openai:x", "mistral:y"})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_one_column_leaves_the_other(events: Events) -> None:
    conversation = begun(events.asked("How long?", Here(backend="bug:a", beside="quick:b")))
    (exchange,) = events.conversations.exchanges(conversation)
    broken, whole = exchange.columns
    assert "Something broke inside Pincite" in (broken.error or "") and broken.answer is None
    assert whole.answer and whole.answer.statements == (LENGTH,) and not exchange.running


def test_of_two_answers_the_first_goes_back_to_both_models(events: Events) -> None:
    assert isinstance(events.chat, ScriptedChat)
    first = begun(events.asked("How long?", Here(backend="quick:a", beside="down:b")))
    last(events.asked("How long?", Here(first, backend="quick:a", beside="other:b")))
    said = (Turn("user", "How long?"), Turn("assistant", LENGTH.text))
    assert {(asked[1], asked[2]) for asked in events.chat.asked[-2:]} == {(said, "quick:a"), (said, "other:b")}


@pytest.mark.parametrize(("cost", "words"), [(0.0123, "$0.0123"), (0.0, "free of charge"), (None, "cost unknown")])
def test_what_an_answer_cost_is_said_and_an_unknown_price_is_not_called_free(cost: float | None, words: str) -> None:
    assert f" · {words} · " in Seen(shown(answered("q", LENGTH, usage=Usage(120, 34, cost)))).text


def test_a_bug_before_anything_was_shown_is_still_said(events: Events) -> None:
    view = events.broken(Here())
    assert "Something broke inside Pincite" in (view.note or "") and view.conversation is None


@pytest.mark.parametrize(
    "forged",
    [
        {"document": "../../etc/passwd"},
        {"document": "rivers.txt", "start": "-5", "end": "3"},
        {"document": "rivers.txt", "start": "0", "end": "99999"},
        {"document": "rivers.txt", "start": "x", "end": "<script>"},
        {"document": ["rivers.txt"], "start": None, "end": {}},
    ],
)
def test_a_forged_place_opens_nothing_and_says_so(events: Events, forged: dict[str, object]) -> None:
    panel = events.place_chosen(forged, Here())
    assert 'class="failed"' in panel and "<mark" not in panel and "<script" not in panel


def test_questions_to_begin_with_come_from_the_documents_own_headings() -> None:
    chat = ScriptedChat({"a.md": document("a.md", "Title\n\nThe long history of bridges\n\nSome prose stands here.\n")})
    assert "What do the documents say about The long history of bridges?" in examples_from(chat, chat.documents())


def test_a_port_in_use_is_one_line_that_says_what_to_type() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            PinciteError, match=f"Port {port} on 127.0.0.1 is already in use. Type: PORT={port + 1} make chat"
        ):
            listen("127.0.0.1", port)
    with pytest.raises(PinciteError, match="Set PINCITE_HOST to 127"):
        listen("203.0.113.7", 7860)
