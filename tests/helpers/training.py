"""Training of small networks."""

from __future__ import annotations

from dataclasses import replace

import torch

from helpers.anchors import tiny_anchor
from snnet.checkpoint import resume_training, save_training
from snnet.config import StitchingConfig
from snnet.network import stitch_for
from snnet.recipe import Augmentation
from snnet.training import Training

CONFIG = StitchingConfig(
    epochs=4,
    warmup_epochs=1,
    batch_size=16,
    learning_rate=1e-3,
    augmentation=Augmentation(degrees=5, scale=0.1, shift=0.5),
)


def training(data, **changes):
    config = replace(CONFIG, **changes)
    torch.manual_seed(config.seed)
    anchors = [tiny_anchor(w, w, drop_path_rate=config.drop_path) for w in (8, 12)]
    network = stitch_for(config, anchors, data.image_shape)
    network.initialise(data.calibration(20, config.seed))
    return Training(network, data, config)


def resumed(stop, data, folder, **changes):
    """A training that goes on from the checkpoint of one that stopped after so many steps.

    An epoch has four.
    """
    first = training(data, **changes)
    left = iter(range(stop - 1))
    while first.epoch * 4 + first.step < stop:
        first.run_epoch(pause=lambda: next(left, None) is None)
    save_training(first, first.state(), folder / "checkpoint")
    second = training(data, **changes)
    resume_training(second, folder / "checkpoint")
    assert second.epoch * 4 + second.step == stop
    return second


def steady(metrics):
    """Metrics of an epoch that do not depend on the machine."""
    timed = ("images_per_second", "data_wait_share")
    return {name: value for name, value in metrics.items() if name not in timed}


def weights(state):
    return {name: value.clone() for name, value in state.network.state_dict().items()}
