"""All-stitch evaluation: one sweep against one sub-network after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.bounds import bound_by_step_times, bound_by_work
from benchmarks.measure import Result, Say, Timing, relative_difference, side_by_side
from benchmarks.subjects import (
    DEIT_SHAPE,
    deit_anchors,
    small_anchors,
    small_shape,
    structured_images,
)
from snnet.anchors import Anchor
from snnet.evaluation import sweep
from snnet.network import StitchedNetwork, stitch

SPACES: dict[str, dict[str, Any]] = {
    "fast to slow": {"direction": "fast_to_slow"},
    "slow to fast": {"direction": "slow_to_fast"},
    "two ways": {"direction": "both", "returns": 1, "positions": "aligned"},
}
SHARE_OF_BOUND = 0.9
BEYOND_BOUND = {("digits", "fast to slow", 16): 2.0}  # where launch overhead is saved too
TOLERANCE = 1e-4


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Digits at batch 16, 64 and 256, DeiT-Ti/S/B at 224 px at batch 1 and 4."""
    batches = (16,) if quick else (16, 64, 256)
    shape, repeats = small_shape("digits"), 3 if quick else 9
    yield from _compare_scale("digits", small_anchors("digits"), shape, batches, repeats, say)
    if not quick:
        yield from _compare_scale("DeiT-Ti/S/B", deit_anchors(), DEIT_SHAPE, (1, 4), 3, say)


def _compare_scale(
    scale: str,
    anchors: list[Anchor],
    shape: tuple[int, int, int],
    batches: tuple[int, ...],
    repeats: int,
    say: Say,
) -> Iterator[Result]:
    for space, settings in SPACES.items():
        network = stitch(anchors, shape, **settings).eval()
        for batch in batches:
            case = f"{scale}, {space}, batch {batch}"
            say(case)
            images = structured_images(batch, shape)
            plain, ours, difference = compare_evaluations(network, images, repeats)
            say(f"{case}: time of every step")
            by_work = bound_by_work(network)
            target = BEYOND_BOUND.get((scale, space, batch), SHARE_OF_BOUND * by_work)
            yield Result(
                "evaluation",
                case,
                plain,
                ours,
                difference,
                TOLERANCE,
                target=max(1.0, target),  # never slower
                bounds={"work": by_work, "step times": bound_by_step_times(network, images)},
            )


@torch.no_grad()
def compare_evaluations(
    network: StitchedNetwork, images: Tensor, repeats: int
) -> tuple[Timing, Timing, float]:
    """Plain and our seconds, and the difference of logits; every sub-network on all images."""
    count = len(network.space.routes)
    plain, ours, one_by_one, swept = side_by_side(
        lambda: torch.stack([network(images, stitch) for stitch in range(count)]),
        lambda: sweep(network, images),
        repeats,
    )
    return plain, ours, relative_difference(swept, one_by_one)
