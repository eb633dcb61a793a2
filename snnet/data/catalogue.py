"""The dataset that a run asks for: its name, and the images behind it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import torch
from timm.data import ImageNetInfo

from snnet.anchors import create_anchor
from snnet.config import StitchingConfig
from snnet.data import canvas
from snnet.data.canvas import load_canvases
from snnet.data.dataset import Data
from snnet.data.folder import list_dataset
from snnet.data.locations import is_folder
from snnet.data.memory import InMemory, take
from snnet.data.sizes import CANVASES, is_map_folder, is_text
from snnet.data.texts import class_names_of, load_texts
from snnet.data.tokens import tokenizer_file
from snnet.errors import MissingDataError
from snnet.run import RunLike

CLASS_NAMES = {
    **canvas.NAMES,
    **{name: ("background", *canvas.NAMES[items]) for name, items in CANVASES.items()},
}
LOADERS: dict[str, Callable[[int], InMemory]] = {
    **canvas.LOADERS,
    **{name: partial(load_canvases, name) for name in CANVASES},
}


def load_data(config: StitchingConfig, run: RunLike | None = None) -> Data:
    """The images or texts that `config` names, preprocessed as its anchors want them.

    Arguments:
        run: has the cache for decoded images; without it none are kept.

    Raises:
        MissingDataError: they are not there, or cannot be read.
        ValueError: the anchors want different preprocessing, or the counts of images do not fit.
    """
    counts, seed = (config.training_images, config.test_images), config.seed_of_split
    if config.dataset in LOADERS:
        data = replace(LOADERS[config.dataset](seed), pixels=config.pixels)
        return take(data, *counts, seed)
    if is_text(config.dataset):
        file = tokenizer_file(config.anchors)
        held_back = config.validation_images
        texts = load_texts(config.dataset, file, config.tokens, held_back, seed)
        return take(texts, *counts, seed)
    from snnet.data.decoded import decode
    from snnet.data.images import load_images  # torchvision: only where needed
    from snnet.data.preprocessing import preprocessing_of

    with torch.device("meta"):
        bare = [replace(spec, weights="random") for spec in config.anchors]
        anchors = [create_anchor(spec) for spec in bare]
    preprocessing = preprocessing_of([anchor.model for anchor in anchors])
    if is_map_folder(config.dataset):
        from snnet.data.maps import load_maps

        classes = anchors[0].classes
        held_back = config.validation_images
        return load_maps(config.dataset, preprocessing, classes, *counts, held_back, seed)
    opening = partial(decode, cache=run.cache, say=run.say) if config.decoded and run else None
    held_back = config.validation_images
    return load_images(config.dataset, preprocessing, *counts, held_back, seed, opening)


def class_names(dataset: str, classes: int) -> list[str] | None:
    """What the classes of a dataset are called, in the order of their labels; None: not known here.

    Arguments:
        classes: how many a network tells apart.
    """
    names: list[str] = list(CLASS_NAMES.get(dataset, ()))
    if is_text(dataset):
        with suppress(MissingDataError):
            names = list(class_names_of(dataset))
    if is_folder(dataset):
        with suppress(MissingDataError, ValueError):
            names = list(list_dataset(dataset)[0].classes)
        if not names and dataset == "imagenet":
            names = ImageNetInfo().label_names()
    if len(names) != classes:
        return None
    known = ImageNetInfo()  # of folders that are called by WordNet's numbers
    described = set(names) <= set(known.label_names())
    return [known.label_name_to_description(name) for name in names] if described else names


def dataset_name(config: StitchingConfig) -> str:
    """The dataset with its subset and split: what anchors trained on it depend on."""
    name = f"{config.dataset}-split-{config.seed_of_split}"
    if config.training_images is not None:
        name += f"-{config.training_images}"
    if config.pixels is not None:
        name += f"-{config.pixels}px"
    if config.decoded:
        name += "-decoded"
    if is_text(config.dataset):
        name += f"-{config.tokens}-tokens"
    return f"{name}-without-{config.validation_images}" if config.validation_images else name
