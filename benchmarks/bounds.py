"""What sharing work between sub-networks can give at most."""

from __future__ import annotations

import time
from collections import defaultdict

import torch
from torch import Tensor

from snnet.network import Step, StitchedNetwork
from snnet.shared_forward import shared_macs

REPEATS = 3
BATCHES = (1, 2, 4, 8)  # times the batch in question: merging makes larger ones


def bound_by_work(network: StitchedNetwork) -> float:
    """MACs of all routes one by one over MACs with everything shared that can be."""
    costs = network.costs()
    return sum(macs for macs, _ in costs) / shared_macs(network, range(len(costs)))


@torch.no_grad()
def bound_by_step_times(network: StitchedNetwork, images: Tensor) -> float:
    """Time of all steps one by one over time of every shared step once, as measured alone.

    Attention, GELU and layer norms grow with the width, MACs with its square; so narrow blocks
    cost more time than their MACs say. A shared step counts as it does at its best batch size,
    since sharing may run it in larger batches.
    """
    measured = [
        {step: seconds / times for step, seconds in _step_seconds(network, repeated).items()}
        for times in BATCHES
        for repeated in [images.repeat(times, 1, 1, 1)]
    ]
    routes = [network.steps(route) for route in network.space.routes]
    one_by_one = sum(measured[0][step] for steps in routes for step in steps)
    beginnings = {steps[:count] for steps in routes for count in range(1, len(steps) + 1)}
    shared = sum(min(each[steps[-1]] for each in measured) for steps in beginnings)
    return one_by_one / shared


def _step_seconds(network: StitchedNetwork, images: Tensor) -> dict[Step, float]:
    """The fastest seconds of every step; blocks of one anchor, all alike here, share a mean.

    They run one after the other, so that each finds its weights as cold as in real use.
    """
    alike: dict[tuple[str, int, int], list[Step]] = defaultdict(list)
    for number in range(len(network.anchors)):
        alike["stem", number, 0].append(("stem", number, 0))
        depth = network.space.depths[number]
        alike["block", number, 0] += [("block", number, block) for block in range(depth)]
        alike["head", number, 0].append(("head", number, 0))
    for number, layer in enumerate(network.space.layers):
        alike["layer", layer.front, layer.back].append(("layer", number, 0))
    seconds: dict[Step, float] = {}
    for (kind, anchor, _), steps in alike.items():
        features = images if kind == "stem" else network.anchor(anchor).stem(images)
        fastest = min(_seconds(network, steps, features) for _ in range(REPEATS))
        seconds |= dict.fromkeys(steps, fastest / len(steps))
    return seconds


def _seconds(network: StitchedNetwork, steps: list[Step], features: Tensor) -> float:
    start = time.perf_counter()
    for step in steps:
        network.run(step, features)
    return time.perf_counter() - start
