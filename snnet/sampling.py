"""The choice of sub-networks that a training step runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from snnet.config import StitchingConfig
from snnet.space import Space

Sampler = Callable[[torch.Generator], list[int]]


def create_sampler(space: Space, config: StitchingConfig) -> Sampler:
    """The sampler that `config` asks for, over the stitches of a space."""
    stitches = range(len(space.routes))
    if config.sampling == "sandwich":
        return sandwich_sampler(len(stitches), len(space.stages), config.sandwich_random)
    if config.tuning == "stitching_layers":  # a frozen anchor alone would have nothing to learn
        return random_sampler([n for n in stitches if not space.routes[n].is_anchor])
    return random_sampler(stitches)


def random_sampler(stitches: Sequence[int]) -> Sampler:
    """Draw one of the stitches a step, uniformly (SN-Net paper, algorithm 1)."""
    return lambda draws: [stitches[int(torch.randint(len(stitches), (1,), generator=draws))]]


def sandwich_sampler(count: int, anchors: int, random_count: int) -> Sampler:
    """Draw the largest, the smallest, and `random_count` others a step (BigNAS, section 3.1).

    Largest and smallest are the costliest and the cheapest anchor, stitches `anchors - 1` and 0: a
    few stitches cost more than the costliest anchor, but only by running blocks of two anchors
    where one would do. The largest comes first: it teaches the others (inplace distillation).
    """
    largest, smallest = anchors - 1, 0
    others = [stitch for stitch in range(count) if stitch not in (largest, smallest)]

    def draw(draws: torch.Generator) -> list[int]:
        chosen = torch.randperm(len(others), generator=draws)[:random_count]
        return [largest, smallest, *(others[n] for n in chosen.tolist())]

    return draw
