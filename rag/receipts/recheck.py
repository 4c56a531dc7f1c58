"""Which citations of a saved answer still hold in today's documents. Characters must be the same; none are guessed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rag.documents import CONVERTERS, LARGEST_BYTES, document_id, find_files, read_documents, too_large
from rag.errors import ReadError
from rag.receipts.receipt import Cited, Receipt
from rag.receipts.surroundings import place_of
from rag.types import Document, sha256_of

# holds      the document, or at least what it says between these offsets, is as it was
# moved      the document was edited elsewhere: the quote stands at other offsets, which `now` gives
# ambiguous  the quote stands in the document, but which occurrence was cited is not certain any more
# stale      the quote does not stand in the document any more, or never did: the receipt was edited
# gone       there is no such document any more, or it cannot be read
State = Literal["holds", "moved", "ambiguous", "stale", "gone"]
GOOD: frozenset[State] = frozenset({"holds", "moved"})

NOT_SAID = "the document does not say these words any more"
READ_ANEW = "the document changed, or is read in another way than when the answer was saved: its text has other words"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one citation. `now` is where it stands today; `reason` says why it does not hold."""

    cited: Cited
    state: State
    now: tuple[int, int] | None = None
    reason: str | None = None


def check(receipt: Receipt, documents: Mapping[str, Document | ReadError]) -> list[Finding]:
    """A finding for each citation of the receipt, in order, given today's `documents` by id."""
    hashes = {name: sha256_of(found.text) for name, found in documents.items() if isinstance(found, Document)}
    findings = []
    for cited in receipt.citations:
        document = documents.get(cited.document)
        if isinstance(document, Document):
            finding = _finding(cited, document.text, hashes[cited.document])
            if finding.reason == NOT_SAID and receipt.converters not in (None, CONVERTERS):
                finding = replace(finding, reason=READ_ANEW)
            findings.append(finding)
        else:
            why = "there is no such document any more" if document is None else str(document)
            findings.append(Finding(cited, "gone", reason=why.removeprefix(f"{cited.document} ").rstrip(".")))
    return findings


def _finding(cited: Cited, text: str, sha256: str) -> Finding:
    long = len(cited.quote)
    if cited.end - cited.start == long and text[cited.start : cited.end] == cited.quote:
        return Finding(cited, "holds", (cited.start, cited.end))
    if cited.end - cited.start != long or sha256 == cited.sha256:
        return Finding(cited, "stale", reason="the receipt was edited: this is not what stood at its offsets")
    if cited.quote not in text:
        return Finding(cited, "stale", reason=NOT_SAID)
    start = place_of(text, cited.quote, cited.around)
    if start is None:
        return Finding(cited, "ambiguous", reason="which occurrence of these words was cited is not certain any more")
    return Finding(cited, "moved", (start, start + long))


def read_today(folder: Path, names: Collection[str]) -> dict[str, Document | ReadError]:
    """Those of the documents called `names` that are in the folder today, by id; only their files are read.

    A ReadError stands for a document whose whole file cannot be read. Raises DocumentsError when the folder cannot
    be used.
    """
    found: dict[str, Document | ReadError] = {}
    for path in find_files(folder):
        file = document_id(path, folder)
        wanted = {name for name in names if name == file or name.startswith(f"{file}#")} - found.keys()
        if not wanted:
            continue
        try:
            fits = path.stat().st_size <= LARGEST_BYTES
            documents = list(read_documents(path.read_bytes(), file)) if fits else [too_large(file)]
        except OSError as error:
            documents = [ReadError(f"{file} cannot be read ({error.strerror or error}).")]
        good = {document.id: document for document in documents if isinstance(document, Document)}
        bad = None if good else next((one for one in documents if isinstance(one, ReadError)), None)
        for name in wanted:
            if one := good.get(name) or bad:
                found[name] = one
    return found
