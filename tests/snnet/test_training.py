"""Joint training: what a step touches, and what it leaves."""

from __future__ import annotations

import pytest
import torch

from helpers.training import training, weights
from snnet.distributed import Process
from snnet.errors import DivergenceError
from snnet.training import slices_of


def test_clipped_gradients_have_at_most_that_norm(data):
    run = training(data, gradient_clip=1e-3)
    run.run_epoch()
    norms = [p.grad.norm() for p in run.network.parameters() if p.grad is not None]
    assert torch.stack(norms).norm() <= 1.001e-3


def test_slices_go_round_the_processes():
    for count, world in ((8, 1), (8, 2), (8, 8), (2, 4)):
        slices = [slices_of(count, Process(rank, world)) for rank in range(world)]
        assert sorted({n for mine in slices for n in mine}) == list(range(count))
    with pytest.raises(ValueError, match="do not divide"):
        slices_of(3, Process(0, 2))


def test_training_lowers_the_loss(data):
    run = training(data, epochs=12)
    losses = [run.run_epoch()["loss"] for _ in range(12)]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_seeds_differ_and_repeat(data):
    def trained(seed):
        run = training(data, seed=seed)
        run.run_epoch()
        return weights(run)

    a, again, b = trained(0), trained(0), trained(1)
    assert all(torch.equal(a[name], again[name]) for name in a)
    assert not all(torch.equal(a[name], b[name]) for name in a)


def test_stitching_layers_alone_leave_the_anchors(data):
    run = training(data, tuning="stitching_layers")
    before = weights(run)
    run.run_epoch()
    changed = {name for name, value in weights(run).items() if not torch.equal(before[name], value)}
    assert changed
    assert all(name.startswith("layers.") for name in changed)


def test_counts_of_passes_and_images(data):
    for sampling, passes in (("random", 4), ("sandwich", 4 * 5)):
        run = training(data, sampling=sampling, sandwich_random=3)
        metrics = run.run_epoch()
        assert metrics["passes"] == passes
        assert metrics["images_seen"] == 64
        assert int(run.visits.sum()) == passes


def test_divergence_names_epoch_step_and_stitch(data):
    run = training(data)
    with torch.no_grad():
        for parameter in run.network.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(DivergenceError, match=r"epoch 0, step 0, stitch \d+"):
        run.run_epoch()


def test_an_epoch_shows_as_many_images_as_settings_say(data):
    run = training(data, images_per_epoch=40, epochs=4)
    metrics = [run.run_epoch() for _ in range(2)]
    assert [one["images_seen"] for one in metrics] == [32, 64]  # two steps of 16, of four
    assert run.steps_per_epoch == 2
