"""Every family goes through the same code: published costs, the whole method on small images."""

from __future__ import annotations

import csv
from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
import timm
import torch
from families import FAMILIES, family
from hypothesis import given, settings
from hypothesis import strategies as st

from snnet.anchors import adapt
from snnet.checkpoint import resume_training, save_training
from snnet.config import StitchingConfig
from snnet.cost import route_costs
from snnet.data.memory import InMemory
from snnet.evaluation import evaluate, sweep
from snnet.initialisation import initialise_least_squares
from snnet.network import StitchingLayer, stitch
from snnet.scales import SCALES
from snnet.training import Training

PUBLISHED = Path(__file__).parents[1] / "reports" / "published"
# parameters of the front that the released figures lack, by family, front anchor and stage:
# class token and position embedding, or the patch mergings before the stitch
PARAMS_LEFT_OUT = {
    "deit": {(0, 0): 38_016, (1, 0): 76_032},
    "swin": {(0, 1): 74_496, (0, 2): 370_944, (1, 1): 74_496, (1, 2): 370_944},
}
# their code skips the back's final norm in DeiT's stitches: 197 positions, five MACs an element
MACS_LEFT_OUT = {"deit": {1: 197 * 384 * 5, 2: 197 * 768 * 5}}


def on_meta(names, **options):
    with torch.device("meta"):
        anchors = [adapt(timm.create_model(name)) for name in names]
        return stitch(anchors, (3, 224, 224), **options)


@pytest.mark.parametrize("name", ["deit", "swin", "resnet", "resnet-swin", "levit"])
def test_published_costs(name):
    chosen = SCALES["imagenet"][name]
    network = on_meta(
        [anchor["architecture"] for anchor in chosen["anchors"]], stages=chosen.get("stages")
    )
    with open(PUBLISHED / f"{name}.csv") as file:
        rows = {tuple(row[c] for c in PLACE): row for row in csv.DictReader(file)}
    costs = route_costs(network)
    assert len(rows) == len(costs)
    for route, (macs, params) in zip(network.space.routes, costs, strict=True):
        place = (route.first, route.first, "", "", "")
        left_out_macs = left_out_params = 0
        if route.joints:
            (joint,) = route.joints
            stage, i = network.space.place(joint.front, joint.front_block)
            _, j = network.space.place(joint.back, joint.back_block)
            place = (joint.front, joint.back, stage, i, j)
            left_out_params = PARAMS_LEFT_OUT.get(name, {}).get((joint.front, stage), 0)
            left_out_macs = MACS_LEFT_OUT.get(name, {}).get(joint.back, 0)
        row = rows[tuple(map(str, place))]
        assert macs == int(row["macs"]) + left_out_macs
        if row["params"]:
            assert params == int(row["params"]) + left_out_params


PLACE = ("front", "back", "stage", "front_block", "back_block")


def test_other_timm_models_come_out_of_the_same_code():
    for names, count in (
        (["vit_tiny_patch16_224", "vit_small_patch16_224"], 36),
        (["deit3_small_patch16_224", "deit3_base_patch16_224"], 36),
        (["vit_small_patch16_224", "vit_large_patch16_224"], 25),  # 12 and 24 blocks: unpaired
        (["resnet18", "resnet34", "resnet50"], 3 + 12 + 12),
        (["levit_128", "levit_192", "levit_256"], 3 + 2 * 9),
        (["swin_tiny_patch4_window7_224", "swin_large_patch4_window7_224"], 2 + 1 + 1 + 17 + 1),
    ):
        costs = route_costs(on_meta(names))
        assert len(costs) == count, names
        macs = [cost[0] for cost in costs[: len(names)]]
        assert macs == sorted(macs)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["deit_tiny_distilled_patch16_224", "deit_small_patch16_224"], "2 of them class tokens"),
        (["vit_tiny_patch16_224", "vit_small_patch32_224"], "197 tokens .* 50 tokens"),
        (["levit_192", "swin_tiny_patch4_window7_224"], "equally many stages"),
        (["resnet18", "vit_small_patch16_224"], "equally many stages"),
    ],
)
def test_networks_that_do_not_fit_say_what_differs(names, says):
    with pytest.raises(ValueError, match=says):
        on_meta(names)


def test_the_documented_architecture_joins():
    """What docs/extending.md adds goes through space, cost, least squares and sweep."""
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
    (code,) = [part for part in page.split("```python")[1:] if "MlpMixer" in part]
    exec(code.partition("```")[0], {})
    torch.manual_seed(0)
    names = ("mixer_s16_224", "mixer_b16_224")
    anchors = [adapt(timm.create_model(name, img_size=32, num_classes=10)) for name in names]
    network = stitch(anchors, (3, 32, 32)).eval()
    images = torch.rand(4, 3, 32, 32)
    assert all(fit.residual < 1 for fit in initialise_least_squares(network, [images]))
    assert len(sweep(network, images)) == len(route_costs(network)) == 2 + 11  # 8 and 12 blocks


LAYOUTS = ["tokens", "channels_last", "channels_first"]


@settings(max_examples=30, deadline=None)
@given(front=st.sampled_from(LAYOUTS), back=st.sampled_from(LAYOUTS), seed=st.integers(0, 99))
def test_a_stitching_layer_is_linear_over_channels_in_any_layout(front, back, seed):
    torch.manual_seed(seed)
    size, channels = (2, 3), (5, 4)
    layer = StitchingLayer(channels, (front, back), (6,) if back == "tokens" else size)
    rows = torch.randn(7, prod(size), channels[0])
    expected = torch.nn.functional.linear(rows, layer.weight, layer.bias)
    stitched = layer(lay_out(rows, front, size))
    torch.testing.assert_close(stitched, lay_out(expected, back, size))


def lay_out(rows, layout, size):
    """Rows (B, N, C) as features of a layout."""
    if layout == "tokens":
        return rows
    grid = rows.unflatten(1, size)
    return grid if layout == "channels_last" else grid.permute(0, 3, 1, 2)


CONFIG = StitchingConfig(
    epochs=1,
    warmup_epochs=0,
    batch_size=8,
    learning_rate=1e-3,
    subnetworks_per_step=2,
    gradient_clip=5.0,
    anchors=(),
)


@pytest.mark.parametrize("direction", ["fast_to_slow", "slow_to_fast"])
@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_whole_method(name, direction, tmp_path):
    """Least squares, steps of each sampling rule, one sweep, checkpoint and resume."""
    network = family(name, direction)
    shape = network.image_shape
    draws = torch.Generator().manual_seed(0)
    images = torch.rand(16, *shape, generator=draws)
    labels = torch.arange(16) % 10
    data = InMemory(images, labels, images[:6], labels[:6], 10, 0.5, 0.3)
    fits = initialise_least_squares(network, data.calibration(8, 0))
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
        assert {**whole, "images_per_second": 0} == {**again, "images_per_second": 0}
        for key, value in network.state_dict().items():
            assert torch.equal(value, ended[key]), key
    network.eval()
    test = data.normalise(data.test_images)
    together = sweep(network, test)
    with torch.no_grad():
        for stitch_id, logits in enumerate(together):
            torch.testing.assert_close(logits, network(test, stitch_id), rtol=1e-3, atol=1e-4)
    assert len(evaluate(network, data.test_batches(4))) == len(network.space.routes)
