"""Folders of datasets. Torch-free: a missing one is told before anything starts."""

from __future__ import annotations

import difflib
import importlib.util
import os
from pathlib import Path

from snnet.data.sizes import IN_MEMORY, is_map_folder, is_text
from snnet.errors import MissingDataError

DATA_VARIABLE = "SNNET_DATA"
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
# timm's prefixes, as in torch/cifar10, and what it reads them with
REMOTE = {
    "torch": "torchvision",
    "hfds": "datasets",
    "hfids": "datasets",
    "wds": "webdataset",
    "tfds": "tensorflow_datasets",
}
TEST_SPLITS = ("val", "validation", "test")


def data_root() -> Path:
    """The directory of datasets: $SNNET_DATA, or ~/.cache/snnet."""
    return Path(os.environ.get(DATA_VARIABLE) or "~/.cache/snnet").expanduser()


def is_folder(dataset: str) -> bool:
    """Whether a dataset is a folder of classes: not in memory, with maps, or timm's to fetch."""
    if dataset in IN_MEMORY or is_text(dataset) or is_map_folder(dataset):
        return False
    return dataset.partition("/")[0] not in REMOTE


def check_remote(dataset: str) -> None:
    """Refuse a dataset of timm's whose reader is not installed, or whose files should be here.

    What a reader fetches itself is only known to be there once a run opens it.

    Raises:
        MissingDataError: says what to do.
    """
    prefix, _, name = dataset.partition("/")
    package = REMOTE[prefix]
    if importlib.util.find_spec(package) is None:
        raise MissingDataError(
            f"dataset {dataset} is read with the package {package}, which is not installed: "
            f"pip install {package.replace('_', '-')}"
        )
    folder = data_root() / name
    if prefix == "wds" and not any(folder.rglob("*.tar")):
        raise MissingDataError(
            f"dataset {dataset} is not in {folder}: no shards *.tar there; set {DATA_VARIABLE} to "
            f"the directory that holds {name}/"
        )


def split_folders(dataset: str) -> tuple[Path, Path]:
    """The folders of an image folder to train on and to test on, one folder a class inside.

    Raises:
        MissingDataError: says where they were looked for and what to do.
    """
    folders = [data_root() / dataset, data_root()]
    for folder in folders:
        tests = [folder / name for name in TEST_SPLITS if (folder / name).is_dir()]
        if (folder / "train").is_dir() and tests:
            return folder / "train", tests[0]
    names = ["train", *TEST_SPLITS]
    there = [f"{name}/" for name in names if (folders[0] / name).is_dir()]
    if there:
        lacking = "train/" if "train/" not in there else "val/ (or validation/, test/)"
        raise MissingDataError(
            f"dataset {dataset} lacks a split: {folders[0]} holds {', '.join(there)} and no "
            f"{lacking}; put it there, one folder a class inside"
        )
    others = [folder.parent.name for folder in data_root().glob("*/train")]
    close = difflib.get_close_matches(dataset, others, n=1)
    if close:
        raise MissingDataError(
            f"dataset {dataset} is not in {folders[0]}: did you mean {close[0]}?"
        )
    hint = (
        "get it from image-net.org (ILSVRC 2012, one folder a class)"
        if dataset == "imagenet"
        else "put it there"
    )
    raise MissingDataError(
        f"dataset {dataset} is not in {folders[0]}: no folders train/ and val/ there; set "
        f"{DATA_VARIABLE} to the directory that holds {dataset}/, or {hint}"
    )


def fashion_folders() -> tuple[Path, Path, Path]:
    """Folders that may hold Fashion-MNIST's IDX files: a user's, torchvision's, Debian's."""
    root = data_root()
    return root / "fashion-mnist", root / "FashionMNIST" / "raw", DEBIAN_FASHION
