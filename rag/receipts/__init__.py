"""Saved answers, and whether their citations still hold."""
