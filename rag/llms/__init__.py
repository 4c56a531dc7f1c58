"""The language models that can write answers, each one row of a table. Importing this loads no provider package."""

from rag.llms.backend import Backend
from rag.llms.budget import fit, prompt_room
from rag.llms.prices import cost_usd
from rag.llms.probing import backends_report, context_tokens, passages_for
from rag.llms.specs import Spec, parse_spec
from rag.llms.table import ROWS as BACKENDS
from rag.llms.table import check_spec, leaves_machine, open_model
from rag.llms.trial import Trial, try_backends

__all__ = [
    "BACKENDS",
    "Backend",
    "Spec",
    "Trial",
    "backends_report",
    "check_spec",
    "context_tokens",
    "cost_usd",
    "fit",
    "leaves_machine",
    "open_model",
    "parse_spec",
    "passages_for",
    "prompt_room",
    "try_backends",
]
