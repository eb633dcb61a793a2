"""Stitched networks: routes through anchors and stitching layers."""

from __future__ import annotations

from math import prod

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.anchors import OPTIONS, SHAPE
from snnet.anchors import adapt
from snnet.export import Subnetwork
from snnet.layers import Ends, LayerChoice, Linear
from snnet.network import stitch

LAYOUTS = ["tokens", "channels_last", "channels_first"]


@settings(max_examples=30, deadline=None)
@given(front=st.sampled_from(LAYOUTS), back=st.sampled_from(LAYOUTS), seed=st.integers(0, 99))
def test_a_stitching_layer_is_linear_over_channels_in_any_layout(front, back, seed):
    torch.manual_seed(seed)
    size, channels = (2, 3), (5, 4)
    ends = Ends(channels, (front, back), (6,) if back == "tokens" else size)
    layer = Linear(ends, LayerChoice())
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


def test_an_anchors_route_is_the_anchor(network, images):
    for n, anchor in enumerate(network.anchors):
        assert torch.equal(network(images, n), anchor(images))


@pytest.mark.parametrize(
    ("images", "kind", "says"),
    [
        (torch.zeros(2, 3, 8, 8), ValueError, r"\(B, 1, 8, 8\), not \(2, 3, 8, 8\)"),
        (torch.zeros(2, 1, 9, 9), ValueError, r"\(B, 1, 8, 8\), not \(2, 1, 9, 9\)"),
        (torch.zeros(3, 8, 8), ValueError, r"\(B, 1, 8, 8\), not \(3, 8, 8\)"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8), TypeError, "normalised, not of torch.uint8"),
        (torch.zeros(2, 1, 8, 8).double(), TypeError, "of torch.float32, as the weights are, not"),
        ([[0.0]], TypeError, "not a list"),
    ],
)
def test_images_that_are_none_of_the_network(network, images, kind, says):
    for use in (
        lambda: network(images, 1),
        lambda: Subnetwork(network, 1)(images),
        lambda: network.initialise([images]),
    ):
        with pytest.raises(kind, match=says) as caught:
            use()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stitch", "kind", "says"),
    [
        (999, ValueError, "there is no stitch 999: there are 0 to"),
        (-1, ValueError, "there is no stitch -1: there are 0 to"),
        ("0", TypeError, "a stitch is a whole number, from 0 to .*, not '0'"),
    ],
)
def test_numbers_that_are_no_stitch(network, images, stitch, kind, says):
    for use in (lambda: network(images, stitch), lambda: Subnetwork(network, stitch)):
        with pytest.raises(kind, match=says):
            use()


def test_only_anchors_can_be_stitched():
    model = timm.create_model("vit_tiny_patch16_224", **OPTIONS, embed_dim=8, num_heads=2)
    for anchors, says in (
        ([adapt(model), model], "anchor 1 is a VisionTransformer, and no anchor: wrap timm's mod"),
        (adapt(model), "a list of two or more, not one VisionTransformerAnchor"),
        (torch.zeros(2, 1, 8, 8), "a list of two or more, not one Tensor"),
        ([torch.zeros(2)], "anchor 0 is a Tensor"),
    ):
        with pytest.raises(TypeError, match=says):
            stitch(anchors, SHAPE)
    with pytest.raises(
        ValueError, match=r"anchor 0 .VisionTransformer. cannot take images of 3x8x8"
    ):
        stitch([adapt(model), adapt(model)], (3, 8, 8))
    for shape in ((8, 8), 8, (1, 8, 0), ("1", 8, 8)):
        with pytest.raises(ValueError, match=r"\(channels, height, width\), such as .*, not .*8"):
            stitch([adapt(model), adapt(model)], shape)
    with pytest.raises(ValueError, match="a list of two or more, not an empty one"):
        stitch([], SHAPE)
