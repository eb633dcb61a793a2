"""The dataset that a run asks for: its name, and the images behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from snnet.anchors import create_anchor
from snnet.config import StitchingConfig
from snnet.data.dataset import Data
from snnet.data.digits import load_digits
from snnet.data.fashion import load_fashion
from snnet.data.memory import InMemory, take

LOADERS: dict[str, Callable[[], InMemory]] = {"digits": load_digits, "fashion": load_fashion}


def load_data(config: StitchingConfig) -> Data:
    """The images that `config` names, preprocessed as its anchors want them.

    Raises:
        MissingDataError: they are not there, or cannot be read.
        ValueError: the anchors want different preprocessing, or the counts of images do not fit.
    """
    counts = config.training_images, config.test_images
    if config.dataset in LOADERS:
        return take(LOADERS[config.dataset](), *counts)
    from snnet.data.images import load_images  # torchvision: only where needed
    from snnet.data.preprocessing import preprocessing_of

    with torch.device("meta"):
        bare = [replace(spec, weights="random") for spec in config.anchors]
        models = [create_anchor(spec).model for spec in bare]
    preprocessing = preprocessing_of(models)
    return load_images(config.dataset, preprocessing, *counts, config.validation_images)


def dataset_name(config: StitchingConfig) -> str:
    """The dataset with its subset: what anchors trained on it depend on."""
    name = config.dataset
    if config.training_images is not None:
        name += f"-{config.training_images}"
    return f"{name}-without-{config.validation_images}" if config.validation_images else name
