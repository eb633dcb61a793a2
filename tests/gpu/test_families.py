"""The whole method in mixed precision, on tiny networks of every family."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers.families import CONFIG as FEW_STEPS
from helpers.families import FAMILIES, family, images_for
from snnet.checkpoint import resume_training, save_training
from snnet.distributed import Process
from snnet.evaluation import evaluate, sweep
from snnet.latency import measure_latencies
from snnet.training import Training

CONFIG = replace(FEW_STEPS, drop_path=0.1)


def flat(network) -> torch.Tensor:
    return torch.cat([value.double().flatten().cpu() for value in network.state_dict().values()])


@pytest.fixture(
    params=[
        # resnet-swin takes minutes on a CPU; tests/snnet/test_families.py has it there
        *(pytest.param(("cpu", n), marks=pytest.mark.slow) for n in FAMILIES if n != "resnet-swin"),
        *(pytest.param(("cuda", n), marks=pytest.mark.gpu) for n in FAMILIES),
    ],
    ids="-".join,
)
def network(request):
    device, name = request.param
    return family(name).to(device)


@pytest.fixture
def device(network):
    return next(network.parameters()).device


def test_least_squares(network):
    fits = network.initialise(images_for(network).calibration(8, 0))
    assert len(fits) == len(network.layers) > 0
    assert all(0 <= fit.residual < 1 for fit in fits)  # better than the mean of the target


@pytest.mark.gpu
@pytest.mark.parametrize("name", FAMILIES)
def test_least_squares_are_those_of_the_cpu(name):
    """In double precision, over features that differ by rounding."""
    logits = []
    for device in ("cpu", "cuda"):
        network = family(name).to(device).eval()
        data = images_for(network)
        network.initialise(data.calibration(8, 0), "joint")
        logits.append(sweep(network, data.normalise(data.test_images).to(device)).cpu())
    here, there = logits
    torch.testing.assert_close(there, here, rtol=0.05, atol=0.05 * here.abs().mean().item())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("sampling", ["random", "sandwich"])
def test_steps_and_resuming(network, device, precision, sampling, tmp_path):
    """Exact on a CPU; on a GPU, whose sums come in any order, far nearer than a step goes."""
    if (device.type, precision, network.anchor(0).layout) == ("cpu", "fp16", "channels_first"):
        pytest.skip("a CPU takes minutes for convolutions in half precision")
    data = images_for(network)
    config = replace(CONFIG, precision=precision, sampling=sampling)
    one = Training(network, data, config, Process(device=device))
    assert one.run_epoch(pause=lambda: True) is None  # after the first of three steps
    save_training(one, one.state(), tmp_path / "checkpoint")
    stopped = flat(network)
    whole = one.run_epoch()
    ended = flat(network)
    assert torch.isfinite(ended).all()
    assert whole["images_seen"] == 24
    two = Training(network, data, config, Process(device=device))
    resume_training(two, tmp_path / "checkpoint")
    assert (two.epoch, two.step) == (0, 1)
    assert torch.equal(flat(network), stopped)
    again = two.run_epoch()
    assert again["loss"] == pytest.approx(whole["loss"], rel=0.02)
    apart = (flat(network) - ended).abs().mean()
    assert apart <= (0.1 * (ended - stopped).abs().mean() if device.type == "cuda" else 0)


@pytest.mark.parametrize(
    "faster",
    [{"compile": "blocks"}, {"cuda_graphs": True}, {"compile": "blocks", "cuda_graphs": True}],
    ids=["compiled", "graphs", "both"],
)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.gpu
def test_faster_steps_are_steps(name, faster):
    """The first steps as they are without; fifty that stay finite, in half precision."""
    losses = []
    for changes in ({}, faster):
        network = family(name).to("cuda")
        config = replace(CONFIG, precision="bf16", epochs=17, **changes)
        run = Training(network, images_for(network), config, Process(device=torch.device("cuda")))
        losses.append([run.run_epoch()["loss"] for _ in range(config.epochs)])
        assert torch.isfinite(flat(network)).all()
    assert losses[1][0] == pytest.approx(losses[0][0], rel=0.02)
    assert losses[1][-1] == pytest.approx(losses[0][-1], rel=0.2)


def test_a_sweep_scores_as_one_by_one(network, device):
    network.eval()
    data = images_for(network)
    test = data.normalise(data.test_images).to(device)
    together = sweep(network, test)
    with torch.no_grad():
        for stitch_id, logits in enumerate(together):
            torch.testing.assert_close(logits, network(test, stitch_id), rtol=1e-3, atol=1e-3)
    assert len(evaluate(network, data.test_batches(4))) == len(network.space.routes)


def test_latency(network):
    found = measure_latencies(network, batch_size=2, repeats=2, warm_up=1)
    assert len(found) == len(network.space.routes)
    assert all(0 < one.low <= one.median <= one.high for one in found)
