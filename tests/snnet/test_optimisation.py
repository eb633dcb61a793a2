"""Which parameters learn how fast."""

from __future__ import annotations

import pytest

from helpers.training import training


def test_anchors_and_stitching_layers_have_rates_of_their_own(data):
    run = training(data, anchor_learning_rate=0.1, warmup_epochs=0)
    rate = {id(p): group["lr"] for group in run.optimizer.param_groups for p in group["params"]}
    for name, parameter in run.network.named_parameters():
        expected = 1e-3 if name.startswith("layers.") else 1e-4
        assert rate[id(parameter)] == pytest.approx(expected), name


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
