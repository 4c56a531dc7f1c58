"""Saved answers, and whether their citations still hold.

In: an `Answer` with its index (`receipt`), later the file and a documents folder (`recheck`). Out: a JSON file, and
for each citation whether its characters are unchanged, moved or gone. Nothing is guessed. Called from `ui`.
"""
