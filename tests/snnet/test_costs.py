"""Costs: those that were published, and those of a whole analysis."""

from __future__ import annotations

import csv
from itertools import combinations, pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from helpers.families import on_meta
from helpers.spaces import network_of, routes
from snnet.costs import _NORMS
from snnet.scales import SCALES

PUBLISHED = Path(__file__).parents[2] / "reports/data/published"
# parameters of the front that the released figures lack, by family, front anchor and stage:
# class token and position embedding, or the patch mergings before the stitch
PARAMS_LEFT_OUT = {
    "deit": {(0, 0): 38_016, (1, 0): 76_032},
    "swin": {(0, 1): 74_496, (0, 2): 370_944, (1, 1): 74_496, (1, 2): 370_944},
}
# their code skips the back's final norm in DeiT's stitches: 197 positions, five MACs an element
MACS_LEFT_OUT = {"deit": {1: 197 * 384 * 5, 2: 197 * 768 * 5}}


@pytest.mark.parametrize("name", ["deit", "swin", "resnet", "resnet-swin", "levit"])
def test_published_costs(name):
    chosen = SCALES["imagenet"][name]
    network = on_meta(
        [anchor["architecture"] for anchor in chosen["anchors"]], stages=chosen.get("stages")
    )
    with open(PUBLISHED / f"{name}.csv") as file:
        rows = {tuple(row[c] for c in PLACE): row for row in csv.DictReader(file)}
    costs = network.costs()
    assert len(rows) == len(costs)
    for route, (macs, params) in zip(network.space.routes, costs, strict=True):
        place = (route.first, route.first, "", "", "")
        left_out_macs = left_out_params = 0
        if route.joints:
            (joint,) = route.joints
            stage, i = network.space.locate(joint.front, joint.front_block)
            _, j = network.space.locate(joint.back, joint.back_block)
            place = (joint.front, joint.back, stage, i, j)
            left_out_params = PARAMS_LEFT_OUT.get(name, {}).get((joint.front, stage), 0)
            left_out_macs = MACS_LEFT_OUT.get(name, {}).get(joint.back, 0)
        row = rows[tuple(map(str, place))]
        assert macs == int(row["macs"]) + left_out_macs
        if row["params"]:
            assert params == int(row["params"]) + left_out_params


PLACE = ("front", "back", "stage", "front_block", "back_block")


@pytest.mark.slow
def test_other_timm_models_come_out_of_the_same_code():
    for names, count in (
        (["vit_tiny_patch16_224", "vit_small_patch16_224"], 36),
        (["deit3_small_patch16_224", "deit3_base_patch16_224"], 36),
        (["vit_small_patch16_224", "vit_large_patch16_224"], 25),  # 12 and 24 blocks: unpaired
        (["resnet18", "resnet34", "resnet50"], 3 + 12 + 12),
        (["levit_128", "levit_192", "levit_256"], 3 + 2 * 9),
        (["swin_tiny_patch4_window7_224", "swin_large_patch4_window7_224"], 2 + 1 + 1 + 17 + 1),
        ([f"tf_efficientnet_lite{n}" for n in range(3)], 3 + 2 * (2 + 2 + 3 + 3 + 4)),
        (["convnext_tiny", "convnext_small"], 2 + 2 + 2 + 26 + 2),
    ):
        costs = on_meta(names).costs()
        assert len(costs) == count, names
        macs = [cost[0] for cost in costs[: len(names)]]
        assert macs == sorted(macs)


# SN-Netv2's anchors, from their definition: width, blocks, classes' head included
SMALL, LARGE = (384, 12), (1024, 24)
POSITIONS, PATCHES, PATCH, CLASSES = 197, 196, 3 * 16 * 16, 1000


def ends_of(width: int) -> tuple[int, int]:
    """MACs of patch embedding, and of final norm and head."""
    return PATCHES * PATCH * width, 5 * POSITIONS * width + width * CLASSES


def block_of(width: int) -> int:
    """MACs of one block: two norms, four projections and an MLP of 4, attention."""
    return POSITIONS * (2 * 5 * width + 12 * width**2) + 2 * POSITIONS**2 * width


def additive(first: int, cuts: tuple[int, ...]) -> int:
    """MACs of a route that begins in anchor `first` and changes over at these cuts."""
    anchors = (SMALL, LARGE)
    edges, total = (0, *cuts, SMALL[1]), ends_of(anchors[first][0])[0]
    for number, (low, high) in enumerate(pairwise(edges)):
        width, depth = anchors[(first + number) % 2]
        total += (high - low) * depth // SMALL[1] * block_of(width)
    total += len(cuts) * POSITIONS * SMALL[0] * LARGE[0]
    return total + ends_of(anchors[(first + len(cuts)) % 2][0])[1]


def test_both_directions_with_returns():
    """The space of SN-Netv2 (its section 3.1): 134 sub-networks, 22 stitching layers."""
    names = ["deit3_small_patch16_224", "deit3_large_patch16_224"]
    network = on_meta(names, positions="aligned", direction="both", returns=1)
    expected = {}
    for first in (0, 1):
        expected[first, ()] = additive(first, ())
        for cut in range(1, 12):
            expected[first, (cut,)] = additive(first, (cut,))
        for cuts in combinations(range(1, 12), 2):
            expected[first, cuts] = additive(first, cuts)
    found = {}
    for route, (macs, _) in zip(network.space.routes, network.costs(), strict=True):
        cuts = tuple(
            joint.front_block + 1 if joint.front == 0 else joint.back_block
            for joint in route.joints
        )
        found[route.first, cuts] = macs
    assert len(network.layers) == 22
    assert len(network.space.routes) == 134
    assert found == expected
    assert (found[0, ()], found[1, ()]) == (4_608_338_304, 61_604_135_936)


@settings(deadline=None, max_examples=25)
@given(chosen=st.lists(routes(anchors=3, depth=3), min_size=1, max_size=3, unique=True))
def test_routes_of_any_shape_cost_what_they_run_and_hold(chosen):
    assert_whole_analysis(network_of(chosen, depth=3), torch.zeros(1, 1, 8, 8))


def test_costs_add_up_to_a_whole_analysis(network, images):
    assert_whole_analysis(network, images[:1])


def assert_whole_analysis(network, images):
    for stitch_id, (macs, params) in enumerate(network.costs()):
        with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
            network(images, stitch_id)
        assert macs == counter.get_total_flops() // 2
        network.zero_grad(set_to_none=True)
        network(images, stitch_id).sum().backward()
        used = [p for p in network.parameters() if p.grad is not None]
        assert params == sum(p.numel() for p in used)
