"""`ablate plan` counts with the workers that `ablate run` would have here."""

from __future__ import annotations

import os
import subprocess

import pytest

from helpers.commands import TOY, command
from helpers.gpus import WHOLE, pretend_gpus


@pytest.mark.slow
def test_a_plan_keeps_to_the_cpus_of_the_process(home, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    told = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command(home.root, "plan", TOY)]
    assert subprocess.check_output(told, text=True).rstrip().endswith("with 1 workers.")


@pytest.mark.slow
def test_a_plan_counts_with_gpus(ablate, monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    assert ablate("plan", TOY).stdout.rstrip().endswith("with 3 workers.")
    refused = ablate("run", TOY, "--per-gpu", "0")
    assert refused.returncode == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    refused = ablate("run", TOY, "--per-gpu", "2")
    assert refused.returncode == 2
    assert refused.stderr == "ablate: --per-gpu 2: this machine shows no GPU\n"
