"""Hybrid retrieval: which passages answer a question."""
