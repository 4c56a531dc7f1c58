"""What an answer costs and how much a model reads, from genai-prices, which needs no network for it.

What is not in it is unknown, never zero.
"""

import functools

from rag.llms.specs import Spec, parse_spec

# Nobody charges for what runs in this process.
FREE = ("offline", "llamacpp")
# What genai-prices calls the providers of our backends.
PROVIDERS = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "anthropic-citations": "anthropic",
    "google": "google",
    "mistral": "mistral",
    "openrouter": "openrouter",
}


def prices_known(spec: Spec) -> bool:
    """Whether `cost_usd` can say what an answer by this backend costs."""
    return cost_usd(str(spec), 1, 1) is not None


@functools.lru_cache(maxsize=64)
def context_window(spec: Spec) -> int | None:
    """The longest prompt that a hosted model reads, in tokens; None when it is not known."""
    if spec.name not in PROVIDERS:
        return None
    from genai_prices import Usage, calc_price

    try:
        return calc_price(Usage(), spec.model, provider_id=PROVIDERS[spec.name]).model.context_window
    except LookupError:
        return None


def cost_usd(spec: str, input_tokens: int | None, output_tokens: int | None) -> float | None:
    """US dollars for one answer by one backend, or None when its price or its tokens are not known.

    A list of backends has no price: it is not known which of them answered.
    """
    one, *others = parse_spec(spec)
    if others:
        return None
    if one.name in FREE:
        return 0.0
    if one.name not in PROVIDERS or input_tokens is None or output_tokens is None:
        return None
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        return float(calc_price(usage, one.model, provider_id=PROVIDERS[one.name]).total_price)
    except LookupError:
        return None
