"""The part of the documents folder that an ingest is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.documents import find_files
from rag.errors import DocumentsError


@dataclass(frozen=True, slots=True)
class Scope:
    """All of `folder`, or only what `targets` name: files and folders in it, there or not there any more."""

    folder: Path
    targets: tuple[Path, ...] = ()

    @staticmethod
    def of(folder: Path, paths: Sequence[Path]) -> "Scope":
        """A path is taken from the working folder if it is there, else from `folder`.

        Raises DocumentsError for one that leads out of the folder.
        """
        targets = []
        for path in paths:
            target = (path if path.exists() else folder / path).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise DocumentsError(
                    f"{str(path)!r} is not in the documents folder {str(folder)!r}. Name a part of it."
                )
            targets.append(target)
        return Scope(folder, tuple(targets))

    def files(self, indexed: Iterable[str]) -> list[Path]:
        """The files to read now, given the names of those that were `indexed` before.

        Raises DocumentsError when the folder cannot be used, and for a target that is neither there nor indexed.
        """
        files = find_files(self.folder)
        names = list(indexed) if self.targets else []
        for target in self.targets:
            if not any(self._within(file, target) for file in (*files, *(self.folder / name for name in names))):
                place = target.relative_to(self.folder.resolve()).as_posix()
                what = "holds no document that can be read" if target.exists() else "is neither there nor indexed"
                raise DocumentsError(f"{place!r} in the documents folder {str(self.folder)!r} {what}.")
        return [file for file in files if self._covers(file)]

    def covers(self, name: str) -> bool:
        """Whether the file called `name` belongs to it."""
        return self._covers(self.folder / name)

    def _covers(self, file: Path) -> bool:
        return not self.targets or any(self._within(file, target) for target in self.targets)

    @staticmethod
    def _within(file: Path, target: Path) -> bool:
        return file.resolve().is_relative_to(target)
