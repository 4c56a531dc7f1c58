"""Questions by a language model: it writes a sentence's number and a question, and the sentence becomes the gold."""

import importlib.resources
import re
from collections.abc import Callable, Iterator

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from eval.generate import MOST_OVERLAP, overlap
from eval.material import Material
from rag.documents.passages import flat
from rag.llms.prompts import numbered
from rag.types import JSON, Chunk, Passage

QUESTIONS_A_CHUNK = 3
# Chunks with less are mostly headings and links.
FEWEST_SENTENCES = 2
_LINE = re.compile(r"^\W*?[\[【(]1[.](\d+)[\]】)][\s:.-]*(\S.*?\?)\s*$", re.MULTILINE)


def model_questions(
    material: Material, model: BaseChatModel, chunks: int, progress: Callable[[int, int], None] | None = None
) -> Iterator[JSON]:
    """Drafts of cases from at most so many chunks, spread over the documents. Raises BackendError.

    A question that shares too many words with its sentence is dropped.
    """
    chain = _prompt() | model | StrOutputParser()
    able = [chunk for chunk in material.chunks if len(chunk.sentences) >= FEWEST_SENTENCES]
    chosen = [able[i * len(able) // chunks] for i in range(chunks)] if chunks < len(able) else able
    for number, chunk in enumerate(chosen, 1):
        written = chain.invoke({"passages": numbered([Passage(chunk, 0.0)]), "most": QUESTIONS_A_CHUNK})
        yield from _drafts(written, chunk)
        if progress:
            progress(number, len(chosen))


def _drafts(written: str, chunk: Chunk) -> Iterator[JSON]:
    for position, question in _LINE.findall(written):
        if not 1 <= int(position) <= len(chunk.sentences):
            continue
        sentence = chunk.sentences[int(position) - 1]
        quote = chunk.quote(sentence.start, sentence.end)
        if overlap(question, quote) <= MOST_OVERLAP:
            gold = {"document": chunk.document, "quote": quote, "group": 1}
            nugget = {"text": flat(quote), "vital": True}
            yield {"kind": "fact", "question": question, "gold": [gold], "nuggets": [nugget]}


def _prompt() -> ChatPromptTemplate:
    text = (importlib.resources.files("eval") / "templates" / "questions.md").read_text("utf-8")
    system, _, human = text.partition("\n---\n")
    return ChatPromptTemplate.from_messages([("system", system.strip()), ("human", human.strip())])
