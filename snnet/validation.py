"""Scores on the held-back images while a run trains: they tell early that a setting will not do."""

from __future__ import annotations

import math

import pandas as pd

from snnet.cost import route_costs
from snnet.data.memory import Data
from snnet.distributed import Process
from snnet.evaluation import evaluate
from snnet.network import StitchedNetwork

RUNGS = (10, 25, 50)  # percent of the training after which it is scored
BATCH = 64


def rungs_at(epoch: int, epochs: int) -> list[int]:
    """The rungs that are reached at the end of this epoch, of so many; the end itself is none."""
    if epoch == epochs:
        return []
    return [rung for rung in RUNGS if math.ceil(rung * epochs / 100) == epoch]


def validation_scores(network: StitchedNetwork, data: Data, process: Process) -> list[float]:
    """Top-1 (0 to 1) of every route on the images held back; empty where the data holds none.

    All processes of a run call it together.
    """
    batches = data.validation_batches(BATCH, process.part)
    return [score.top1 for score in evaluate(network, batches, process.interleave)]


def validation_table(network: StitchedNetwork, scores: list[float]) -> pd.DataFrame:
    """One row a sub-network (index = stitch id): what choosing by validation needs."""
    routes = network.space.routes
    table = pd.DataFrame(
        {
            "route": [route.name for route in routes],
            "is_anchor": [route.is_anchor for route in routes],
            "macs": [macs for macs, _ in route_costs(network)],
            "top1_validation": scores,
        }
    )
    table.index.name = "stitch"
    return table


def validation_file(rung: int) -> str:
    """The name of the file in which a run keeps the table of a rung."""
    return f"validation-{rung}.parquet"
