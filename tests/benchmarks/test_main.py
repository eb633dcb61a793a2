"""The benchmarks as a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_a_quick_run_writes_numbers_table_and_figure(tmp_path):
    """Really measured; the numbers of a busy machine say nothing, so none is asserted.

    On one CPU: threads that share a busy one with others spin most of their time away.
    """
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable]
    command += ["-m", "benchmarks", "--quick", "--output", str(tmp_path)]
    command += ["--only", "evaluation", "--only", "sandwich_step", "--only", "grid"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    saved = json.loads((tmp_path / "results.json").read_text())
    assert saved["cores"] >= 1
    cases = {(each["benchmark"], each["case"]): each for each in saved["results"]}
    for direction, bound in (("fast to slow", 1.12), ("slow to fast", 5.11)):
        each = cases["evaluation", f"digits, {direction}, batch 16"]
        assert each["bounds"]["work"] == pytest.approx(bound, abs=0.01)
        assert 0 <= each["difference"] <= each["tolerance"]
        assert each["ratio"] > 0
        assert ("sandwich_step", f"digits, {direction}") in cases
    seconds = cases["grid", "nothing new in 100 runs"]["seconds"]
    assert all(seconds[name] > 0 for name in ("plan", "a packed run, beside itself", "status"))
    table = (tmp_path / "results.md").read_text()
    assert "<br>status: " in table
    assert table.count("\n|") == 2 + len(cases)
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "results.pdf").read_bytes().startswith(b"%PDF")


def test_an_unknown_benchmark_names_the_others():
    command = [sys.executable, "-m", "benchmarks", "--only", "speed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "evaluation" in done.stderr
