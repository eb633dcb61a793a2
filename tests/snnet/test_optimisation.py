"""Which parameters learn how fast."""

from __future__ import annotations

import pytest
import torch

from helpers.training import training


def test_anchors_and_stitching_layers_have_rates_of_their_own(data):
    run = training(data, anchor_learning_rate=0.1, warmup_epochs=0)
    rate = {id(p): group["lr"] for group in run.optimizer.param_groups for p in group["params"]}
    for name, parameter in run.network.named_parameters():
        expected = 1e-3 if name.startswith("layers.") else 1e-4
        assert rate[id(parameter)] == pytest.approx(expected), name


def test_the_whole_schedule_is_scaled_floor_included(data):
    run = training(data, anchor_learning_rate=0.1, warmup_epochs=1, epochs=4)
    last = 4 * run.steps_per_epoch
    for step in (0, run.steps_per_epoch // 2, last // 2, last):
        run.scheduler.step_update(step)
        rates = sorted({group["lr"] for group in run.optimizer.param_groups})
        assert rates == [pytest.approx(0.1 * rates[-1]), rates[-1]]
    assert rates[-1] == pytest.approx(1e-3 / 100)


def test_gradients_are_clipped_by_norm_or_by_unit(data):
    moved = {}
    for how in ("norm", "agc"):
        run = training(data, gradient_clip=1e-3, gradient_clip_by=how)
        run.run_epoch()
        moved[how] = torch.cat([parameter.flatten() for parameter in run.network.parameters()])
    assert not torch.equal(moved["norm"], moved["agc"])


def test_position_embeddings_are_not_decayed(data):
    run = training(data)
    decay = {
        id(p): group["weight_decay"]
        for group in run.optimizer.param_groups
        for p in group["params"]
    }
    for name, parameter in run.network.named_parameters():
        exempt = parameter.ndim < 2 or name.endswith(("pos_embed", "cls_token"))
        assert decay[id(parameter)] == (0 if exempt else 0.05), name
