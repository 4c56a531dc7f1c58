"""The list of conversations as HTML: pure functions."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ui.web.conversations import Listing
from ui.web.markup import escape

KINDS = {"md": "Markdown", "html": "HTML", "docx": "Word", "json": "JSON"}


def conversation_list(
    items: Sequence[Listing], here: str, words: str = "", told: str = "", now: datetime | None = None
) -> str:
    """The conversations below the days they were last asked in; `here` is the open one."""
    if not items:
        nothing = (
            f"No conversation has “{escape(words)}” in it." if words else "Your conversations will be listed here."
        )
        return f'{told}<p class="none">{nothing}</p>'
    groups: dict[str, list[Listing]] = {}
    for item in items:
        groups.setdefault(_group(item, now or datetime.now()), []).append(item)
    return told + "".join(_section(name, group, here) for name, group in groups.items())


def deleted(conversation: str, title: str) -> str:
    """That a conversation was deleted, and the way back."""
    button = f'<button type="button" data-do="restore" data-conversation="{escape(conversation)}">Undo</button>'
    return f'<p class="told" role="status"><span>Deleted “{escape(title)}”.</span>{button}</p>'


def refused(message: str) -> str:
    """Why a conversation was left as it is."""
    return f'<p class="told warning" role="status">{escape(message)}</p>'


def _group(item: Listing, now: datetime) -> str:
    if item.pinned:
        return "Pinned"
    days = (now.date() - datetime.fromtimestamp(item.updated).date()) // timedelta(days=1)
    return "Today" if days < 1 else "Yesterday" if days == 1 else "Last 7 days" if days < 8 else "Earlier"


def _section(name: str, items: Sequence[Listing], here: str) -> str:
    return f"<h2>{name}</h2><ul>{''.join(_row(item, item.id == here) for item in items)}</ul>"


def _row(item: Listing, here: bool) -> str:
    title = escape(item.title)
    current = ' aria-current="page"' if here else ""
    return (
        f'<li class="conversation"><a href="/?c={item.id}" data-visit="{item.id}"{current}>{title}</a>'
        f'<details class="menu"><summary aria-label="Actions for {title}" title="Actions"></summary>'
        f'<div class="actions">{"".join(_actions(item))}</div></details></li>'
    )


def _actions(item: Listing) -> Iterator[str]:
    for do, name in (("rename", "Rename"), ("unpin", "Unpin") if item.pinned else ("pin", "Pin"), ("delete", "Delete")):
        yield f'<button type="button" data-do="{do}" data-conversation="{item.id}">{name}</button>'
    for kind, name in KINDS.items():
        yield f'<a href="/conversations/{item.id}.{kind}" download>Save as {name}</a>'
