"""Hybrid retrieval: which passages answer a standalone question.

In: a question, a number of passages, a scope (`scope`: globs of documents). Out: passages, best first (`hybrid`:
dense and lexical scores fused; `rerank`: MaxSim, then the reader). Called from `rag.chat` and the benchmarks.
"""
