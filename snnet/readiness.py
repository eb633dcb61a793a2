"""What a run needs, checked before it starts: its images, its weights, and that they fit."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, prod

import torch
from torch import nn

from snnet.anchors import create_anchor
from snnet.config import StitchingConfig
from snnet.data.decoded import expected_bytes
from snnet.data.folder import list_dataset
from snnet.data.locations import is_folder
from snnet.data.preprocessing import preprocessing_of
from snnet.data.sizes import IN_MEMORY, TEXT, is_text
from snnet.data.texts import class_names_of
from snnet.data.tokens import encode, tokenizer_file
from snnet.depths import ENCODER
from snnet.errors import first_line
from snnet.experiment import (
    anchor_specs,
    check_classes,
    check_teacher,
    create_teacher,
    learns_heads,
)
from snnet.network import StitchedNetwork, stitch_for, width_and_size
from snnet.pretraining import begun, drop_path_of
from snnet.space import count_routes, space_for
from snnet.text_models import is_text_model
from snnet.tuning import check_tuning
from snnet.wording import in_bytes

# rows for each unknown of a least-squares start: with two, the squared error of what it gives for
# other images is twice what it would be with any number of rows; with hardly more than one, no map
ENOUGH_ROWS = 2


def check_networks(config: StitchingConfig) -> list[str]:
    """Refuse a run whose networks cannot be made or do not fit each other and the images.

    All of it happens on the meta device: of files of weights little more than the headers are
    read, and nothing is computed.

    Returns:
        A sentence for each file of weights that is adapted, for the room of decoded images, for
        calibration images that are too few, and for windows that differ in name alone.

    Raises:
        ValueError: says what is wrong.
    """
    told: list[str] = []
    if any(is_text(config.dataset) != is_text_model(spec) for spec in config.anchors):
        raise ValueError(
            f"dataset {config.dataset} and the anchors do not fit: texts, whose names begin with "
            f"{TEXT}, are read by architectures {ENCODER}PLACE, images by timm's"
        )
    with torch.device("meta"):
        anchors = [
            create_anchor(
                begun(spec),
                told.append,
                spec.weights == "recipe" or learns_heads(config),
                drop_path_rate=drop_path_of(spec, config.drop_path),
            )
            for spec in anchor_specs(config)
        ]
        image_shape, classes = _images(config, [anchor.model for anchor in anchors])
        if config.decoded:
            told.append(_size_told(config.dataset, [anchor.model for anchor in anchors]))
        network = stitch_for(config, anchors, image_shape)
        count_routes(config, network.space.stages)
        check_classes(network.classes, classes, config.dataset)
        check_tuning(network, config.tuning)
        told += _few_rows_told(config, network) + _windows_told(config, network)
        if config.distillation != "none" and config.teacher is not None:
            own = config.teacher.weights == "recipe"
            teacher = create_teacher(begun(config.teacher), told.append, new_head=own)
            check_teacher(teacher, network.classes)
            _try(teacher, network)
    return told


def _images(config: StitchingConfig, models: list[nn.Module]) -> tuple[tuple[int, ...], int | None]:
    """The shape of the images or texts, and the number of classes where it is known."""
    if config.dataset in IN_MEMORY:
        sizes = IN_MEMORY[config.dataset]
        channels, *size = sizes.image_shape
        height, width = size if config.pixels is None else (config.pixels, config.pixels)
        return (channels, height, width), sizes.classes
    if is_text(config.dataset):
        encode([""], tokenizer_file(config.anchors), config.tokens)
        return (config.tokens,), len(class_names_of(config.dataset))
    classes = len(list_dataset(config.dataset)[0].classes) if is_folder(config.dataset) else None
    return preprocessing_of(models).image_shape, classes


def _size_told(dataset: str, models: list[nn.Module]) -> str:
    """A sentence on the room that decoded images take."""
    sets, preprocessing = list_dataset(dataset), preprocessing_of(models)
    size = sum(expected_bytes(one, preprocessing) for one in sets)
    return (
        f"dataset {dataset}: decoded images take about {in_bytes(size)} in the home's cache, "
        "once for all runs; `ablate gc --caches` frees it"
    )


def _few_rows_told(config: StitchingConfig, network: StitchedNetwork) -> list[str]:
    """A sentence where least squares fit the calibration images and hardly any others."""
    if config.init != "least_squares" or config.layer == "identity":
        return []
    images = config.calibration_images
    found = []  # by layer: rows that an image gives, and unknowns of each channel
    for layer in network.space.layers:
        joint = layer.joints[0]
        leaving = network.anatomies[joint.front].shapes[joint.front_block + 1]
        width, size = width_and_size(leaving, network.anchor(joint.front).layout)
        found.append((prod(size), width + 1))
    few = [(rows, unknowns) for rows, unknowns in found if images * rows < ENOUGH_ROWS * unknowns]
    if not few:
        return []
    enough = max(ceil(ENOUGH_ROWS * unknowns / rows) for rows, unknowns in few)
    rows, unknowns = min(few, key=lambda one: one[0] / one[1])
    return [
        f"calibration_images {images}: {len(few)} of {len(found)} stitching layers have few rows "
        f"for their least-squares start (at worst {images * rows} for {unknowns} unknowns), which "
        f"then fits these images and hardly others; with {enough} all have enough"
    ]


def _windows_told(config: StitchingConfig, network: StitchedNetwork) -> list[str]:
    """A sentence where other windows than the paper's offer the same sub-networks as those."""
    usual = replace(config, kernel=2, stride=1)
    if config.positions != "windows" or usual == config or config.only is not None:
        return []
    if space_for(usual, network.space.stages) != network.space:
        return []
    return [
        f"kernel {config.kernel} and stride {config.stride}: between these anchors they offer the "
        f"same {len(network.space.routes)} sub-networks as kernel 2 and stride 1, so such runs are "
        "equal but for what else differs"
    ]


def _try(teacher: nn.Module, network: StitchedNetwork) -> None:
    example = network.inputs.example(network.image_shape, 1, next(network.parameters()))
    try:
        teacher.eval()(example)
    except NotImplementedError:  # an operation that only real images could tell of
        return
    except (RuntimeError, AssertionError, TypeError, IndexError) as error:
        size = "x".join(map(str, network.image_shape))
        raise ValueError(
            f"the teacher cannot take {network.inputs.name} of {size}: {first_line(error)}"
        ) from error
