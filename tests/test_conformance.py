"""What every backend must do, against local servers that speak its protocol and misbehave."""

import base64
import logging
import time
from collections.abc import Generator, Iterator
from typing import Any, cast

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from servers.backends import KEY, STANDS, Stand, needs_package
from servers.scripted import ANSWER, Reply, ScriptedServer, free_port, serving

from rag.errors import BackendError, BackendUnavailable, StreamCut
from rag.llms import open_model
from rag.llms.fallback import ANSWER_CHARACTERS

WORDS = "".join(ANSWER)


class Heard:
    """What one question to a backend brought: its words, what its chunks told, and how it failed."""

    def __init__(self, model: BaseChatModel) -> None:
        self.pieces: list[str] = []
        self.told: dict[str, Any] = {}
        self.usage: dict[str, Any] = {}
        self.error: BackendError | None = None
        try:
            for chunk in model.stream("Which colour is the sky?"):
                self.pieces += [chunk.text] if chunk.text else []
                self.told |= chunk.response_metadata
                self.usage |= chunk.usage_metadata or {}
        except BackendError as error:
            self.error = error

    @property
    def words(self) -> str:
        return "".join(self.pieces)


class Rig:
    """A backend and the server that stands in for its provider. Models are opened once for each way to set them."""

    def __init__(self, stand: Stand, server: ScriptedServer) -> None:
        self.stand, self.server, self.spec = stand, server, stand.spec
        self._models: dict[str, BaseChatModel] = {}

    def model(self, **overrides: object) -> BaseChatModel:
        key = repr(overrides)
        if key not in self._models:
            self._models[key] = open_model(self.spec, self.stand.settings(self.server.url, **overrides))
        return self._models[key]

    def ask(self, *script: Reply, **overrides: object) -> Heard:
        self.server.rehearse(*script)
        return Heard(self.model(**overrides))

    def told(self, request: int) -> dict[str, Any]:
        """What a request set, wherever its protocol puts it."""
        body = self.server.seen[request].body
        return {**body, **body.get("generationConfig", {}), **body.get("options", {})}


@pytest.fixture(scope="module", params=STANDS, ids=str)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    stand = STANDS[request.param]
    needs_package(request.param)
    with serving(stand.wire) as server:
        yield Rig(stand, server)


def test_words_arrive_in_pieces_and_in_order_with_who_answered_and_what_it_used(rig: Rig) -> None:
    heard = rig.ask()
    assert tuple(heard.pieces) == ANSWER
    assert heard.told.pop("thinks_aloud", False) == (
        rig.spec.partition(":")[0] in ("ollama", "openrouter", "compatible")
    )
    assert heard.told == {"answered_by": rig.spec, "passed_over": [], "finish": "stop"}
    assert (heard.usage["input_tokens"], heard.usage["output_tokens"]) == (11, 7)
    assert len(rig.server.seen) == 1


def test_every_question_is_asked_at_temperature_zero(rig: Rig) -> None:
    rig.ask()
    assert rig.told(0)["temperature"] == 0


def test_a_model_that_sets_its_own_temperature_is_asked_again_without_one(rig: Rig) -> None:
    refusal = Reply(status=400, message="`temperature` is not supported with this model")
    heard = rig.ask(refusal, Reply(), passages=7)  # a model of its own, since it will remember
    assert heard.words == WORDS
    assert (rig.told(0)["temperature"], rig.told(1).get("temperature")) == (0, None)


def test_a_marker_cut_in_two_by_the_stream_is_still_one(rig: Rig) -> None:
    heard = rig.ask(Reply(pieces=("Blue. [", "1", ".", "1]", " Green.", " [1.", "2]")))
    assert heard.words == "Blue. [1.1] Green. [1.2]"


@pytest.mark.parametrize("size", [1, 7])
def test_lines_and_characters_cut_in_two_by_the_network_are_put_together(rig: Rig, size: int) -> None:
    heard = rig.ask(Reply(pieces=("naïve ", "漢字 ", "🙂"), slice_bytes=size))
    assert heard.words == "naïve 漢字 🙂"


def test_a_slow_first_word_is_waited_for(rig: Rig) -> None:
    heard = rig.ask(Reply(first_wait_s=0.3))
    assert heard.words == WORDS


def test_silence_ends_after_the_time_limit_and_says_which_setting_raises_it(rig: Rig) -> None:
    heard = rig.ask(Reply(first_wait_s=5), timeout_s=0.4)
    assert isinstance(heard.error, BackendUnavailable)
    assert "PINCITE_TIMEOUT_S" in str(heard.error)
    assert len(rig.server.seen) == 1


@pytest.mark.parametrize("body", [b"{not json", b"data: {not json\n\n", b"<html>Sign in</html>", b"", b"\xff\xfe\x00"])
def test_a_reply_that_is_not_the_protocol_is_an_error_in_one_line(rig: Rig, body: bytes) -> None:
    heard = rig.ask(Reply(body=body))
    assert isinstance(heard.error, BackendUnavailable)
    assert str(heard.error).startswith(rig.spec)
    assert "\n" not in str(heard.error)


def test_a_refused_key_is_named_by_its_variable_and_never_shown(rig: Rig) -> None:
    heard = rig.ask(Reply(status=401, message=f"Incorrect API key provided: {KEY}"))
    assert isinstance(heard.error, BackendUnavailable)
    assert "status 401" in str(heard.error)
    assert len(rig.server.seen) == 1
    if rig.stand.key:
        assert rig.stand.key in str(heard.error)
    if rig.spec != "ollama:some-model":  # which has no key
        assert KEY not in str(heard.error)
        assert any(KEY in value for value in rig.server.seen[0].headers.values())
    assert KEY not in rig.server.seen[0].path


def test_an_unknown_model_is_reported_in_the_providers_words(rig: Rig) -> None:
    heard = rig.ask(Reply(status=404, message="There is no model of that name"))
    assert "There is no model of that name" in str(heard.error)
    assert "--backend" in str(heard.error)


def test_a_prompt_that_the_model_cannot_read_names_the_setting_that_shortens_it(rig: Rig) -> None:
    heard = rig.ask(Reply(status=400, message="This model's maximum context length is 2048 tokens"))
    assert "PINCITE_CONTEXT_TOKENS" in str(heard.error)
    assert len(rig.server.seen) == 1


def test_too_many_requests_are_tried_again_after_the_time_that_the_provider_asks_for(rig: Rig) -> None:
    began = time.monotonic()
    heard = rig.ask(Reply(status=429, headers={"Retry-After": "0.4"}), Reply())
    assert heard.words == WORDS
    assert len(rig.server.seen) == 2
    assert time.monotonic() - began >= 0.4


def test_a_provider_that_asks_for_a_long_wait_is_not_waited_for(rig: Rig) -> None:
    heard = rig.ask(Reply(status=429, headers={"Retry-After": "3600"}))
    assert "takes no more questions for now: " in str(heard.error)
    assert len(rig.server.seen) == 1


def test_a_server_that_keeps_failing_is_tried_a_bounded_number_of_times(rig: Rig) -> None:
    heard = rig.ask(Reply(status=500))
    assert "status 500 after 3 tries" in str(heard.error)
    assert "the provider's own words" in str(heard.error)
    assert len(rig.server.seen) == 3


def test_a_connection_lost_before_the_first_word_is_tried_again(rig: Rig) -> None:
    heard = rig.ask(Reply(pieces=("",), cut="reset"), Reply())
    assert heard.words == WORDS
    assert len(rig.server.seen) == 2


@pytest.mark.parametrize("cut", ["reset", "close", "silence", "error"])
def test_an_answer_cut_off_keeps_its_words_and_says_so(rig: Rig, cut: Any) -> None:
    heard = rig.ask(Reply(cut=cut), timeout_s=0.4 if cut == "silence" else 5)
    assert heard.words == WORDS
    assert isinstance(heard.error, StreamCut)
    assert len(rig.server.seen) == 1


def test_an_error_in_the_stream_before_the_first_word_is_told_in_the_providers_words(rig: Rig) -> None:
    reply = Reply(pieces=("",), cut="error", message="The engine is overheating")
    heard = rig.ask(reply, retries=0)
    assert isinstance(heard.error, BackendUnavailable)
    if not rig.spec.startswith("mistral"):  # whose package does not hand it on
        assert "The engine is overheating" in str(heard.error)


def test_ten_megabytes_of_output_are_stopped_at_the_length_of_the_longest_answer(rig: Rig) -> None:
    heard = rig.ask(Reply(pieces=("x" * 100_000,) * 100))
    assert len(heard.words) == ANSWER_CHARACTERS
    assert heard.told["finish"] == "length"


def test_a_model_that_says_the_same_for_ever_is_stopped(rig: Rig) -> None:
    pieces = ("The answer is: ", *("no, it is not. ",) * 2_000)
    heard = rig.ask(Reply(pieces=pieces, pace_s=0.0005))
    assert len(heard.words) < 400
    assert heard.told["finish"] == "repeated"
    assert rig.server.hung_up.wait(2)


def test_an_answer_that_hit_the_models_limit_says_so(rig: Rig) -> None:
    heard = rig.ask(Reply(finish="length"))
    assert heard.told["finish"] == "length"


@pytest.mark.parametrize("finish", ["stop", "length", "refused"])
def test_a_reply_without_words_is_a_failure_that_says_what_came_instead(rig: Rig, finish: Any) -> None:
    heard = rig.ask(Reply(pieces=(), finish=finish))
    assert isinstance(heard.error, BackendUnavailable)
    says = {"stop": "wrote no answer", "length": "used up its tokens", "refused": "declined to answer"}
    if rig.spec.startswith("ollama") and finish == "refused":  # its protocol has no refusals
        says["refused"] = "wrote no answer"
    assert says[finish] in str(heard.error)
    assert len(rig.server.seen) == 1


@pytest.mark.parametrize("forever", ["", "<think>so "], ids=["nothing", "thoughts"])
def test_a_reply_that_goes_on_and_on_ends_by_the_deadline(rig: Rig, forever: str) -> None:
    heard = rig.ask(Reply(pieces=(forever,) * 500, pace_s=0.01), deadline_s=0.5, retries=0)
    assert "PINCITE_DEADLINE_S" in str(heard.error)
    assert rig.server.hung_up.wait(3)


def test_a_reply_is_not_followed_to_another_server(rig: Rig) -> None:
    with serving(rig.stand.wire) as elsewhere:
        for status in (302, 307):
            heard = rig.ask(Reply(status=status, headers={"location": f"{elsewhere.url}/v1/messages"}), retries=0)
            assert elsewhere.url in str(heard.error)
        assert not elsewhere.seen


def test_a_key_in_an_answer_is_taken_out_wherever_the_stream_was_cut(rig: Rig) -> None:
    encoded = base64.b64encode(f"Bearer {KEY}".encode()).decode()
    said = f"The key is {KEY}, or {encoded}, or {KEY[::-1]}. [1.1]"
    heard = rig.ask(Reply(pieces=tuple(said)))
    if rig.stand.key or "compatible" in rig.spec:
        assert not any(part in heard.words for part in (KEY[:8], KEY[-8:], encoded[12:-6], KEY[::-1][:8]))
        assert heard.words.endswith(" [1.1]")


def test_closing_the_answer_stops_the_request(rig: Rig) -> None:
    rig.server.rehearse(Reply(pieces=tuple(f"word {n} " for n in range(400)), pace_s=0.01))
    stream = cast(Generator[AIMessageChunk], rig.model().stream("Which colour is the sky?"))
    while not next(stream).text:
        pass
    stream.close()
    assert rig.server.hung_up.wait(3)
    assert rig.server.pieces_sent < 300


def test_no_server_at_the_address_is_said_with_the_setting_that_changes_it(rig: Rig) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    heard = Heard(open_model(rig.spec, rig.stand.settings(address)))
    assert f"Nothing answers at {address}" in str(heard.error)
    assert rig.stand.address in str(heard.error)


def test_a_key_shows_up_in_no_error_and_in_no_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    failures = [
        Reply(),
        Reply(status=400, message=f"bad key {KEY}"),
        Reply(status=403, message=f"bad key {KEY}"),
        Reply(status=500, message=f"bad key {KEY}"),
        Reply(body=f"{{bad key {KEY}".encode()),
        Reply(cut="reset"),
    ]
    for reply in failures if rig.stand.key or "compatible" in rig.spec else ():
        heard = rig.ask(reply, retries=0)
        assert KEY not in repr(heard.error)
        assert heard.error is None or KEY not in str(heard.error.__cause__) + str(heard.error.__context__)
    assert KEY not in caplog.text
