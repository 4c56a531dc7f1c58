"""The bundled model, loaded once for all processes that are forked from one that has this module."""

from rag.models.minilm import MiniLM

MODEL = MiniLM(threads=1)
