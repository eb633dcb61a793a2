"""Stitched networks: routes through anchors and stitching layers."""

from __future__ import annotations

from math import prod

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snnet.network import StitchingLayer

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


def test_an_anchors_route_is_the_anchor(network, images):
    for n, anchor in enumerate(network.anchors):
        assert torch.equal(network(images, n), anchor(images))
