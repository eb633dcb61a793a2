"""Importance of stitches, against plain gradients."""

from __future__ import annotations

import pytest
import torch

from helpers.anchors import SHAPE, tiny_anchor
from helpers.training import training
from snnet.candidates import Candidates
from snnet.config import StitchingConfig
from snnet.importance import importance
from snnet.layers import LayerChoice
from snnet.network import stitch
from snnet.seeding import generator

CONFIG = StitchingConfig(calibration_images=40, label_smoothing=0.0)


def candidates(data, kind="linear", **options) -> Candidates:
    anchors = [tiny_anchor(width, width) for width in (8, 12, 16)]
    network = stitch(anchors, SHAPE, layers=LayerChoice(kind, 4), **options)
    return Candidates(network, data, CONFIG)


@pytest.mark.parametrize("kind", ["linear", "low_rank", "norm"])
def test_importance_is_of_all_weights_on_the_way(data, kind):
    found = candidates(data, kind, pairs="all", kernel=1)
    network = found.network.eval()
    images, labels = (torch.cat(parts) for parts in zip(*found.batches(), strict=True))
    values = found.judged(importance)
    assert len(values) == len(found.stitches)
    for stitch_id, value in list(zip(found.stitches, values, strict=True))[::7]:
        network.requires_grad_(True)
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(images, stitch_id), labels).backward()
        layers = {network.layer(joint) for joint in network.space.routes[stitch_id].joints}
        expected = sum((p.grad * p).abs().sum() for one in layers for p in one.parameters())
        assert value == pytest.approx(expected.item(), rel=1e-3)


def test_what_learns_stays_as_it_was(data):
    found = candidates(data, "low_rank")
    before = {name: p.requires_grad for name, p in found.network.named_parameters()}
    assert set(before.values()) == {True, False}
    with torch.no_grad():
        found.judged(importance)
    after = {name: p.requires_grad for name, p in found.network.named_parameters()}
    assert after == before
    assert all(p.grad is None for p in found.network.parameters())


def test_a_layer_that_gives_nothing_is_unimportant(data):
    found = candidates(data)
    with torch.no_grad():
        layer = found.network.layers[0]
        layer.weight.zero_()
        layer.bias.zero_()
    served = set(found.network.space.layers[0].joints)
    routes = found.network.space.routes
    for stitch_id, value in zip(found.stitches, found.judged(importance), strict=True):
        assert (value == 0) == bool(served.intersection(routes[stitch_id].joints))


def test_training_draws_important_stitches_more_often(data):
    run = training(data, sampling="importance", calibration_images=20)
    network = run.network
    values = Candidates(network, data, run.config).judged(importance)
    drawn = torch.zeros(len(network.space.routes), dtype=torch.long)
    for seed in range(2000):
        drawn[run._sampler(generator(seed), drawn)] += 1
    shares = torch.tensor(values) / sum(values) * (len(values) / len(drawn))
    torch.testing.assert_close(drawn[2:] / 2000, shares, rtol=0, atol=0.04)
    assert drawn[:2].sum() / 2000 == pytest.approx(2 / len(drawn), abs=0.04)
