"""Where datasets are looked for. Torch-free: a missing one is told before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

from snnet.config import IN_MEMORY
from snnet.errors import MissingDataError

DATA_VARIABLE = "SNNET_DATA"
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
REMOTE = ("torch", "hfds", "wds", "tfds", "hfids")  # timm's prefixes, as in torch/cifar10
TEST_SPLITS = ("val", "validation", "test")


def data_root() -> Path:
    """The directory of datasets: $SNNET_DATA, or ~/.cache/snnet."""
    return Path(os.environ.get(DATA_VARIABLE) or "~/.cache/snnet").expanduser()


def check_dataset(dataset: str) -> None:
    """Raises MissingDataError where a dataset that can only be local is not there."""
    if dataset not in IN_MEMORY and dataset.partition("/")[0] not in REMOTE:
        image_folder(dataset)


def image_folder(dataset: str) -> Path:
    """The folder that holds train/ and val/ (or validation/, test/), one folder a class inside.

    Raises:
        MissingDataError: says where it was looked for and what to do.
    """
    places = [data_root() / dataset, data_root()]
    for place in places:
        if (place / "train").is_dir() and any((place / name).is_dir() for name in TEST_SPLITS):
            return place
    hint = (
        "get it from image-net.org (ILSVRC 2012, one folder a class)"
        if dataset == "imagenet"
        else "put it there"
    )
    raise MissingDataError(
        f"dataset {dataset} is not in {places[0]}: no folders train/ and val/ there; set "
        f"{DATA_VARIABLE} to the directory that holds {dataset}/, or {hint}"
    )


def fashion_places() -> list[Path]:
    """Where Fashion-MNIST's IDX files may be, the place of torchvision's download last but one."""
    root = data_root()
    return [root / "fashion-mnist", root / "FashionMNIST" / "raw", DEBIAN_FASHION]
