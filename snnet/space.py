"""The stitching space: every route that its settings offer. Torch-free.

Definitions: SN-Net paper, section 3.3 (nearest stitching, direction), and SN-Netv2 (arXiv
2307.00154: both directions, returns).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, islice, pairwise
from numbers import Integral
from typing import Any

from snnet.config import StitchingConfig
from snnet.positions import Pairing, Pairs, pairing_of
from snnet.routes import Joint, Route

# fields of a run's settings that make its space
SETTINGS = ("positions", "kernel", "stride", "pairs", "direction", "returns", "stages")

MOST_ROUTES = 1_000_000  # no network with more could be scored


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

    def restricted(self, names: Iterable[str]) -> Space:
        """The routes of these names alone, in the order of the space, and the layers they need.

        Raises:
            ValueError: there is no route of such a name.
        """
        wanted = set(names)
        routes = tuple(route for route in self.routes if route.name in wanted)
        missing = wanted - {route.name for route in routes}
        if missing:
            raise ValueError(f"the space has no route {min(missing)}")
        used = {joint for route in routes for joint in route.joints}
        layers = tuple(layer for layer in self.layers if used.intersection(layer.joints))
        return Space(self.stages, routes, layers)

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


def build_space(
    stages: Iterable[tuple[int, ...]],
    kernel: int = 2,
    stride: int = 1,
    pairs: str = "nearest",
    direction: str = "fast_to_slow",
    inside: Iterable[int] | None = None,
    positions: str = "windows",
    returns: int = 0,
) -> Space:
    """Enumerate the stitching space of anchors ordered from fast to slow.

    Which blocks of two stages are joined, `snnet.positions` says. No route runs a block twice, or
    goes back to an earlier one.

    Arguments:
        stages: for every anchor the number of blocks in each stage; equally many stages.
        kernel, stride: the sliding window over the blocks, both at least 1.
        pairs: `nearest` joins only neighbours in complexity; `all` also joins anchors that are
            further apart, and chains of three anchors (i, j), (i', j') with i' >= j.
        direction: `fast_to_slow` starts in the cheaper anchor, `slow_to_fast` in the costlier;
            `both` has the stitches of either, with stitching layers of their own.
        inside: the stages (from 0) that may hold joints; all without it.
        positions: `windows`, or another rule of `snnet.positions`.
        returns: how often a route of `both` may turn: once is 0>1>0 or 1>0>1.

    Raises:
        ValueError: an argument is outside its range, or no stitch is left.
    """
    stages = tuple(stages)
    holding = _stages_with_joints(inside, _common_stage_count(stages))
    pairing = pairing_of(positions, kernel, stride, len(stages[0]) > 1)
    orders = _orders(len(stages), direction, returns)
    layers = tuple(
        Layer(front, back, group)
        for order in orders
        for front, back in _neighbours(order, pairs)
        for stage in holding
        for group in _groups(stages[front], stages[back], stage, pairing)
    )
    if not layers:
        raise ValueError(
            f"no stitch is possible with {positions} (kernel {kernel}) between stages of {stages} "
            "blocks; in anchors of several stages, windows over stages of equal depth need a "
            "kernel of 2 or more; aligned positions, and every one in anchors of several stages, "
            "need stages of two blocks or more"
        )
    anchors = tuple(Route(anchor) for anchor in range(len(stages)))
    return Space(stages, anchors + _joined(layers, orders[0], returns, int(pairs == "all")), layers)


def _common_stage_count(stages: tuple[tuple[int, ...], ...]) -> int:
    counts = [len(depths) for depths in stages]
    if len(set(counts)) != 1:
        raise ValueError(f"anchors must have equally many stages, not {counts}")
    return counts[0]


def _stages_with_joints(inside: Iterable[int] | None, count: int) -> Sequence[int]:
    if inside is None:
        return range(count)
    numbers: Any = tuple(inside) if isinstance(inside, Iterable) else (inside,)
    if isinstance(inside, Integral) or not all(isinstance(one, Integral) for one in numbers):
        raise ValueError(f"stages are a list of whole numbers, such as [0, 2], not {inside!r}")
    chosen = sorted(set(numbers))
    if any(stage not in range(count) for stage in chosen):
        raise ValueError(f"these anchors have stages 0 to {count - 1}, not {list(chosen)}")
    return chosen


def _orders(anchors: int, direction: str, returns: int) -> tuple[tuple[int, ...], ...]:
    """The orders in which routes that do not turn meet the anchors."""
    rising = tuple(range(anchors))
    orders = {
        "fast_to_slow": (rising,),
        "slow_to_fast": (rising[::-1],),
        "both": (rising, rising[::-1]),
    }
    if direction not in orders:
        raise ValueError(f"direction is fast_to_slow, slow_to_fast or both, not {direction!r}")
    if not isinstance(returns, int) or returns < 0:
        raise ValueError(f"returns is a whole number from 0, not {returns!r}")
    if returns and direction != "both":
        raise ValueError(f"routes return where direction is both, not {direction}")
    return orders[direction]


def _neighbours(order: tuple[int, ...], pairs: str) -> Iterable[tuple[int, int]]:
    """The front and back anchors that stitching layers join."""
    if pairs not in ("nearest", "all"):
        raise ValueError(f"pairs is nearest or all, not {pairs!r}")
    return pairwise(order) if pairs == "nearest" else combinations(order, 2)


def space_for(config: StitchingConfig, stages: Iterable[tuple[int, ...]]) -> Space:
    """The space that the settings of a run ask for; of one route where they say `only`.

    A run with a `selection` trains some of its routes, see `count_routes`.

    Raises:
        ValueError: see `build_space`; or no route has the name `only`.
    """
    space = build_space(
        stages,
        config.kernel,
        config.stride,
        config.pairs,
        config.direction,
        config.stages,
        config.positions,
        config.returns,
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

    `stitch` visits each as often as the nearest space of the same positions, one way and without
    returns, would in `epochs`; `visits` as often as the paper's space would (nearest, one way,
    windows of two blocks), so that windows, positions and returns compare.
    """
    if config.budget == "run":
        return config.epochs
    stages = tuple(stages)
    one_way = "fast_to_slow" if config.direction == "both" else config.direction
    reference = replace(_whole(config), pairs="nearest", direction=one_way, returns=0)
    if config.budget == "visits":
        reference = replace(reference, positions="windows", kernel=2, stride=1)
    routes, usual = (count_routes(one, stages) for one in (config, reference))
    return max(1, round(config.epochs * routes / usual))


def count_routes(config: StitchingConfig, stages: Iterable[tuple[int, ...]]) -> int:
    """The number of sub-networks that a run trains: those of its space, or as many as are kept.

    Which ones a `selection` keeps is known when the run has begun.

    Raises:
        ValueError: see `space_for`; or as many would be kept as there are.
    """
    stages = tuple(stages)
    routes = len(space_for(config, stages).routes)
    if config.selection == "all":
        return routes
    candidates, kept = routes - len(stages), _kept(config, stages)
    if kept >= candidates:
        raise ValueError(
            f"selection {config.selection} would keep {kept} of {candidates} stitches; set kept to "
            "fewer, or let positions offer more"
        )
    return len(stages) + kept


def _kept(config: StitchingConfig, stages: tuple[tuple[int, ...], ...]) -> int:
    """How many stitches a selection keeps beside the anchors."""
    if config.kept is not None:
        return config.kept
    windows = replace(_whole(config), positions="windows")
    return len(space_for(windows, stages).routes) - len(stages)


def _whole(config: StitchingConfig) -> StitchingConfig:
    """Settings like these, for all routes of their space."""
    return replace(config, only=None, selection="all", kept=None)


def _groups(
    front: tuple[int, ...],
    back: tuple[int, ...],
    stage: int,
    pairing: Pairing,
) -> list[Pairs]:
    """The pairs of one stage, as blocks of the whole anchors; each group shares a layer."""
    groups = pairing(front[stage], back[stage])
    i0, j0 = sum(front[:stage]), sum(back[:stage])
    return [tuple((i0 + i, j0 + j) for i, j in group) for group in groups if group]


def _joined(
    layers: tuple[Layer, ...], order: tuple[int, ...], turns: int, chains: int
) -> tuple[Route, ...]:
    """All routes with joints: those with fewer first, then by their anchors in `order`.

    Arguments:
        turns: how often a route may turn.
        chains: how often it may go on in the direction in which it came.

    Raises:
        ValueError: there are more than `MOST_ROUTES`.
    """
    joints = list(chain.from_iterable(layer.joints for layer in layers))
    leaving: dict[int, list[Joint]] = defaultdict(list)
    for joint in joints:
        leaving[joint.front].append(joint)
    grown = [Route(joint.front, (joint,)) for joint in joints]
    routes = list(grown)
    while grown:
        longer = (
            Route(route.first, (*route.joints, joint))
            for route in grown
            for joint in leaving[route.joints[-1].back]
            if _goes_on(route, joint) and _within((*route.joints, joint), turns, chains)
        )
        grown = list(islice(longer, MOST_ROUTES + 1 - len(routes)))
        if len(routes) + len(grown) > MOST_ROUTES:
            raise ValueError(
                f"the space has more than {MOST_ROUTES:,} sub-networks; lower returns or kernel"
            )
        grown.sort(key=lambda route: [order.index(anchor) for anchor in route.anchors])
        routes += grown
    return tuple(routes)


def _goes_on(route: Route, joint: Joint) -> bool:
    """Whether `joint` leaves at or after the block where `route` entered, to blocks not run yet."""
    left = max((each.front_block for each in route.joints if each.front == joint.back), default=-1)
    return joint.front_block >= route.joints[-1].back_block and joint.back_block > left


def _within(joints: Sequence[Joint], turns: int, chains: int) -> bool:
    """Whether a route of these joints turns, and goes straight on, no oftener than it may."""
    turned = [(one.back > one.front) != (two.back > two.front) for one, two in pairwise(joints)]
    return sum(turned) <= turns and len(turned) - sum(turned) <= chains
