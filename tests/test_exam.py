"""The exam that CI sits: offline, over the reporting half of the seeds' cases, against the committed baseline; and the
ceiling of these cases, which a backend that answers from their gold must reach.
"""

from pathlib import Path

import pytest
from commands import ROOT, alone_in, pincite

from eval.metrics import METRICS
from rag.settings import Settings

BASELINE = ROOT / "eval" / "baselines" / "offline.json"
FIGURES = ("citation_validity", "quote_exactness")


@pytest.mark.slow
def test_the_offline_backend_is_no_worse_than_the_committed_baseline(
    seeds_index: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone_in(tmp_path, monkeypatch)
    where = ("--documents", seeds_index.documents, "--data", seeds_index.data)
    cases = ROOT / "eval" / "cases" / "seeds.jsonl"
    ran = pincite("eval", "run", cases, "--split", "reporting", *where, "--out", "exam", "--json")
    assert ran.code == 0, ran.error
    figures = ran.json["backends"]["offline"]
    assert [figures[name]["mean"] for name in FIGURES] == [1.0, 1.0]
    passed = pincite("eval", "gate", BASELINE, "exam")
    assert passed.code == 0, passed.text


@pytest.mark.slow
def test_every_figure_of_the_shipped_cases_has_the_ceiling_that_it_should_have(
    seeds_index: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone_in(tmp_path, monkeypatch)
    where = ("--documents", seeds_index.documents, "--data", seeds_index.data)
    ran = pincite("eval", "run", "seeds", "--split", "reporting", "--backend", "perfect", "--oracle", *where, "--json")
    assert ran.code == 0, ran.error
    for name, figure in ran.json["backends"]["perfect"].items():
        if figure["mean"] is None or METRICS[name].amount or name == "recall@1":  # one passage cannot hold every group
            continue
        assert figure["mean"] == (1.0 if METRICS[name].better == "higher" else 0.0), name
