"""Which sub-networks a training step runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Sampler = Callable[[torch.Generator], list[int]]


def random_sampler(count: int) -> Sampler:
    """One of `count` stitches a step, uniformly (SN-Net paper, algorithm 1)."""
    return lambda draws: torch.randint(count, (1,), generator=draws).tolist()


def sandwich_sampler(macs: Sequence[int], random_count: int) -> Sampler:
    """The largest, the smallest, and `random_count` others a step (BigNAS, section 3.1).

    The largest comes first: it teaches the others (inplace distillation).
    """
    order = sorted(range(len(macs)), key=lambda stitch: macs[stitch])
    smallest, *between, largest = order

    def draw(draws: torch.Generator) -> list[int]:
        chosen = torch.randperm(len(between), generator=draws)[:random_count]
        return [largest, smallest, *(between[n] for n in chosen.tolist())]

    return draw
