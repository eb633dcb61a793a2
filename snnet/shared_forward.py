"""Many sub-networks on the same images, without doing the same work twice.

Sub-networks that begin alike share that beginning. Sub-networks that enter the same anchor, each
with features of its own, can ride one growing batch through its blocks: fewer, larger operations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod

from torch import Tensor

from snnet.features import Features, join, split, values_of
from snnet.network import StitchedNetwork, width_and_size
from snnet.routes import Joint
from snnet.space import Space


@dataclass(frozen=True)
class Merge:
    """Riders share a batch while its features stay within one of these limits."""

    positions: int = 0  # tokens or pixels, over all images
    size: int = 0  # bytes

    def allows(self, one: Features, other: Features, channels: int) -> bool:
        """Whether both may ride together."""
        first, second = values_of(one), values_of(other)
        elements = first.numel() + second.numel()
        return elements <= self.positions * channels or elements * first.element_size() <= self.size


ALONE = Merge()


@dataclass(eq=False)
class Rider:
    """The features of one way into an anchor, until its last sub-network has left."""

    anchor: int
    entry: int  # the block it enters
    source: Rider | None = None  # that it comes from; None where it begins with the stem
    stitches: list[int] = field(default_factory=list)  # that end in this anchor's head
    exits: dict[int, list[tuple[Joint, Rider]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def stop(self) -> int | None:
        """The last block it needs; None where it needs the head too."""
        return None if self.stitches else max(self.exits)


@dataclass(frozen=True)
class Passage:
    """Riders that can go through an anchor's blocks together, by the block they enter."""

    anchor: int
    riders: list[Rider]


Way = tuple[int, tuple[Joint, ...]]  # the first anchor, and the joints up to here


@lru_cache(maxsize=4096)
def plan(space: Space, stitches: tuple[int, ...]) -> tuple[Passage, ...]:
    """Every way into every anchor, each after the one that it comes from, in few passages."""
    riders: dict[Way, Rider] = {}
    for stitch in stitches:
        route = space.routes[stitch]
        _rider(riders, route.first, route.joints).stitches.append(stitch)
    waiting, passages = dict.fromkeys(riders.values()), []
    while waiting:
        passages.append(_next_passage(waiting))
        for rider in passages[-1].riders:
            del waiting[rider]
    return tuple(passages)


def _rider(riders: dict[Way, Rider], first: int, joints: tuple[Joint, ...]) -> Rider:
    """The rider of this way; a new one joins `riders`, after those that it comes from."""
    if (first, joints) not in riders:
        if joints:
            last = joints[-1]
            source = _rider(riders, first, joints[:-1])
            rider = Rider(last.back, last.back_block, source)
            source.exits[last.front_block].append((last, rider))
        else:
            rider = Rider(first, 0)
        riders[first, joints] = rider
    return riders[first, joints]


def _next_passage(waiting: Collection[Rider]) -> Passage:
    """All that can enter one anchor: one that nobody enters later, if there is such an anchor."""
    entering: dict[int, list[Rider]] = defaultdict(list)
    later: set[int] = set()
    for rider in waiting:
        if rider.source in waiting:
            later.add(rider.anchor)
        else:
            entering[rider.anchor].append(rider)
    anchor = min(entering, key=lambda number: (number in later, number))
    return Passage(anchor, sorted(entering[anchor], key=lambda rider: rider.entry))


def run_stitches(
    network: StitchedNetwork, images: Tensor, stitches: Sequence[int], merge: Merge = ALONE
) -> list[Tensor]:
    """Logits (B, classes) of several sub-networks for the same images (B, C, H, W), or tokens.

    Arguments:
        stitches: indices into the routes of the network's space, in any order.
        merge: how far riders share a batch. By default each sub-network sees the batch it would
            see alone, as training needs it where blocks look across the batch (batch norm).
    """
    if len(stitches) == 1:  # nothing to share
        return [network(images, stitches[0])]
    sweep = _Sweep(network, merge)
    for passage in plan(network.space, tuple(stitches)):
        sweep.run(passage, images)
    return [sweep.logits[stitch] for stitch in stitches]


class _Sweep:
    """One batch of images on its way through all sub-networks."""

    def __init__(self, network: StitchedNetwork, merge: Merge) -> None:
        self.network, self.merge = network, merge
        self.logits: dict[int, Tensor] = {}
        self.waiting: dict[Rider, Features] = {}  # that enter later

    def run(self, passage: Passage, images: Tensor) -> None:
        """Take riders through an anchor's blocks, together as far as `merge` allows.

        Raises:
            KeyError: a rider comes before the one that it comes from.
        """
        anchor = passage.anchor
        module, shape = self.network.anchor(anchor), self.network.anatomies[anchor].shapes[0]
        channels, _ = width_and_size(shape, module.layout)
        chunk: list[Rider] = []
        features: Features = images
        block = 0
        for rider in passage.riders:
            if rider.source is None:
                new = self.network.run(("stem", anchor, 0), images)
            else:
                new = self.waiting.pop(rider)
            if chunk and not self.merge.allows(features, new, channels):
                self._finish(anchor, chunk, features, block)
                chunk = []
            chunk, features = self._advance(anchor, chunk, features, range(block, rider.entry))
            features = join([features, new]) if chunk else new
            chunk, block = [*chunk, rider], rider.entry
        self._finish(anchor, chunk, features, block)

    def _advance(
        self, anchor: int, chunk: list[Rider], features: Features, blocks: range
    ) -> tuple[list[Rider], Features]:
        """Run a chunk through `blocks`; returns the riders that go on, and their features."""
        for block in blocks:
            if not chunk:
                break
            features = self.network.run(("block", anchor, block), features)
            if any(block in rider.exits for rider in chunk):
                self._leave(chunk, features, block)
            chunk, features = _going_on(chunk, features, block)
        return chunk, features

    def _finish(self, anchor: int, chunk: list[Rider], features: Features, start: int) -> None:
        """Run a chunk from block `start` through the head, as far as its riders need it."""
        blocks = range(start, self.network.space.depths[anchor])
        chunk, features = self._advance(anchor, chunk, features, blocks)
        if chunk:
            logits = self.network.run(("head", anchor, 0), features)
            for rider, part in zip(chunk, logits.chunk(len(chunk)), strict=True):
                self.logits |= dict.fromkeys(rider.stitches, part)

    def _leave(self, chunk: list[Rider], features: Features, block: int) -> None:
        """Pass features after `block` through stitching layers to the anchors they go to."""
        for rider, part in zip(chunk, split(features, len(chunk)), strict=True):
            stitched: dict[int, Features] = {}  # joints of one window share the layer's output
            for joint, next_rider in rider.exits.get(block, ()):
                layer = self.network.layer(joint)
                if id(layer) not in stitched:
                    stitched[id(layer)] = layer(part)
                self.waiting[next_rider] = stitched[id(layer)]


def _going_on(chunk: list[Rider], features: Features, block: int) -> tuple[list[Rider], Features]:
    """The riders that do not stop at `block`, and their features."""
    kept = [n for n, rider in enumerate(chunk) if rider.stop != block]
    if not kept or len(kept) == len(chunk):
        return [chunk[n] for n in kept], features
    parts = split(features, len(chunk))
    return [chunk[n] for n in kept], join([parts[n] for n in kept])


def bytes_per_image(network: StitchedNetwork, stitches: Sequence[int]) -> int:
    """Upper bound of the bytes that wait in `run_stitches`, for one image of four-byte floats."""
    return 4 * sum(
        prod(network.anatomies[passage.anchor].shapes[rider.entry])
        for passage in plan(network.space, tuple(stitches))
        for rider in passage.riders
    )


def shared_macs(network: StitchedNetwork, stitches: Sequence[int]) -> int:
    """Multiply-accumulates of `run_stitches` for one image: the least work for all logits."""
    return sum(
        _rider_macs(network, rider)
        for passage in plan(network.space, tuple(stitches))
        for rider in passage.riders
    )


def _rider_macs(network: StitchedNetwork, rider: Rider) -> int:
    """Stem, blocks, head and stitching layers that a rider needs, for one image."""
    part = network.anatomies[rider.anchor]
    stop = None if rider.stop is None else rider.stop + 1
    total = sum(part.block_macs[rider.entry : stop])
    if rider.source is None:
        total += part.stem_macs
    if rider.stitches:
        total += part.head_macs
    for exits in rider.exits.values():
        layers = {network.layer(joint) for joint, _ in exits}  # one window's joints share theirs
        total += sum(layer.macs for layer in layers)
    return total
