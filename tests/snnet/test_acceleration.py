"""What makes steps faster: only in training, and only where the device has it."""

from __future__ import annotations

import pytest
import torch

from helpers.training import training, weights
from snnet.acceleration import Acceleration
from snnet.config import StitchingConfig
from snnet.distributed import Process


def test_other_precisions_and_layouts_are_for_training_alone(data):
    """On the CPU both change nothing but the layout."""
    plain, other = training(data), training(data, precision="tf32", channels_last=True)
    seen = []
    forward = other._passes.forward

    def watch(run, slices, *rest):
        seen.append(torch.get_float32_matmul_precision())
        assert all(one.is_contiguous(memory_format=torch.channels_last) for one in slices)
        return forward(run, slices, *rest)

    other._passes.forward = watch
    metrics = other.run_epoch()
    assert set(seen) == {"high"}
    assert torch.get_float32_matmul_precision() == "highest"
    assert metrics["loss"] == pytest.approx(plain.run_epoch()["loss"], rel=1e-3)


def test_without_a_gpu_there_are_no_graphs(data):
    plain, other = training(data), training(data, cuda_graphs=True)
    plain.run_epoch(), other.run_epoch()
    assert other.acceleration.captured is None
    expected = weights(plain)
    assert all(torch.equal(value, expected[name]) for name, value in weights(other).items())


def test_graphs_are_for_one_process(network):
    config = StitchingConfig(cuda_graphs=True)
    shared = Process(rank=1, world=2, device=torch.device("cuda"))
    with pytest.raises(ValueError, match="cuda_graphs is for one process, and 2 share this run"):
        Acceleration(network, config, shared)


def test_graphs_are_not_for_texts():
    with pytest.raises(ValueError, match="holds texts, whose batches differ in length"):
        StitchingConfig(dataset="text/films", cuda_graphs=True)
