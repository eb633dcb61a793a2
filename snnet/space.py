"""The stitching space: every route that a window strategy offers. Torch-free.

Definitions: SN-Net paper, section 3.3 (sliding windows, nearest stitching, direction).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise, product

from snnet.routes import Joint, Route


@dataclass(frozen=True)
class Layer:
    """One stitching layer: shared by the block pairs that a window offers to two anchors."""

    front: int
    back: int
    pairs: tuple[tuple[int, int], ...]

    @property
    def joints(self) -> tuple[Joint, ...]:
        """The places that the layer serves, in the order of `pairs`."""
        return tuple(Joint(self.front, i, self.back, j) for i, j in self.pairs)


@dataclass(frozen=True)
class Space:
    """All routes (anchors first, in order of their cost) and the stitching layers they need."""

    depths: tuple[int, ...]
    routes: tuple[Route, ...]
    layers: tuple[Layer, ...]

    def layer_of(self) -> dict[Joint, int]:
        """Which stitching layer (index into `layers`) serves each joint."""
        return {joint: n for n, layer in enumerate(self.layers) for joint in layer.joints}


def windows(depth: int, kernel: int, stride: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The block pairs (i, j) of every sliding window over two anchors of equal `depth`.

    Windows start at 0, stride, 2 stride, ...; the last ones are cut at the end. A pair belongs
    to the first window that offers it; a window that offers nothing new is dropped.
    """
    seen: set[tuple[int, int]] = set()
    result = []
    for start in range(0, depth, stride):
        blocks = range(start, min(start + kernel, depth))
        new = tuple(pair for pair in product(blocks, blocks) if pair not in seen)
        seen.update(new)
        if new:
            result.append(new)
    return tuple(result)


def build_space(
    depths: tuple[int, ...],
    kernel: int = 2,
    stride: int = 1,
    pairs: str = "nearest",
    direction: str = "fast_to_slow",
) -> Space:
    """Enumerate the stitching space of anchors ordered from fast to slow.

    Arguments:
        depths: number of blocks of every anchor, all equal.
        kernel, stride: the sliding window over the blocks, both at least 1.
        pairs: `nearest` joins only neighbours in complexity; `all` also joins anchors that are
            further apart, and chains of three anchors (i, j), (i', j') with i' >= j.
        direction: `fast_to_slow` starts in the cheaper anchor, `slow_to_fast` in the dearer.

    Raises:
        ValueError: the depths differ, or an argument is outside its range.
    """
    if kernel < 1 or stride < 1:
        raise ValueError(f"kernel and stride must be at least 1, not {kernel} and {stride}")
    if len(set(depths)) != 1:
        raise ValueError(f"sliding windows need anchors of equal depth, not {depths}")
    order = tuple(range(len(depths)))
    if direction == "slow_to_fast":
        order = order[::-1]
    elif direction != "fast_to_slow":
        raise ValueError(f"direction is fast_to_slow or slow_to_fast, not {direction!r}")
    if pairs == "nearest":
        ways = tuple(pairwise(order))
    elif pairs == "all":
        ways = tuple(combinations(order, 2))
    else:
        raise ValueError(f"pairs is nearest or all, not {pairs!r}")

    offered = windows(depths[0], kernel, stride)
    layers = tuple(Layer(front, back, window) for front, back in ways for window in offered)
    routes = [Route(anchor) for anchor in range(len(depths))]
    routes += [Route(layer.front, (joint,)) for layer in layers for joint in layer.joints]
    if pairs == "all":
        routes += _chains(order, [pair for window in offered for pair in window])
    return Space(tuple(depths), tuple(routes), layers)


def _chains(order: tuple[int, ...], offered: list[tuple[int, int]]) -> list[Route]:
    """Routes through three anchors: the second leaves its block i' at or after its entry j."""
    return [
        Route(first, (Joint(first, i, second, j), Joint(second, i2, third, j2)))
        for first, second, third in combinations(order, 3)
        for (i, j), (i2, j2) in product(offered, offered)
        if i2 >= j
    ]
