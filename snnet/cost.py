"""Multiply-accumulates and parameters of every route, from one analysis per anchor."""

from __future__ import annotations

from math import prod

from snnet.costs import count_params
from snnet.network import StitchedNetwork
from snnet.routes import Route


def route_costs(network: StitchedNetwork) -> list[tuple[int, int]]:
    """MACs per image and parameters of every route of the network's space, in its order."""
    return [_route_cost(network, route) for route in network.space.routes]


def _route_cost(network: StitchedNetwork, route: Route) -> tuple[int, int]:
    parts, segments = network.anatomies, route.segments(network.space.depths)
    first, last = parts[segments[0].anchor], parts[segments[-1].anchor]
    macs = first.stem_macs + last.head_macs
    params = first.stem_params + last.head_params
    for segment in segments:
        blocks = slice(segment.start, segment.stop)
        macs += sum(parts[segment.anchor].block_macs[blocks])
        params += sum(parts[segment.anchor].block_params[blocks])
    for joint in route.joints:
        layer = network.layer(joint)
        elements = prod(parts[joint.front].shapes[joint.front_block + 1])
        macs += elements * layer.out_features
        params += count_params(layer)
    return macs, params
