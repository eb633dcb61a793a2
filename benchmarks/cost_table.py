"""MACs of every route: one analysis per anchor against one per route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from benchmarks.measure import Result, Say, Timing, side_by_side
from benchmarks.subjects import DEIT_SHAPE, deit_anchors, small_anchors, small_shape
from snnet.anchors import Anchor
from snnet.costs import count_macs
from snnet.network import stitch

TARGET = 15.0


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Count on the meta device, where nothing is computed; making timm's models is not timed."""
    with torch.device("meta"):
        anchors = small_anchors("digits") if quick else deit_anchors()
    shape, case = (small_shape("digits"), "digits") if quick else (DEIT_SHAPE, "DeiT-Ti/S/B")
    say(case)
    plain, ours, difference = compare_cost_tables(anchors, shape, repeats=1 if quick else 5)
    yield Result("cost_table", case, plain, ours, difference, 0.0, None if quick else TARGET)


def compare_cost_tables(
    anchors: Sequence[Anchor], shape: tuple[int, ...], repeats: int, **space: Any
) -> tuple[Timing, Timing, float]:
    """Plain and our seconds, and the difference of MACs.

    Ours starts from anchors: it takes them apart, builds the space and prices its routes.

    Arguments:
        anchors: on the meta device.
        space: options of `snnet.network.stitch`.
    """

    def price() -> list[int]:
        with torch.device("meta"):
            return [macs for macs, _ in stitch(anchors, shape, **space).costs()]

    with torch.device("meta"):
        network = stitch(anchors, shape, **space).eval()
        image = torch.zeros(1, *shape)

    def count(number: int) -> int:
        return count_macs(lambda images: network(images, number), image)[0]

    plain, ours, counted, priced = side_by_side(
        lambda: [count(number) for number in range(len(network.space.routes))],
        price,
        repeats,
        warm=repeats > 1,
    )
    difference = max(abs(one / other - 1) for one, other in zip(priced, counted, strict=True))
    return plain, ours, difference
