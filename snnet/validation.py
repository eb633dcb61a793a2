"""Scores on the held-back images while a run trains: they tell early that a setting will not do."""

from __future__ import annotations

import math

from snnet.data.dataset import Data
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
    """The task's score of every route on the images held back; empty where the data holds none.

    All processes of a run call it together.
    """
    batches = data.validation_batches(BATCH, process.part)
    scores = evaluate(network, batches, process.interleave, task=data.task)
    return [one[data.task.score.name] for one in scores]
