"""Gradients through torch's process group: NCCL on GPUs, gloo on CPUs; one rank."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from helpers.training import CONFIG, training, weights
from snnet.data.digits import load_digits
from snnet.data.memory import take
from snnet.distributed import Process
from snnet.training import Training


@pytest.fixture
def group(device, tmp_path):
    if device.type == "cuda":
        torch.cuda.set_device(0)
    backend = "nccl" if device.type == "cuda" else "gloo"
    store = f"file://{tmp_path}/group"
    distributed.init_process_group(backend, init_method=store, rank=0, world_size=1)
    yield backend
    distributed.destroy_process_group()


def started(data, device, precision):
    network = training(data).network.to(device)
    return Training(network, data, replace(CONFIG, precision=precision), Process(device=device))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_one_rank_trains_as_no_group(group, device, precision):
    assert distributed.get_backend() == group
    data = take(load_digits(0), 64, 32, 0)
    alone = started(data, device, precision)
    expected = alone.run_epoch()
    joined = started(data, device, precision)
    joined._passes = DistributedDataParallel(  # as `Process.wrap` has it
        joined._passes, find_unused_parameters=True, broadcast_buffers=False
    )
    assert joined.run_epoch()["loss"] == pytest.approx(expected["loss"], rel=1e-3)
    found, wanted = weights(joined), weights(alone)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-2, atol=1e-3)


def test_values_are_exchanged(group, device):
    flags = torch.tensor([0.0, 1.0], device=device)
    distributed.all_reduce(flags, op=distributed.ReduceOp.MAX)
    assert flags.tolist() == [0.0, 1.0]
    values: list[object] = [None]
    distributed.all_gather_object(values, {"sums": [1.5]})
    assert values == [{"sums": [1.5]}]
