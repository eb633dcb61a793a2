"""Which sub-networks a training step runs."""

from __future__ import annotations

from collections.abc import Callable

import torch

Sampler = Callable[[torch.Generator], list[int]]


def random_sampler(count: int) -> Sampler:
    """One of `count` stitches a step, uniformly (SN-Net paper, algorithm 1)."""
    return lambda draws: torch.randint(count, (1,), generator=draws).tolist()


def sandwich_sampler(count: int, anchors: int, random_count: int) -> Sampler:
    """The largest, the smallest, and `random_count` others a step (BigNAS, section 3.1).

    Largest and smallest are the dearest and the cheapest anchor, stitches `anchors - 1` and 0: a
    few stitches cost more than the dearest anchor, but only by running blocks of two anchors
    where one would do. The largest comes first: it teaches the others (inplace distillation).
    """
    largest, smallest = anchors - 1, 0
    others = [stitch for stitch in range(count) if stitch not in (largest, smallest)]

    def draw(draws: torch.Generator) -> list[int]:
        chosen = torch.randperm(len(others), generator=draws)[:random_count]
        return [largest, smallest, *(others[n] for n in chosen.tolist())]

    return draw
