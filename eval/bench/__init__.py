"""Benchmarks, as ratios against a rival or a limit in the same run: `python -m eval.bench`. Not in the wheel."""
