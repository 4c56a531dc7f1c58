"""Making a prompt fit: the lowest passages are left out when a model cannot read them all."""

from collections.abc import Callable, Sequence

from rag.types import Passage

# Kept free for the answer; a model that reads little gets a quarter of what it reads.
ANSWER_TOKENS = 1_024
# Prompts are counted in tiktoken's tokens. Other tokenizers need up to a fifth more for the same English text.
OTHER_TOKENIZERS = 1.2


def prompt_room(context_tokens: int | None) -> int | None:
    """How many tokens, as tiktoken counts, a prompt may have for a model that reads that many; None for any."""
    if context_tokens is None:
        return None
    return int((context_tokens - min(ANSWER_TOKENS, context_tokens // 4)) / OTHER_TOKENIZERS)


def fit(
    passages: Sequence[Passage], room: int | None, prompt_tokens: Callable[[Sequence[Passage]], int]
) -> tuple[Passage, ...]:
    """The best passages, in their order, whose prompt has at most `room` tokens; none when not even one fits.

    `passages` stand best first. `prompt_tokens` counts the whole prompt with the passages it is given.
    """
    if room is None:
        return tuple(passages)
    for kept in range(len(passages), 0, -1):
        if prompt_tokens(passages[:kept]) <= room:
            return tuple(passages[:kept])
    return ()
