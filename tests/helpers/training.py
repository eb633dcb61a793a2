"""Training of small networks."""

from __future__ import annotations

from dataclasses import replace

import torch

from helpers.anchors import tiny_anchor
from snnet.config import Augmentation, StitchingConfig
from snnet.network import stitch_for
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


def weights(state):
    return {name: value.clone() for name, value in state.network.state_dict().items()}
