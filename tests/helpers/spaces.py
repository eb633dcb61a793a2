"""Spaces of routes of any shape, drawn by hypothesis, and small networks of them."""

from __future__ import annotations

from hypothesis import strategies as st

from helpers.anchors import SHAPE, tiny_anchor
from snnet.network import StitchedNetwork
from snnet.routes import Joint, Route
from snnet.space import Layer, Space


@st.composite
def routes(draw, anchors: int, depth: int, most: int = 4):
    """A route of at most so many joints, back and forth between anchors of equal depth."""
    first = anchor = draw(st.integers(0, anchors - 1))
    entry, joints = 0, []
    for _ in range(draw(st.integers(0, most))):
        leaves = draw(st.integers(entry, depth - 1))
        others = [number for number in range(anchors) if number != anchor]
        back, enters = draw(st.sampled_from(others)), draw(st.integers(0, depth - 1))
        joints.append(Joint(anchor, leaves, back, enters))
        anchor, entry = back, enters
    return Route(first, tuple(joints))


def space_of(chosen, depth: int) -> Space:
    """A space of these routes alone; joints with the same ends at even blocks share a layer."""
    pairs: dict[tuple[int, int, bool], list[tuple[int, int]]] = {}
    for joint in sorted({joint for route in chosen for joint in route.joints}):
        even = joint.front_block % 2 == 0
        pairs.setdefault((joint.front, joint.back, even), []).append(
            (joint.front_block, joint.back_block)
        )
    layers = tuple(Layer(front, back, tuple(own)) for (front, back, _), own in pairs.items())
    stages = ((depth,),) * (1 + max(anchor for route in chosen for anchor in route.anchors))
    return Space(stages, tuple(chosen), layers)


def network_of(chosen, depth: int) -> StitchedNetwork:
    """A network of narrow anchors, each of its own width."""
    space = space_of(chosen, depth)
    widths = (8, 12, 16)[: len(space.stages)]
    anchors = [tiny_anchor(width, width, depth=depth) for width in widths]
    return StitchedNetwork(anchors, space, SHAPE).eval()
