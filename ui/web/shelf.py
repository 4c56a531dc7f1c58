"""The library as HTML: the documents by folder, what a question may use of them, and what is said of both."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from ui.web.conversation import Entry
from ui.web.markup import count, escape, file_name, named, place
from ui.web.source import bar

LISTED = 500


def document_list(
    documents: Sequence[Entry],
    scope: Sequence[str] = (),
    *,
    words: str = "",
    editable: bool = False,
    told: str = "",
    left_out: Sequence[str] = (),
    news: int = 0,
) -> str:
    """The panel when nothing is open: those of the documents that have `words` in their title or name.

    What is ticked is the `scope` of the next question. `editable` offers to add and to remove.
    """
    found = [d for d in documents if all(w in f"{d.title} {d.id}".casefold() for w in words.casefold().split())]
    folders: dict[str, list[Entry]] = {}
    for document in found[:LISTED]:
        folders.setdefault(str(PurePosixPath(document.file).parent), []).append(document)
    rows = "".join(_folder(name, inside, scope, editable) for name, inside in sorted(folders.items()))
    if not found:
        rows = f'<p class="aside">No document has “{escape(words)}” in its title.</p>' if words else ""
    more = f'<p class="aside">and {len(found) - LISTED:,} more; search for them</p>' if len(found) > LISTED else ""
    if left_out:
        reasons = "".join(f"<li>{escape(why)}</li>" for why in left_out[:LISTED])
        more += (
            f'<details class="left-out"><summary>{count(len(left_out), "file")} left out</summary><ul>{reasons}</ul>'
            "</details>"
        )
    add = (
        '<div class="add"><button type="button" data-pick="files">Add files</button>'
        '<button type="button" data-pick="folder">Add a folder</button>'
        '<button type="button" data-act="reindex">Update index</button></div>'
    )
    return (
        f'<header class="source-head">{bar()}<h2 tabindex="-1">Documents</h2>'
        f'<p class="file">{_hint(editable)}</p>{add if editable else ""}{told}</header>'
        f'<div class="text list" data-news="{news}" tabindex="0" role="region" aria-label="Documents">'
        f"{rows}{more}</div>"
    )


def removed(file: str, token: str) -> str:
    """That a file was taken out of the folder, and the way back."""
    button = f'<button type="button" data-act="restore" data-token="{escape(token)}">Undo</button>'
    return (
        f'<p class="told" role="status"><span>Removed {escape(file_name(file) or "the document")}.</span>{button}</p>'
    )


def said(message: str) -> str:
    """A line about the last thing done."""
    return f'<p class="told" role="status"><span>{escape(message)}</span></p>' if message else ""


def asking(documents: Sequence[Entry], scope: Sequence[str]) -> str:
    """Below the box: which documents the next question may use; empty when it is all of them."""
    if not scope:
        return ""
    chosen = [d for d in documents if ticked(d, scope)]
    return (
        f'<p class="asking"><span>Asking {len(chosen):,} of {count(len(documents), "document")}: '
        f"{escape(named([d.title for d in chosen]))}</span>"
        '<button type="button" data-tick="" data-on="">Ask all</button></p>'
    )


def ticked(document: Entry, scope: Sequence[str]) -> bool:
    """Whether a scope made of ids, files and folders names the document."""
    folders = {str(parent) for parent in PurePosixPath(document.file).parents}
    return bool({document.id, document.file, *folders} & set(scope))


def _hint(editable: bool) -> str:
    drop = "Drop or paste files anywhere on the page to add them. " if editable else ""
    return f"{drop}Tick what a question may use; without a tick it is everything."


def _folder(name: str, inside: Sequence[Entry], scope: Sequence[str], editable: bool) -> str:
    rows = "".join(_row(document, scope, editable) for document in inside)
    if name == ".":
        return f'<ul class="documents">{rows}</ul>'
    checked = " checked" if name in scope else ""
    box = f'<input type="checkbox" data-tick="{escape(name)}"{checked}>'
    return f'<h3 class="folder"><label>{box} {escape(name)}</label></h3><ul class="documents">{rows}</ul>'


def _row(document: Entry, scope: Sequence[str], editable: bool) -> str:
    title, name = escape(document.title), escape(document.id)
    checked = " checked" if ticked(document, scope) else ""
    bin_ = (
        f'<button type="button" class="remove" data-act="remove" data-name="{name}" aria-label="Remove {title}" '
        'title="Remove"></button>'
    )
    return (
        f'<li><input type="checkbox" data-tick="{name}" aria-label="Ask {title}"{checked}>'
        f'<button type="button" class="document" title="{name}" {place(document.id)}><span class="title">{title}</span>'
        f'<span class="file">{escape(_about(document))}</span></button>{bin_ if editable else ""}</li>'
    )


def _about(document: Entry) -> str:
    kind = PurePosixPath(document.file).suffix.lstrip(".").upper()
    parts = [file_name(PurePosixPath(document.id).name), kind]
    parts.append(count(document.pages, "page") if document.pages else "")
    parts.append(_size(document.bytes) if document.bytes > 0 else "")
    parts.append(f"{datetime.fromtimestamp(document.modified):%-d %b %Y}" if document.modified else "")
    return " · ".join(filter(None, parts))


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MB" if size >= 2**20 else f"{max(1, size // 2**10):,} kB"
