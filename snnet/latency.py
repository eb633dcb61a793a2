"""Time that sub-networks take on this machine, and that changing between them takes."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snnet.network import StitchedNetwork

WARM_UP_SHARE = 0.1  # of the time, after which no further round warms up


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one forward pass: the median, and the range without the outer tenths."""

    median: float
    low: float  # 10th percentile
    high: float  # 90th percentile


@torch.inference_mode()
def measure_latencies(
    network: StitchedNetwork,
    batch_size: int = 1,
    repeats: int = 20,
    warm_up: int = 3,
    watch: Callable[[int], None] = lambda passes: None,
    seconds: float = math.inf,
) -> list[Latency]:
    """Time every route of the network's space, in its order, where the network is.

    Repeats go round all stitches, each round in an order of its own, so that a busy moment of the
    machine falls on all of them alike.

    Arguments:
        batch_size: images a pass; their content does not matter.
        warm_up: rounds that are not counted; one alone where they would take much of `seconds`.
        watch: told the number of passes done, warm-up included.
        seconds: after which no further round begins; one is counted whatever it takes.

    Raises:
        ValueError: a number is out of range.
    """
    if batch_size < 1 or repeats < 1 or warm_up < 0:
        raise ValueError(
            f"batch_size and repeats must be at least 1, warm_up at least 0, "
            f"not {batch_size}, {repeats} and {warm_up}"
        )
    training = network.training
    network.eval()
    draws = torch.Generator().manual_seed(0)
    like = next(network.parameters())
    images = network.inputs.example(network.image_shape, batch_size, like, draws)
    stitches = len(network.space.routes)
    order, shuffle = list(range(stitches)), random.Random(0).shuffle
    done, start = 0, time.monotonic()

    def go_round() -> list[float]:
        """Time each stitch once: seconds."""
        nonlocal done
        shuffle(order)
        taken = [0.0] * stitches
        for stitch in order:
            taken[stitch] = _seconds(network, images, stitch)
            done += 1
            watch(done)
        return taken

    for _ in range(warm_up):
        go_round()
        if time.monotonic() - start > WARM_UP_SHARE * seconds:
            break
    times: list[list[float]] = []
    while len(times) < repeats and (not times or time.monotonic() - start < seconds):
        times.append(go_round())
    network.train(training)
    low, median, high = np.percentile(np.array(times) * 1e3, [10, 50, 90], axis=0)
    return [Latency(float(median[n]), float(low[n]), float(high[n])) for n in range(stitches)]


def _seconds(network: StitchedNetwork, images: Tensor, stitch: int) -> float:
    _wait(images.device)
    start = time.perf_counter()
    network(images, stitch)
    _wait(images.device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def switch_microseconds(
    select: Callable[[int], object], stitches: int, switches: int = 10_000
) -> float:
    """Mean time of one `select(stitch)`, over many changes between random stitches."""
    draw = random.Random(0)
    order = [draw.randrange(stitches) for _ in range(switches)]
    start = time.perf_counter()
    for stitch in order:
        select(stitch)
    return (time.perf_counter() - start) / switches * 1e6
