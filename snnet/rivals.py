"""Rivals of stitches: sub-networks of the same anchors that need no joint training.

- `anchor`: an anchor alone.
- `early_exit`: the last anchor without the last blocks of its stages. The first n blocks of the
  deepest stage stay, and as large a share, rounded up, of each other stage. Where there is one
  stage these are its first n blocks and the head.
- `patch`: a stitch with nothing in place of its stitching layers, where the features that leave one
  anchor are as wide as those that enter the other (as in Boomerang distillation, arXiv 2510.05064).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from snnet.layers import LayerChoice
from snnet.network import StitchedNetwork, width_and_size
from snnet.routes import Joint, Route
from snnet.space import Layer, Space


def rivals_of(network: StitchedNetwork) -> StitchedNetwork:
    """A network of the same anchors, not copies, whose routes are the rivals.

    A route leaves out blocks of an anchor by a joint of the anchor with itself: `1.3>1.12` goes
    from block 3 to block 12, which in an anchor of 12 blocks is the head.
    """
    stages = network.space.stages
    routes = (
        *(Route(number) for number in range(len(stages))),
        *_early_exits(len(stages) - 1, stages[-1]),
        *(route for route in network.space.routes if route.joints and _patches(network, route)),
    )
    joints = dict.fromkeys(joint for route in routes for joint in route.joints)
    layers = (Layer(j.front, j.back, ((j.front_block, j.back_block),)) for j in joints)
    anchors = [network.anchor(number) for number in range(len(stages))]
    space = Space(stages, routes, tuple(layers))
    rivals = StitchedNetwork(anchors, space, network.image_shape, LayerChoice("identity"))
    return rivals.train(network.training)


def kind_of(route: Route) -> str:
    """What a route of `rivals_of` is: `anchor`, `early_exit` or `patch`."""
    if route.is_anchor:
        return "anchor"
    return "early_exit" if len(set(route.anchors)) == 1 else "patch"


def _early_exits(anchor: int, stages: Sequence[int]) -> Iterator[Route]:
    """Ways through ever more blocks of an anchor, but never all."""
    deepest, starts = max(stages), list(accumulate(stages, initial=0))
    for kept in range(1, deepest):
        joints = [
            Joint(anchor, start + blocks - 1, anchor, start + depth)
            for start, depth in zip(starts, stages, strict=False)
            for blocks in [-(-depth * kept // deepest)]
            if blocks < depth
        ]
        yield Route(anchor, tuple(joints))


def _patches(network: StitchedNetwork, route: Route) -> bool:
    """Whether what leaves an anchor on the route is everywhere as wide as what enters the next."""
    return all(
        _width(network, joint.front, joint.front_block + 1)
        == _width(network, joint.back, joint.back_block)
        for joint in route.joints
    )


def _width(network: StitchedNetwork, anchor: int, block: int) -> int:
    """Channels of the features that enter a block of an anchor."""
    shape = network.anatomies[anchor].shapes[block]
    return width_and_size(shape, network.anchor(anchor).layout)[0]
