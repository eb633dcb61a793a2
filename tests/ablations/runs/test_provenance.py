"""What an attempt keeps of the machine that it runs on."""

from __future__ import annotations

import os

import pytest

from ablations.machine import count_cpus
from ablations.runs.provenance import surroundings
from helpers.gpus import WHOLE, pretend_gpus


@pytest.mark.parametrize(
    ("visible", "gpus", "device"),
    [
        (None, 3, "NVIDIA A100-SXM4-40GB, Tesla V100"),
        ("GPU-cccc-2", 1, "Tesla V100"),
        ("0,1", 2, "NVIDIA A100-SXM4-40GB"),
        ("7", 1, "GPU that nvidia-smi does not name"),
    ],
)
def test_gpus_that_the_process_may_use(monkeypatch, tmp_path, visible, gpus, device):
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = surroundings()
    assert (found["gpus"], found["device"]) == (gpus, device)


def test_without_gpus_the_device_is_the_processor(monkeypatch, tmp_path):
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = surroundings()
    assert found["gpus"] == 0
    assert "A100" not in found["device"]


@pytest.mark.parametrize(("threads", "cpus"), [("2", 6), (None, 3)])
def test_cpus_are_threads_or_what_the_process_may_use(monkeypatch, threads, cpus):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if threads:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1})
    assert count_cpus() == 1
    assert surroundings(processes=3)["cpus"] == cpus
