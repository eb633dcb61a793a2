"""The program runs, compares and writes; how fast anything is stays untested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def from_the_checkout(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)  # `benchmarks` is not installed with the rest


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_quick_run_writes_table_numbers_and_figure(tmp_path):
    only = ["--only", "sandwich_step", "--only", "training_step"]
    finished = run("--quick", *only, "--output", str(tmp_path))
    assert finished.returncode == 0, finished.stderr
    assert "training_step" in finished.stdout
    for name in ("results.json", "results.md", "results.png", "results.pdf"):
        assert (tmp_path / name).stat().st_size > 0

    written = json.loads((tmp_path / "results.json").read_text())
    assert written["threads"] >= 1
    assert "cores" in written["machine"]
    assert {"torch", "timm"} <= written.keys()
    rows = written["results"]
    assert {row["benchmark"] for row in rows} == {"sandwich_step", "training_step"}
    for row in rows:
        assert row["ratio"] > 0
        assert 0 <= row["difference"] <= row["tolerance"]
        assert row["met"] is (row["ratio"] >= row["target"])
        for way in ("plain", "ours"):
            assert 0 < row[way]["fastest"] <= row[way]["median"] <= row[way]["slowest"]
    table = (tmp_path / "results.md").read_text()
    assert table.count("<br>digits") == len(rows)


@pytest.mark.parametrize("difference", [0.2, float("nan")])
def test_outputs_that_differ_are_refused(difference):
    from benchmarks.measure import OutputsDifferError, Result, Timing

    timing = Timing.of([1.0])
    with pytest.raises(OutputsDifferError, match="outputs differ"):
        Result("evaluation", "case", timing, timing, difference, tolerance=0.1)


def test_help_names_every_benchmark():
    from benchmarks.catalogue import BENCHMARKS

    shown = run("--help").stdout
    assert all(name in shown for name in BENCHMARKS)


def test_unknown_benchmark_is_named():
    finished = run("--only", "nothing")
    assert finished.returncode == 2
    assert "nothing" in finished.stderr
