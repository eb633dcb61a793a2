"""What a process sees of the GPUs, told as workers are told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ablations.machine import gpu_names, visible_gpus
from helpers.commands import TINY

SEEN = """
import torch
print(torch.cuda.device_count(), *(torch.cuda.get_device_properties(n).uuid
      for n in range(torch.cuda.device_count())))
"""


def seen(visible: str) -> list[str]:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": visible}
    said = subprocess.check_output([sys.executable, "-c", SEEN], text=True, env=environment)
    return said.split()


@pytest.mark.slow
def test_no_gpu_is_seen_where_none_is_shown():
    assert seen("") == ["0"]


@pytest.mark.gpu
def test_each_name_shows_one_gpu(monkeypatch):
    """Its UUID, so that it does not matter in which order CUDA and nvidia-smi number them."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus = visible_gpus()
    assert gpus
    assert gpu_names()
    for gpu in gpus:
        count, uuid = seen(gpu)
        assert count == "1"
        assert gpu.startswith("MIG-") or gpu.endswith(uuid)


@pytest.mark.gpu
def test_real_workers_train_on_real_gpus(ablate, home, monkeypatch):
    """More runs side by side than GPUs."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    done = ablate("run", TINY, "--seeds", "1", "--per-gpu", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    results = [run.result() for run in home.runs()]
    assert all(result["metrics"]["gpu_peak_gib"] > 0 for result in results)
    attempts = [run.attempt(1) for run in home.runs()]
    assert {one["gpus"] for one in attempts} == {1}
    assert {one["device"] for one in attempts} <= set(gpu_names())
