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
    assert list(saved) == ["evaluation", "sandwich_step", "grid"]
    assert all(each["cores"] >= 1 and each["quick"] for each in saved.values())
    rows = [row for each in saved.values() for row in each["results"]]
    cases = {(each["benchmark"], each["case"]): each for each in rows}
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


def test_those_for_a_gpu_are_tried_without_one(tmp_path):
    """In the same way as on a GPU, in tiny sizes."""
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable]
    command += ["-m", "benchmarks", "--gpu", "--device", "cpu", "--quick"]
    command += ["--only", "training_step", "--only", "least_squares"]
    command += ["--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    saved = json.loads((tmp_path / "results.json").read_text())
    results = [row for each in saved.values() for row in each["results"]]
    steps = {each["case"]: each for each in results if each["benchmark"] == "gpu_training_step"}
    assert set(steps) == {
        f"digits, {precision}, against {rival}"
        for precision in ("fp32", "bf16")
        for rival in ("plain timm", "the authors' loop")
    }
    assert all("images per second" in each["facts"] for each in steps.values())
    solves = [each for each in results if each["benchmark"] == "gpu_least_squares"]
    assert [each["case"] for each in solves] == ["digits, double", "digits, measured"]


def test_without_a_gpu_one_sentence_says_so():
    command = [sys.executable, "-m", "benchmarks", "--gpu"]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=hidden)
    assert done.returncode == 0, done.stderr
    assert "sees no GPU here" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_a_benchmark_of_the_other_kind_says_how_it_is_measured():
    command = [sys.executable, "-m", "benchmarks", "--only", "sharing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "sharing is measured with --gpu" in done.stderr


def test_an_unknown_benchmark_names_the_others():
    command = [sys.executable, "-m", "benchmarks", "--only", "speed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "evaluation" in done.stderr


def test_earlier_numbers_that_cannot_be_read_are_told_before_anything_is_measured(tmp_path):
    (tmp_path / "results.json").write_text("{")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "results.json is damaged: remove it, or give another --output" in done.stderr
    assert (tmp_path / "results.json").read_text() == "{"
