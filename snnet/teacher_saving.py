"""What keeping a teacher's answers saves a grid of runs that classify images."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import mean

import torch

from snnet.anchors import create_anchor
from snnet.config import StitchingConfig
from snnet.costs import count_macs
from snnet.data.folder import list_dataset
from snnet.data.locations import is_folder
from snnet.data.preprocessing import preprocessing_of
from snnet.data.sizes import IN_MEMORY, has_maps, is_text
from snnet.errors import MissingDataError
from snnet.matching import matching_epochs
from snnet.models import create_model
from snnet.network import stitch_for
from snnet.space import SETTINGS, epochs_for
from snnet.teacher_answers import form_of, seen_by

BACKWARD = 2  # forward passes that a backward pass costs
# settings that decide what networks cost
NETWORKS = ("dataset", "pixels", "anchors", "teacher", *SETTINGS, "layer", "layer_rank")


@dataclass(frozen=True)
class Saving:
    """What the runs of a grid ask a teacher, and what they would if its answers were kept.

    Attributes:
        runs: that have a teacher.
        shown, different: images that they show it, and how many of these are different ones; in
            epochs where the dataset is not here.
        bytes: that kept answers take; None where the dataset is not here.
        ratio: MACs of all training when the teacher is asked of all, over those when it is asked
            of what is different.
        kept: whether all of the runs do keep them.
    """

    runs: int
    shown: int
    different: int
    bytes: int | None
    ratio: float
    kept: bool


@dataclass(frozen=True)
class _Networks:
    """Networks of a run: blocks by anchor and stage, classes, MACs of an image through each.

    Attributes:
        routes: of all sub-networks, the anchors first.
    """

    stages: tuple[tuple[int, ...], ...]
    classes: int
    routes: list[int]
    teacher: int


def saving_of(configs: Iterable[StitchingConfig]) -> Saving | None:
    """The saving of a grid; None where no run has a teacher whose answers can be kept.

    MACs are those of the mean sub-network, though some ways of sampling prefer others.

    Raises:
        ValueError: the networks of a run cannot be made.
    """
    taught = [one for one in configs if _is_taught(one)]
    if not taught:
        return None
    known: dict[str, _Networks] = {}
    shown = asked = trained = 0.0
    shared: dict[str, tuple[float, float, float]] = {}  # images, MACs, bytes: by who shares them
    for config in taught:
        name = repr([getattr(config, setting) for setting in NETWORKS])
        networks = known[name] = known.get(name) or _look_at(config)
        epochs = epochs_for(config, networks.stages)
        silent = matching_epochs(config) if config.matching != "none" else 0
        count = float(_train_count(config) or 1)
        images = count * max(1, epochs - silent)
        shown, asked = shown + images, asked + images * networks.teacher
        trained += count * epochs * _step_macs(config, networks.routes) * (1 + BACKWARD)
        form = form_of(config, networks.classes)
        sharing = repr((seen_by(config), config.teacher, config.seed_of_anchors, form))
        most = max(images, shared.get(sharing, (0.0,))[0])
        shared[sharing] = most, most * networks.teacher, most * form.image_bytes
    different, answered, size = (sum(column) for column in zip(*shared.values(), strict=True))
    counted = all(map(_train_count, taught))
    ratio = (trained + asked) / (trained + answered)
    return Saving(
        len(taught),
        round(shown),
        round(different),
        round(size) if counted else None,
        ratio,
        kept=all(one.teacher_answers == "kept" for one in taught),
    )


def _is_taught(config: StitchingConfig) -> bool:
    whole = not has_maps(config.dataset) and not is_text(config.dataset)
    return whole and config.distillation != "none" and config.teacher is not None


def _look_at(config: StitchingConfig) -> _Networks:
    """Price the networks of a run on the meta device, without their weights."""
    assert config.teacher is not None
    with torch.device("meta"):
        bare = [replace(spec, weights="random") for spec in config.anchors]
        anchors = [create_anchor(spec) for spec in bare]
        if config.dataset in IN_MEMORY:
            channels, *size = IN_MEMORY[config.dataset].image_shape
            size = size if config.pixels is None else [config.pixels] * 2
            shape = (channels, *size)
        else:
            shape = preprocessing_of([anchor.model for anchor in anchors]).image_shape
        network = stitch_for(config, anchors, shape)
        teacher = create_model(replace(config.teacher, weights="random"))
        macs, _ = count_macs(teacher.eval(), torch.zeros(1, *shape))
    routes = [macs for macs, _ in network.costs()]
    return _Networks(network.space.stages, network.classes, routes, macs)


def _train_count(config: StitchingConfig) -> int | None:
    """Images that an epoch shows; None where the dataset is not here."""
    count = config.examples_per_epoch
    if count is None and is_folder(config.dataset):
        with suppress(MissingDataError):
            train, _ = list_dataset(config.dataset)
            count = len(train.files) - (config.validation_images or 0)
    return count


def _step_macs(config: StitchingConfig, routes: list[int]) -> float:
    """MACs of an image's forward passes in a step."""
    if config.sampling == "sandwich":
        anchors = routes[: len(config.anchors)]
        return max(anchors) + min(anchors) + config.sandwich_random * mean(routes)
    return mean(routes)
