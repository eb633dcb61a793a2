"""Positions of stitches: which blocks of two stages are joined. Torch-free.

A rule tells the pairs (i, j) of two stages by their numbers of blocks, in groups that share a
stitching layer each: after block i of the front, into block j of the back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import product

from snnet.pieces import POSITIONS

Pairs = tuple[tuple[int, int], ...]  # of a front and a back block
Pairing = Callable[[int, int], tuple[Pairs, ...]]  # of the depths of a front and a back stage


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


def aligned(front_depth: int, back_depth: int) -> tuple[Pairs, ...]:
    """The block pairs of two stages at cuts of equal relative depth, each with its own layer.

    Cut p, of 1 to n - 1 where n blocks are the shallower stage, lies before its block p and before
    block floor(p * deep / n) of the other, as in SN-Netv2 where n divides the deeper's number.
    """
    shallow = min(front_depth, back_depth)
    return tuple(
        ((cut * front_depth // shallow - 1, cut * back_depth // shallow),)
        for cut in range(1, shallow)
    )


def every(front_depth: int, back_depth: int, first: int = 0) -> tuple[Pairs, ...]:
    """All block pairs of two stages, each with its own layer: what KLAS (2605.29259) selects from.

    Arguments:
        first: the first back block that may be entered.
    """
    pairs = product(range(front_depth), range(first, back_depth))
    return tuple((pair,) for pair in pairs)


def pairing_of(positions: str, kernel: int, stride: int, hierarchical: bool) -> Pairing:
    """The rule of a name: `windows`, `aligned`, `every`, or one of `snnet.pieces.POSITIONS`.

    In anchors of several stages, windows keep pairs i < j alone (SN-Net paper, section 4.1), and
    `every` none into a stage's first block, which takes features of another size.

    Arguments:
        hierarchical: whether the anchors have several stages.

    Raises:
        ValueError: there is no such rule, or kernel or stride is none.
    """
    POSITIONS.check(positions)
    if positions in POSITIONS:
        found: Pairing = POSITIONS[positions]
        return found
    if positions == "aligned":
        return aligned
    if positions == "every":
        return lambda front, back: every(front, back, first=int(hierarchical))
    if not all(isinstance(one, int) and one >= 1 for one in (kernel, stride)):
        raise ValueError(
            f"kernel and stride must be whole numbers and at least 1, not {kernel!r} and {stride!r}"
        )

    def windowed(front_depth: int, back_depth: int) -> tuple[Pairs, ...]:
        if front_depth != back_depth:
            return unpaired(front_depth, back_depth)
        groups = windows(front_depth, kernel, stride)
        if not hierarchical:
            return groups
        return tuple(tuple((i, j) for i, j in group if i < j) for group in groups)

    return windowed
