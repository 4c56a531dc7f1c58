"""Asking the cases of an exam: each in its own documents, under the chosen controls, through the chat of every door."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from eval.cases import Case
from eval.controls import after, controlled
from rag.chat import Chat
from rag.documents import document_id, find_files
from rag.errors import PinciteError
from rag.index.lock import ingest_turn
from rag.types import Answer

# In the data folder: the runs that were given no folder of their own.
EXAMS = "exams"
# What is not copied of a data folder: exams and what belongs to a running process.
NOT_COPIED = shutil.ignore_patterns("*.lock", EXAMS)


class Desk:
    """Where cases are answered. A case that adds documents is answered by a second chat, over a copy of the index.

    `folder` is an empty temporary folder for that copy.
    """

    def __init__(self, chat: Chat, cases: Sequence[Case], cases_folder: Path, folder: Path) -> None:
        self.chat = chat
        self._cases, self._cases_folder, self._folder = cases, cases_folder, folder
        self._second: Chat | None = None
        self._laid: tuple[str, ...] = ()

    def lay_out(self, documents: tuple[str, ...]) -> None:
        """Bring these extra documents into the second index, and no others. None may be asked meanwhile."""
        if documents == self._laid:
            return
        if self._second is None:
            self._second = self._copy()
        settings = self._second.settings
        for name in self._laid:
            (settings.documents / name).unlink()
        for name in documents:
            target = settings.documents / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._cases_folder / name, target)
        self._second.ingest()
        self._laid = documents

    def ask(self, case: Case, backend: str, controls: Sequence[str]) -> Answer:
        """The answer to one case, whose documents must be laid out. What fails gives an answer that says so."""
        chat = (self._second if case.documents else None) or self.chat
        try:
            answer = controlled(chat, case, self._cases, controls).ask(case.question, case.history, backend)
        except PinciteError as error:
            answer = Answer(
                case.question, case.question, "failed", "", backend=backend, embedder=chat.embedder.fingerprint,
                verifier=chat.verifier.name, index=chat.store.name, error=str(error),
            )  # fmt: skip
        return after(answer, case, controls)

    def close(self) -> None:
        """Close the second index."""
        if self._second:
            self._second.store.close()

    def _copy(self) -> Chat:
        """A chat over copies of the documents and of the index."""
        was = self.chat.settings
        settings = was.model_copy(
            update={"documents": self._folder / "documents", "data": self._folder / "data", "chroma_url": None}
        )
        for path in find_files(was.documents):
            target = settings.documents / document_id(path, was.documents)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        if was.chroma_url is None:
            with ingest_turn(was.data):
                shutil.copytree(was.data, settings.data, ignore=NOT_COPIED)
        second = Chat(settings)
        second.verifier = self.chat.verifier
        return second
