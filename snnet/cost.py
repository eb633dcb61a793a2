"""Multiply-accumulates and parameters of every route, from one analysis per anchor.

The count is the field's: matrix products and convolutions one per multiply-add, a norm layer with
weights five per element; activations, softmax and additions nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from snnet.anchors import Anchor
from snnet.network import StitchedNetwork
from snnet.routes import Route


@dataclass(frozen=True)
class AnchorCost:
    """MACs and parameters of an anchor, part by part, and the size of its features."""

    stem_macs: int
    block_macs: tuple[int, ...]
    head_macs: int
    stem_params: int
    block_params: tuple[int, ...]
    head_params: int
    positions: int  # tokens or pixels between blocks, for one image


def _layer_norm_flops(*_: Any, out_shape: Any, **__: Any) -> int:
    return 2 * 5 * prod(out_shape[0])  # FlopCounterMode counts two per multiply-accumulate


_NORMS = {torch.ops.aten.native_layer_norm: _layer_norm_flops}


def _macs(module: Any, features: Tensor) -> tuple[int, Tensor]:
    with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
        output = module(features)
    return counter.get_total_flops() // 2, output


def _params(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def anchor_cost(anchor: Anchor, image_shape: tuple[int, ...]) -> AnchorCost:
    """Analyse one `Anchor` once, for one image of `image_shape` (channels, height, width)."""
    training = anchor.training
    anchor.eval()
    device = next(anchor.parameters()).device
    stem_macs, features = _macs(anchor.stem, torch.zeros(1, *image_shape, device=device))
    block_macs = []
    for block in anchor.blocks:
        macs, features = _macs(block, features)
        block_macs.append(macs)
    head_macs, _ = _macs(anchor.head, features)
    anchor.train(training)
    block_params = tuple(_params(block) for block in anchor.blocks)
    head_params = _params(*anchor.head_modules)
    return AnchorCost(
        stem_macs,
        tuple(block_macs),
        head_macs,
        _params(anchor) - sum(block_params) - head_params,
        block_params,
        head_params,
        positions=features.numel() // anchor.width,
    )


def route_costs(network: StitchedNetwork, image_shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """MACs per image and parameters of every route of the network's space, in its order."""
    costs = [anchor_cost(network.anchor(n), image_shape) for n in range(len(network.anchors))]
    return [_route_cost(network, costs, route) for route in network.space.routes]


def _route_cost(network: StitchedNetwork, costs: list[AnchorCost], route: Route) -> tuple[int, int]:
    segments = route.segments(network.space.depths)
    first, last = costs[segments[0].anchor], costs[segments[-1].anchor]
    macs = first.stem_macs + last.head_macs
    params = first.stem_params + last.head_params
    for segment in segments:
        blocks = slice(segment.start, segment.stop)
        macs += sum(costs[segment.anchor].block_macs[blocks])
        params += sum(costs[segment.anchor].block_params[blocks])
    for joint in route.joints:
        layer = network.layer(joint)
        macs += layer.in_features * layer.out_features * costs[joint.front].positions
        params += _params(layer)
    return macs, params
