"""The choice of sub-networks that a training step runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from snnet.config import StitchingConfig
from snnet.network import StitchedNetwork
from snnet.pieces import SAMPLERS

T = TypeVar("T")
# of a generator, and of how often each stitch was trained before (in this phase of the training)
Sampler = Callable[[torch.Generator, Tensor], list[int]]


def create_sampler(
    network: StitchedNetwork, config: StitchingConfig, judge: Callable[[], Sequence[float]]
) -> Sampler:
    """The sampler that `config` asks for, over the stitches of a network.

    A user's (`snnet.pieces.SAMPLERS`) is made by what was registered, of network and config.

    Arguments:
        judge: tells the importance of all that are no anchors, see `snnet.importance`.

    Raises:
        ValueError: sampling goes by importance, and no stitch has any.
    """
    if config.sampling in SAMPLERS:
        made: Sampler = SAMPLERS[config.sampling](network, config)
        return made
    routes, macs = network.space.routes, [macs for macs, _ in network.costs()]
    if config.sampling == "sandwich":
        anchors = list(range(len(network.space.stages)))  # the user has them from fast to slow
        if config.direction == "both":
            anchors.sort(key=macs.__getitem__)
        return sandwich_sampler(len(routes), anchors[-1], anchors[0], config.sandwich_random)
    stitches = list(range(len(routes)))
    if config.tuning == "stitching_layers":  # a frozen anchor alone would have nothing to learn
        stitches = [n for n in stitches if not routes[n].is_anchor]
    if config.sampling == "cost_groups":
        return group_sampler(cost_groups(stitches, macs, config.cost_gap))
    if config.sampling == "equal_exposure":
        return equal_sampler(stitches)
    if config.sampling == "inverse_visits":
        return visits_sampler(stitches)
    if config.sampling == "importance":
        weights = importance_weights([route.is_anchor for route in routes], judge())
        return weighted_sampler(stitches, [weights[n] for n in stitches])
    return random_sampler(stitches)


def random_sampler(stitches: Sequence[int]) -> Sampler:
    """Draw one of the stitches a step, uniformly (SN-Net paper, algorithm 1)."""
    return lambda draws, _: [_one_of(stitches, draws)]


def cost_groups(stitches: Sequence[int], macs: Sequence[int], gap: float) -> list[list[int]]:
    """Stitches by cost: a group begins where one costs over `gap` more than the group's first."""
    groups: list[list[int]] = []
    for stitch in sorted(stitches, key=lambda number: (macs[number], number)):
        if not groups or macs[stitch] - macs[groups[-1][0]] > gap:
            groups.append([])
        groups[-1].append(stitch)
    return groups


def group_sampler(groups: Sequence[Sequence[int]]) -> Sampler:
    """Draw a group uniformly, then one of it: rare costs as often as frequent ones.

    Resource-constrained sampling (SN-Netv2, arXiv 2307.00154) has groups of equal cost.
    """
    return lambda draws, _: [_one_of(_one_of(groups, draws), draws)]


def equal_sampler(stitches: Sequence[int]) -> Sampler:
    """Draw one of those that were trained least often: none twice before all once."""

    def draw(draws: torch.Generator, visits: Tensor) -> list[int]:
        counts = visits[stitches].tolist()
        least = min(counts)
        rest = [stitch for stitch, n in zip(stitches, counts, strict=True) if n == least]
        return [_one_of(rest, draws)]

    return draw


def visits_sampler(stitches: Sequence[int]) -> Sampler:
    """Draw one with a probability in inverse proportion to 1 + how often it was trained."""

    def draw(draws: torch.Generator, visits: Tensor) -> list[int]:
        weights = 1 / (1 + visits[stitches].double())
        return [stitches[int(torch.multinomial(weights, 1, generator=draws))]]

    return draw


def importance_weights(anchors: Sequence[bool], found: Sequence[float]) -> list[float]:
    """Weights of all routes: stitches have their importance, anchors the mean of it.

    So an anchor is drawn as often as by uniform draws (ours; ESTA says it of stitches).

    Arguments:
        anchors: whether each route is an anchor.
        found: importance of those that are none, in their order.

    Raises:
        ValueError: none has any.
    """
    mean = sum(found) / len(found) if found else 1.0
    if not mean > 0:
        raise ValueError(
            "sampling goes by importance, and no stitching layer has weights on which the loss "
            "depends; choose another sampling"
        )
    of_stitches = iter(found)
    return [mean if is_anchor else next(of_stitches) for is_anchor in anchors]


def weighted_sampler(stitches: Sequence[int], weights: Sequence[float]) -> Sampler:
    """Draw one with a probability in proportion to its weight."""
    shares = torch.tensor(weights, dtype=torch.float64)
    return lambda draws, _: [stitches[int(torch.multinomial(shares, 1, generator=draws))]]


def sandwich_sampler(count: int, largest: int, smallest: int, random_count: int) -> Sampler:
    """Draw the largest, the smallest, and `random_count` others a step (BigNAS, section 3.1).

    Largest and smallest are the costliest and the cheapest anchor: a few stitches cost more than
    the costliest anchor, but only by running blocks of two anchors where one would do. The largest
    comes first: it teaches the others (inplace distillation).
    """
    others = [stitch for stitch in range(count) if stitch not in (largest, smallest)]

    def draw(draws: torch.Generator, _: Tensor) -> list[int]:
        chosen = torch.randperm(len(others), generator=draws)[:random_count]
        return [largest, smallest, *(others[n] for n in chosen.tolist())]

    return draw


def sampler_within(stitches: Sequence[int], sampler: Sampler) -> Sampler:
    """What a sampler draws, but only of `stitches`: where it draws none of them, one of them."""

    def draw(draws: torch.Generator, visits: Tensor) -> list[int]:
        kept = [stitch for stitch in sampler(draws, visits) if stitch in stitches]
        return kept or [_one_of(stitches, draws)]

    return draw


def _one_of(choices: Sequence[T], draws: torch.Generator) -> T:
    return choices[int(torch.randint(len(choices), (1,), generator=draws))]
