"""One stitching run from anchors to scores."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pandas as pd
import torch

from snnet.config import StitchingConfig
from snnet.cost import route_costs
from snnet.data import DATASETS
from snnet.evaluation import Score, evaluate
from snnet.initialisation import initialise_least_squares
from snnet.network import StitchedNetwork, stitch
from snnet.pretraining import pretrained_anchors
from snnet.training import Training

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_EPOCHS = 5


class RunLike(Protocol):
    """What a run needs of its surroundings: places to write to, and someone to tell."""

    directory: Path
    cache: Path

    def say(self, phase: str) -> None:
        """Tell what is going on."""

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Epoch `step` of `of` is done."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A temporary path that becomes the file `name` on success."""
        ...

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table with the result."""


def run_stitching(config: StitchingConfig, run: RunLike) -> dict[str, float]:
    """Stitch, initialise, score, train, score again.

    Saves the table `stitch` (one row a sub-network, index = stitch id) and returns the summary.
    Goes on from the checkpoint that an earlier attempt left.
    """
    data = DATASETS[config.dataset]()
    anchors = pretrained_anchors(config.anchors, config.dataset, data, run.cache, run.say)
    torch.manual_seed(config.seed)
    network = stitch(anchors, config.kernel, config.stride, config.pairs, config.direction)
    if config.init == "least_squares":
        run.say("least squares")
        images = data.calibration(config.calibration_images, config.seed)
        initialise_least_squares(network, images)
    costs = route_costs(network, tuple(data.test_images.shape[1:]))
    run.say("scores before training")
    before = evaluate(network, data.test_images, data.test_labels)
    training = Training(network, data, config)
    _train(training, run)
    run.say("scores after training")
    after = evaluate(network, data.test_images, data.test_labels)
    table = stitch_table(network, costs, before, after, training.visits.tolist())
    run.save_table("stitch", table)
    return summary(table, training)


def _train(training: Training, run: RunLike) -> None:
    checkpoint = run.directory / CHECKPOINT
    if checkpoint.exists():
        training.load_state_dict(torch.load(checkpoint, weights_only=True))
    run.say("training")
    epochs = training.config.epochs
    while training.epoch < epochs:
        metrics = training.run_epoch()
        run.log(training.epoch, epochs, metrics)
        if training.epoch % CHECKPOINT_EPOCHS == 0 or training.epoch == epochs:
            with run.writing(CHECKPOINT) as path:
                torch.save(training.state_dict(), path)


def stitch_table(
    network: StitchedNetwork,
    costs: list[tuple[int, int]],
    before: list[Score],
    after: list[Score],
    visits: list[int],
) -> pd.DataFrame:
    """One row a sub-network: route, cost, visits, and scores before and after training."""
    routes = network.space.routes
    table = pd.DataFrame(
        {
            "route": [route.name for route in routes],
            "anchors": ["-".join(map(str, route.anchors)) for route in routes],
            "is_anchor": [route.is_anchor for route in routes],
            "macs": [macs for macs, _ in costs],
            "params": [params for _, params in costs],
            "visits": visits,
        }
    )
    for suffix, scores in (("_before", before), ("", after)):
        for field in ("top1", "top5", "loss", "correct"):
            table[field + suffix] = [getattr(score, field) for score in scores]
    table.index.name = "stitch"
    return table


def summary(table: pd.DataFrame, training: Training) -> dict[str, float]:
    """The numbers that tell a run in a line."""
    anchors = table[table.is_anchor]
    return {
        "stitches": float(len(table)),
        "mean_top1": float(table.top1.mean()),
        "mean_top1_before": float(table.top1_before.mean()),
        "worst_top1": float(table.top1.min()),
        "anchor_change_top1": float((anchors.top1 - anchors.top1_before).mean()),
        "train_seconds": training.seconds,
        "passes": float(training.visits.sum()),
    }
