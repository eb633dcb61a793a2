"""The stitching space: every route that a window strategy offers. Torch-free.

Definitions: SN-Net paper, section 3.3 (sliding windows, nearest stitching, direction).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, pairwise, product

from snnet.config import StitchingConfig
from snnet.routes import Joint, Route

Pairs = tuple[tuple[int, int], ...]  # of a front and a back block


@dataclass(frozen=True)
class Layer:
    """One stitching layer: shared by the block pairs that a window offers to two anchors."""

    front: int
    back: int
    pairs: Pairs

    @property
    def joints(self) -> tuple[Joint, ...]:
        """The joints that the layer serves, in the order of `pairs`."""
        return tuple(Joint(self.front, i, self.back, j) for i, j in self.pairs)


@dataclass(frozen=True)
class Space:
    """All routes (anchors first, in order of their cost) and the stitching layers they need.

    Attributes:
        stages: for every anchor the number of blocks in each of its stages. Joints count blocks
            from the anchor's first one, across stages.
    """

    stages: tuple[tuple[int, ...], ...]
    routes: tuple[Route, ...]
    layers: tuple[Layer, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.stages, self.routes, self.layers))  # once: plans are looked up by it

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """The number of blocks of every anchor."""
        return tuple(sum(stages) for stages in self.stages)

    def layer_of(self) -> dict[Joint, int]:
        """The stitching layer (index into `layers`) of each joint."""
        return {joint: n for n, layer in enumerate(self.layers) for joint in layer.joints}

    def locate(self, anchor: int, block: int) -> tuple[int, int]:
        """Stage of a block, and its number inside the stage.

        Raises:
            ValueError: the anchor has fewer blocks.
        """
        for stage, depth in enumerate(self.stages[anchor]):
            if block < depth:
                return stage, block
            block -= depth
        raise ValueError(f"anchor {anchor} has {self.depths[anchor]} blocks")


def windows(depth: int, kernel: int, stride: int) -> tuple[Pairs, ...]:
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


def unpaired(front_depth: int, back_depth: int) -> tuple[Pairs, ...]:
    """The block pairs of two stages of different depth, grouped by front block.

    Each block j of the deeper stage is mapped to block floor(j * shallow / deep) of the other, and
    kept where that number is smaller than j. Where the front is the deeper one, the same pairs
    are crossed the other way: after block j - 1, into the block after the mapped one.
    """
    shallow, deep = sorted((front_depth, back_depth))
    pairs = [(j * shallow // deep, j) for j in range(deep) if j * shallow // deep < j]
    if front_depth > back_depth:
        pairs = [(j - 1, i + 1) for i, j in pairs if i + 1 < back_depth]
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in pairs:
        groups[pair[0]].append(pair)
    return tuple(tuple(group) for group in groups.values())


def build_space(
    stages: Iterable[tuple[int, ...]],
    kernel: int = 2,
    stride: int = 1,
    pairs: str = "nearest",
    direction: str = "fast_to_slow",
    inside: Iterable[int] | None = None,
) -> Space:
    """Enumerate the stitching space of anchors ordered from fast to slow.

    Two stages of equal depth are joined by sliding windows; in anchors of several stages only
    pairs i < j are kept (paper, section 4.1). Stages of different depth: see `unpaired`.

    Arguments:
        stages: for every anchor the number of blocks in each stage; equally many stages.
        kernel, stride: the sliding window over the blocks, both at least 1.
        pairs: `nearest` joins only neighbours in complexity; `all` also joins anchors that are
            further apart, and chains of three anchors (i, j), (i', j') with i' >= j.
        direction: `fast_to_slow` starts in the cheaper anchor, `slow_to_fast` in the costlier.
        inside: the stages (from 0) that may hold joints; all without it.

    Raises:
        ValueError: an argument is outside its range, or no stitch is left.
    """
    stages = tuple(stages)
    _check_window(kernel, stride)
    holding = _stages_with_joints(inside, _common_stage_count(stages))
    order = _order(len(stages), direction)
    layers = tuple(
        Layer(front, back, group)
        for front, back in _neighbours(order, pairs)
        for stage in holding
        for group in _groups(stages[front], stages[back], stage, kernel, stride)
    )
    if not layers:
        raise ValueError(
            f"no stitch is possible with kernel {kernel} between stages of {stages} blocks; "
            "in anchors of several stages, stages of equal depth need a kernel of 2 or more"
        )
    routes = [Route(anchor) for anchor in sorted(order)]
    joints = list(chain.from_iterable(layer.joints for layer in layers))
    routes += [Route(joint.front, (joint,)) for joint in joints]
    if pairs == "all":
        routes += _chains(order, joints)
    return Space(stages, tuple(routes), layers)


def _check_window(kernel: int, stride: int) -> None:
    if not all(isinstance(one, int) and one >= 1 for one in (kernel, stride)):
        raise ValueError(
            f"kernel and stride must be whole numbers and at least 1, not {kernel!r} and {stride!r}"
        )


def _common_stage_count(stages: tuple[tuple[int, ...], ...]) -> int:
    counts = [len(depths) for depths in stages]
    if len(set(counts)) != 1:
        raise ValueError(f"anchors must have equally many stages, not {counts}")
    return counts[0]


def _stages_with_joints(inside: Iterable[int] | None, count: int) -> Sequence[int]:
    chosen = range(count) if inside is None else sorted(set(inside))
    if any(stage not in range(count) for stage in chosen):
        raise ValueError(f"these anchors have stages 0 to {count - 1}, not {list(chosen)}")
    return chosen


def _order(anchors: int, direction: str) -> tuple[int, ...]:
    """The anchors in the order in which routes meet them."""
    if direction not in ("fast_to_slow", "slow_to_fast"):
        raise ValueError(f"direction is fast_to_slow or slow_to_fast, not {direction!r}")
    order = tuple(range(anchors))
    return order if direction == "fast_to_slow" else order[::-1]


def _neighbours(order: tuple[int, ...], pairs: str) -> Iterable[tuple[int, int]]:
    """The front and back anchors that stitching layers join."""
    if pairs not in ("nearest", "all"):
        raise ValueError(f"pairs is nearest or all, not {pairs!r}")
    return pairwise(order) if pairs == "nearest" else combinations(order, 2)


def space_for(config: StitchingConfig, stages: Iterable[tuple[int, ...]]) -> Space:
    """The space that the settings of a run ask for; of one route where they say `only`.

    Raises:
        ValueError: see `build_space`; or no route has the name `only`.
    """
    space = build_space(
        stages, config.kernel, config.stride, config.pairs, config.direction, config.stages
    )
    if config.only is None:
        return space
    routes = tuple(route for route in space.routes if route.name == config.only)
    if not routes:
        some = ", ".join(route.name for route in space.routes[:5])
        raise ValueError(f"there is no route {config.only!r} to train alone; there are {some}, ...")
    return replace(space, routes=routes)


def epochs_for(config: StitchingConfig, stages: Iterable[tuple[int, ...]]) -> int:
    """Epochs that a run trains: `epochs`, or by `budget` so many for each of its stitches.

    `stitch` visits each as often as the nearest space of the same windows would in `epochs`;
    `visits` as often as the paper's space would (nearest, windows of two blocks), so that windows
    compare.
    """
    if config.budget == "run":
        return config.epochs
    stages = tuple(stages)
    reference = replace(config, pairs="nearest", only=None)
    if config.budget == "visits":
        reference = replace(reference, kernel=2, stride=1)
    routes, usual = (len(space_for(one, stages).routes) for one in (config, reference))
    return max(1, round(config.epochs * routes / usual))


def _groups(
    front: tuple[int, ...], back: tuple[int, ...], stage: int, kernel: int, stride: int
) -> list[Pairs]:
    """The pairs of one stage, as blocks of the whole anchors; each group shares a layer."""
    if front[stage] == back[stage]:
        groups = windows(front[stage], kernel, stride)
        if len(front) > 1:
            groups = tuple(tuple((i, j) for i, j in group if i < j) for group in groups)
    else:
        groups = unpaired(front[stage], back[stage])
    i0, j0 = sum(front[:stage]), sum(back[:stage])
    return [tuple((i0 + i, j0 + j) for i, j in group) for group in groups if group]


def _chains(order: tuple[int, ...], joints: list[Joint]) -> list[Route]:
    """Routes through three anchors: the second leaves its block i' at or after its entry j."""
    offered: dict[tuple[int, int], list[Joint]] = defaultdict(list)
    for joint in joints:
        offered[joint.front, joint.back].append(joint)
    return [
        Route(first, (one, two))
        for first, second, third in combinations(order, 3)
        for one, two in product(offered[first, second], offered[second, third])
        if two.front_block >= one.back_block
    ]
