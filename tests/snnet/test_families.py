"""Every family goes through the same code: the whole method on small images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers.families import CONFIG, FAMILIES, family, images_for
from helpers.training import steady
from snnet.checkpoint import resume_training, save_training
from snnet.evaluation import evaluate, sweep
from snnet.training import Training

LARGE = ("resnet-swin", "efficientnet")


@pytest.mark.parametrize("direction", ["fast_to_slow", "slow_to_fast"])
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in LARGE else ()) for n in FAMILIES],
)
def test_the_whole_method(name, direction, tmp_path):
    """Least squares, steps of each sampling rule, one sweep, checkpoint and resume."""
    network = family(name, direction)
    data = images_for(network, 16)
    fits = network.initialise(data.calibration(8, 0))
    assert len(fits) == len(network.layers) > 0
    assert all(0 <= fit.residual < 1 for fit in fits)  # better than the mean of the target
    for sampling in ("random", "sandwich"):
        config = replace(CONFIG, sampling=sampling)
        one = Training(network, data, config)
        assert one.run_epoch(pause=lambda: True) is None  # after the first of two steps
        save_training(one, one.state(), tmp_path / sampling)
        whole = one.run_epoch()
        ended = {key: value.clone() for key, value in network.state_dict().items()}
        two = Training(network, data, config)
        resume_training(two, tmp_path / sampling)
        assert (two.epoch, two.step) == (0, 1)
        again = two.run_epoch()
        assert steady(whole) == steady(again)
        for key, value in network.state_dict().items():
            assert torch.equal(value, ended[key]), key
    network.eval()
    test = data.normalise(data.test_images)
    together = sweep(network, test)
    with torch.no_grad():
        for stitch_id, logits in enumerate(together):
            torch.testing.assert_close(logits, network(test, stitch_id), rtol=1e-3, atol=1e-4)
    assert len(evaluate(network, data.test_batches(4))) == len(network.space.routes)


@pytest.mark.parametrize("name", ["efficientnet", "convnext"])
def test_a_stitch_is_the_parts_of_its_models(name):
    """Front's modules, the stitching layer as a 1x1 convolution, back's modules, one by one."""
    network = family(name).eval()
    images = torch.rand(2, *network.image_shape)
    number, route = next((n, r) for n, r in enumerate(network.space.routes) if r.joints)
    (joint,) = route.joints
    front, back = network.anchor(joint.front), network.anchor(joint.back)
    seen = {}
    hook = front.blocks[joint.front_block].register_forward_hook(
        lambda module, given, features: seen.update(front=features)
    )
    entering = back.blocks[joint.back_block].register_forward_pre_hook(
        lambda module, given: (seen["stitched"],) if "stitched" in seen else None
    )
    layer = network.layer(joint)
    with torch.no_grad():
        front.model(images)  # timm's own forward, not ours
        features = seen["front"]
        rows = features.permute(0, 2, 3, 1) @ layer.weight.T + layer.bias
        seen["stitched"] = rows.permute(0, 3, 1, 2)
        wanted = back.model(images)
        hook.remove()
        entering.remove()
        torch.testing.assert_close(network(images, number), wanted, rtol=1e-4, atol=1e-5)
