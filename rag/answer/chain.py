"""What a LangChain chat model is asked: to rewrite a follow-up, and to answer, which is parsed as it streams."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from rag.answer.answerer import Part, Reply, Restart
from rag.answer.parser import AnswerParser, Draft, Refused
from rag.documents.passages import flat
from rag.errors import BackendUnavailable, StreamCut
from rag.llms.prompts import CITABLE, conversation, numbered, prompt
from rag.types import Passage, Turn, Usage

REWRITTEN_CHARACTERS = 600
# A small model may say the same for ever; it is stopped when it has repeated one statement this often.
MAX_REPETITIONS = 3
# What makes no difference to whether two statements are the same: punctuation, and the number of a list item.
_WORDLESS = re.compile(r"^\W*\d{1,3}[.)]\s|\W+")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A follow-up as a question of its own, and what writing it used."""

    question: str
    usage: Usage


def rewriting(model: BaseChatModel, question: str, history: Sequence[Turn]) -> Rewritten:
    """A follow-up as a question that can be understood alone; as it was asked when the model's words are none."""
    message = (prompt("rewrite") | model).invoke({"question": question, "history": conversation(history)})
    line = flat(message.text).strip('"“” ')
    is_one = 0 < len(line) <= REWRITTEN_CHARACTERS and any(c.isalnum() for c in line)
    return Rewritten(line if is_one else question, _used(message))


def writing(model: BaseChatModel, prompt_name: str, question: str, passages: Sequence[Passage]) -> Iterator[Part]:
    """The parts of an answer, streamed. Closing it ends the request to the model, whoever stops listening."""
    with closing(model.stream(_messages(prompt_name, question, passages))) as messages:  # type: ignore[type-var]
        yield from _parts(messages)


def _messages(prompt_name: str, question: str, passages: Sequence[Passage]) -> list[BaseMessage]:
    """The prompt; its last message carries the passages as values too, for a model that takes documents."""
    messages = prompt(prompt_name).format_messages(question=question, passages=numbered(passages))
    if prompt_name == "answer":
        messages[-1].additional_kwargs[CITABLE] = question, passages
    return messages


def _used(message: BaseMessage) -> Usage:
    counted = getattr(message, "usage_metadata", None)
    return Usage(counted["input_tokens"], counted["output_tokens"]) if counted else Usage()


def _parts(messages: Iterator[BaseMessage]) -> Iterator[Part]:
    """The drafts in a streamed message, each once, and what it says about itself.

    What a model that may think aloud says without the form that the prompt asks for is held until its end. Raises
    BackendUnavailable when the model has written neither a statement nor the refusal: that is no abstention.
    """
    parser, aloud, held = AnswerParser(), False, list[Part]()
    said: Counter[str] = Counter()
    answered_by, finish, cut = "The model", None, None
    try:
        for message in messages:
            metadata = message.response_metadata
            if metadata.get("answered_by"):
                answered_by, aloud = metadata["answered_by"], metadata.get("thinks_aloud", False)
                yield Reply(answered_by, tuple(metadata.get("passed_over", ())))
            if metadata.get("restart"):
                parser, aloud, held = AnswerParser(), False, []
                said.clear()
                yield Restart()
            held += _unsaid(parser.feed(message.text), said)
            if parser.in_form or not aloud:
                yield from held
                held.clear()
            if said and max(said.values()) > MAX_REPETITIONS:
                finish = "repeated"
                yield Reply(finish=finish)
                break
            finish, used = metadata.get("finish") or finish, _used(message)
            if "finish" in metadata or used != Usage():
                yield Reply(finish=metadata.get("finish"), usage=used)
    except StreamCut as error:
        cut = error
    held += _unsaid(parser.finish(cut=cut is not None or finish in ("length", "refused", "repeated")), said)
    yield from held
    if cut:
        raise cut
    if not said and not parser.refused:
        what = "declined to answer" if finish == "refused" else "wrote no statement"
        raise BackendUnavailable(f"{answered_by} {what}. Ask again, or use another one with --backend.")


def _unsaid(parts: Iterator[Draft | Refused], said: Counter[str]) -> Iterator[Part]:
    """The parts without statements that have been made already, and without words; `said` counts them."""
    for part in parts:
        if isinstance(part, Draft):
            if not part.markers and not any(c.isalpha() for c in part.text):
                continue
            key = _WORDLESS.sub(" ", part.text).casefold().strip()
            said[key] += 1
            if said[key] > 1:
                continue
        yield part
