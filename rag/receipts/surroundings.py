"""What stands around a quote, kept so that the quote can be found again after its document has been edited."""

from dataclasses import dataclass

# Characters kept on each side. A side on which another occurrence of the quote reads the same is kept longer.
SIZES = (40, 80, 160, 320, 640)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The characters before and after a quote: with either of them it stood in its document only once.

    None for a side that even the longest size did not tell from another occurrence's. `once` says that the quote by
    itself stood there only once.
    """

    before: str | None
    after: str | None
    once: bool


def surroundings(text: str, start: int, end: int) -> Surroundings:
    """What stands around `text[start:end]`."""
    quote = text[start:end]
    befores = (text[max(0, start - size) : start] for size in SIZES)
    afters = (text[end : end + size] for size in SIZES)
    return Surroundings(
        next((side for side in befores if only_place(text, side + quote) is not None), None),
        next((side for side in afters if only_place(text, quote + side) is not None), None),
        only_place(text, quote) is not None,
    )


def place_of(text: str, quote: str, known: Surroundings | None) -> int | None:
    """Where in `text` the quote that had these surroundings begins now; None when that is not certain.

    One side that is as it was is enough, unless the other is as it was somewhere else. With neither, or when nothing
    is known, the quote must stand only once, and not have stood more often before. Characters must be the same:
    nothing is matched by similarity.
    """
    places = set()
    if known and known.before is not None and (at := only_place(text, known.before + quote)) is not None:
        places.add(at + len(known.before))
    if known and known.after is not None and (at := only_place(text, quote + known.after)) is not None:
        places.add(at)
    if not places and (known is None or known.once) and (at := only_place(text, quote)) is not None:
        places.add(at)
    return places.pop() if len(places) == 1 else None


def only_place(text: str, words: str) -> int | None:
    """Where `words` stand in `text`, if that is one place."""
    first = text.find(words)
    return first if first >= 0 and text.find(words, first + 1) < 0 else None
