"""Serve images or texts under a budget that changes all the time: one network, many sub-networks.

    python examples/serve.py outputs/runs/KEY --seconds 10
    python examples/serve.py outputs/runs/KEY --budgets 0.3,1.0,0.6 --step 2

The budget swings between the cheapest and the dearest sub-network, or goes through `--budgets`
(shares of the dearest's MACs), each for `--step` seconds. Images or texts come from the run's test
set; where that is not on this machine they are noise, and the score says nothing.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from itertools import cycle

import torch
from torch import Tensor

import snnet
from snnet.data.catalogue import load_data
from snnet.errors import MissingDataError
from snnet.tasks.base import Task
from snnet.tasks.classification import CLASSIFICATION

PERIOD = 5.0  # seconds of one swing of the budget


def main() -> None:
    """Select by budget, answer a batch, tell; until the time is up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="directory or key of a finished run; the beginning will do")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--budgets", help="shares of the dearest's MACs, such as 0.3,1.0,0.6")
    parser.add_argument("--step", type=float, default=1.0, help="seconds between two lines")
    options = parser.parse_args()
    try:
        shares = [float(share) for share in options.budgets.split(",")] if options.budgets else []
        network = snnet.load(options.run)
        serve(network, shares, options.seconds, options.step, options.batch_size)
    except ValueError as error:
        parser.error(str(error))


def serve(
    network: snnet.TrainedNetwork,
    shares: list[float],
    seconds: float,
    step: float,
    batch_size: int,
) -> None:
    """Answer batches for so many seconds, a line every `step`."""
    batches, task = endless_batches(network, batch_size)
    macs = network.table["macs"]
    start, told, seen, score, passes, spent = time.perf_counter(), 0.0, 0, 0.0, 0, 0.0
    words = network.score.words
    print(f"   time    budget  stitch     GMACs   latency   {words} so far", flush=True)
    while (now := time.perf_counter() - start) < seconds:
        if shares:
            budget = shares[int(now / step) % len(shares)] * macs.max()
        else:
            swing = (1 - math.cos(2 * math.pi * now / PERIOD)) / 2
            budget = macs.min() + swing * (macs.max() - macs.min())
        stitch = network.select(macs=budget)
        inputs, targets = next(batches)
        before = time.perf_counter()
        outputs = network(inputs)
        spent, passes = spent + time.perf_counter() - before, passes + 1
        seen, score = seen + len(targets), score + task.total(outputs, targets)
        if now >= told:
            told += step
            print(
                f"{now:5.1f} s {budget / 1e9:9.3g} {stitch:7d} {macs[stitch] / 1e9:9.3g} "
                f"{1e3 * spent / passes:6.2f} ms {100 * score / seen:6.1f} % of {seen}",
                flush=True,
            )
            spent, passes = 0.0, 0


def endless_batches(
    network: snnet.TrainedNetwork, batch_size: int
) -> tuple[Iterator[tuple[Tensor, Tensor]], Task]:
    """The test set of the run again and again, or noise; and the task that scores it."""
    try:
        data = load_data(network.config)
    except MissingDataError as error:
        inner, draws = network.network, torch.Generator().manual_seed(0)
        print(f"noise instead of {inner.inputs.name}: {error}")
        like = next(inner.parameters())
        noise = inner.inputs.example(inner.image_shape, batch_size, like, draws)
        return cycle([(noise, torch.randint(inner.classes, (batch_size,)))]), CLASSIFICATION
    # read anew each time: a real test set does not fit into memory
    again = (batch for _ in cycle([None]) for batch in data.test_batches(batch_size))
    return again, data.task


if __name__ == "__main__":
    main()
