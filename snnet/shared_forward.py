"""Running many sub-networks at once, without doing the same work twice.

Sub-networks that begin alike share that beginning. Sub-networks that enter the same anchor, each
with features of its own, can ride one growing batch through its blocks: fewer, larger operations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from snnet.network import StitchedNetwork, width_and_size
from snnet.routes import Joint
from snnet.space import Space


@dataclass(frozen=True)
class Merge:
    """Riders share a batch while its features stay within one of these limits."""

    positions: int = 0  # tokens or pixels, over all images
    size: int = 0  # bytes

    def allows(self, one: Tensor, other: Tensor, channels: int) -> bool:
        """Whether both may ride together."""
        elements = one.numel() + other.numel()
        return elements <= self.positions * channels or elements * one.element_size() <= self.size


ALONE = Merge()


@dataclass
class Rider:
    """The features of one way into an anchor, until its last sub-network has left."""

    anchor: int
    entry: int  # the block it enters
    stitches: list[int] = field(default_factory=list)  # that end in this anchor's head
    exits: dict[int, list[tuple[Joint, Rider]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def stop(self) -> int | None:
        """The last block it needs; None where it needs the head too."""
        return None if self.stitches else max(self.exits)


@lru_cache(maxsize=4096)
def plan(space: Space, stitches: tuple[int, ...]) -> dict[int, list[Rider]]:
    """Every way into every anchor, by anchor in the order in which routes meet them."""
    riders: dict[tuple[int, tuple[Joint, ...]], Rider] = {}
    for stitch in stitches:
        route = space.routes[stitch]
        for count in range(len(route.joints) + 1):
            joints = route.joints[:count]
            if (route.first, joints) not in riders:
                anchor, entry = (
                    (joints[-1].back, joints[-1].back_block) if joints else (route.first, 0)
                )
                rider = riders[route.first, joints] = Rider(anchor, entry)
                if joints:
                    before = riders[route.first, joints[:-1]]
                    before.exits[joints[-1].front_block].append((joints[-1], rider))
        riders[route.first, route.joints].stitches.append(stitch)
    falling = any(joint.front > joint.back for route in space.routes for joint in route.joints)
    order = sorted({rider.anchor for rider in riders.values()}, reverse=falling)
    return {
        anchor: sorted(
            (rider for rider in riders.values() if rider.anchor == anchor),
            key=lambda rider: rider.entry,
        )
        for anchor in order
    }


def run_stitches(
    network: StitchedNetwork, images: Tensor, stitches: Sequence[int], merge: Merge = ALONE
) -> list[Tensor]:
    """Logits (B, classes) of several sub-networks for the same images (B, C, H, W).

    Arguments:
        stitches: indices into the routes of the network's space, in any order.
        merge: how far riders share a batch. By default each sub-network sees the batch it would
            see alone, as training needs it where blocks look across the batch (batch norm).
    """
    if len(stitches) == 1:  # nothing to share
        return [network(images, stitches[0])]
    sweep = _Sweep(network, merge)
    riders = plan(network.space, tuple(stitches))
    for anchor, entering in riders.items():
        sweep.run_anchor(anchor, entering, images)
    return [sweep.logits[stitch] for stitch in stitches]


class _Sweep:
    """One batch of images on its way through all sub-networks."""

    def __init__(self, network: StitchedNetwork, merge: Merge) -> None:
        self.network, self.merge = network, merge
        self.logits: dict[int, Tensor] = {}
        self.waiting: dict[int, Tensor] = {}  # by id of the rider: features that enter later

    def run_anchor(self, anchor: int, entering: list[Rider], images: Tensor) -> None:
        """Take all riders of an anchor through its blocks, together as far as `merge` allows."""
        module, shape = self.network.anchor(anchor), self.network.anatomies[anchor].shapes[0]
        channels, _ = width_and_size(shape, module.layout)
        chunk: list[Rider] = []
        features, block = images, 0
        for rider in entering:
            new = self.waiting.pop(id(rider), None)
            if new is None:  # starts in this anchor
                new = self.network.run(("stem", anchor, 0), images)
            if chunk and not self.merge.allows(features, new, channels):
                self._advance(anchor, chunk, features, block, None)
                chunk = []
            if chunk:
                features, chunk = self._advance(anchor, chunk, features, block, rider.entry)
            features = torch.cat([features, new]) if chunk else new
            chunk, block = [*chunk, rider], rider.entry
        self._advance(anchor, chunk, features, block, None)

    def _advance(
        self, anchor: int, chunk: list[Rider], features: Tensor, start: int, stop: int | None
    ) -> tuple[Tensor, list[Rider]]:
        """Run a chunk from block `start` up to `stop`, or to the end; who is done leaves it."""
        depth = self.network.space.depths[anchor]
        for block in range(start, depth if stop is None else stop):
            features = self.network.run(("block", anchor, block), features)
            if any(block in rider.exits for rider in chunk):
                self._leave(chunk, features, block)
            if any(rider.stop == block for rider in chunk):
                parts = zip(chunk, features.chunk(len(chunk)), strict=True)
                kept = [(rider, part) for rider, part in parts if rider.stop != block]
                if not kept:
                    return features[:0], []
                chunk = [rider for rider, _ in kept]
                features = torch.cat([part for _, part in kept])
        if stop is None:
            logits = self.network.run(("head", anchor, 0), features)
            for rider, part in zip(chunk, logits.chunk(len(chunk)), strict=True):
                self.logits |= dict.fromkeys(rider.stitches, part)
        return features, chunk

    def _leave(self, chunk: list[Rider], features: Tensor, block: int) -> None:
        """Pass features after `block` through stitching layers to the anchors they go to."""
        for rider, part in zip(chunk, features.chunk(len(chunk)), strict=True):
            stitched: dict[int, Tensor] = {}  # joints of one window share the layer's output
            for joint, next_rider in rider.exits.get(block, ()):
                layer = self.network.layer(joint)
                if id(layer) not in stitched:
                    stitched[id(layer)] = layer(part)
                self.waiting[id(next_rider)] = stitched[id(layer)]


def bytes_per_image(network: StitchedNetwork, stitches: Sequence[int]) -> int:
    """An upper bound of what waits at once in `run_stitches`, for one image of four-byte floats."""
    return 4 * sum(
        prod(network.anatomies[anchor].shapes[rider.entry])
        for anchor, riders in plan(network.space, tuple(stitches)).items()
        for rider in riders
    )


def shared_macs(network: StitchedNetwork, stitches: Sequence[int]) -> int:
    """Multiply-accumulates of `run_stitches` for one image: the least work for all logits."""
    parts, total = network.anatomies, 0
    for anchor, riders in plan(network.space, tuple(stitches)).items():
        part, depth = parts[anchor], network.space.depths[anchor]
        for rider in riders:
            stop = depth if rider.stop is None else rider.stop + 1
            total += sum(part.block_macs[rider.entry : stop])
            total += part.head_macs if rider.stitches else 0
            for block, exits in rider.exits.items():
                layers = {id(layer): layer for layer in (network.layer(j) for j, _ in exits)}
                total += sum(
                    prod(part.shapes[block + 1]) * layer.out_features for layer in layers.values()
                )
        if any(network.space.routes[s].first == anchor for s in stitches):
            total += part.stem_macs
    return total
