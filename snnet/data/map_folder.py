"""A user's images with a map for each. Torch-free: missing ones are told before a run.

Three layouts are known, all below $SNNET_DATA/NAME:

- ADE20K: images/training, images/validation, annotations/training, annotations/validation; label 0
  says that there is none, classes count from 1.
- VOC: JPEGImages, SegmentationClass, and ImageSets/Segmentation with train.txt and val.txt; classes
  count from 0, 255 says that there is none.
- depths: train and val (or test), in each the folders images and depth; a map is a PNG file of 16
  bits in millimetres, as NYUv2 is mostly passed on, or a NPY file in metres. 0 says that there is
  none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from snnet.data.folder import extensions, natural
from snnet.data.locations import DATA_VARIABLE, TEST_SPLITS, data_root
from snnet.data.sizes import DEPTH, SEGMENTATION
from snnet.errors import MissingDataError, first_line

Kind = Literal["ade20k", "voc", "depth"]
MAPS = (".png", ".npy")


@dataclass(frozen=True)
class Pairs:
    """Images of one set and their maps, in natural order.

    Attributes:
        kind: tells what numbers in the maps mean.
        folder: where the images lie.
    """

    kind: Kind
    folder: Path
    images: tuple[Path, ...]
    maps: tuple[Path, ...]


def folder_of(dataset: str) -> Path:
    """Where a dataset with maps lies."""
    return data_root() / dataset.removeprefix(SEGMENTATION).removeprefix(DEPTH)


def list_maps(dataset: str) -> tuple[Pairs, Pairs]:
    """What to train on, and what to test on.

    Raises:
        MissingDataError: there is no such folder, it has none of the layouts, or an image lacks
            its map; names it.
    """
    folder = folder_of(dataset)
    if dataset.startswith(DEPTH):
        return _depths(dataset, folder)
    if (folder / "images").is_dir():
        return _ade20k(folder)
    if (folder / "ImageSets").is_dir():
        return _voc(folder)
    raise MissingDataError(
        f"dataset {dataset} is not in {folder}: neither images/ and annotations/ as ADE20K has "
        f"them, nor JPEGImages/, SegmentationClass/ and ImageSets/ as VOC; set {DATA_VARIABLE} to "
        f"the directory that holds {folder.name}/"
    )


def _ade20k(folder: Path) -> tuple[Pairs, Pairs]:
    train, test = (
        _paired("ade20k", folder / "images" / split, folder / "annotations" / split)
        for split in ("training", "validation")
    )
    return train, test


def _voc(folder: Path) -> tuple[Pairs, Pairs]:
    images, maps = folder / "JPEGImages", folder / "SegmentationClass"
    sets = []
    for split in ("train", "val"):
        file = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
        try:
            names = file.read_text().split()
        except (OSError, ValueError) as error:
            raise MissingDataError(f"{file} cannot be read ({first_line(error)})") from None
        sets.append(_paired("voc", images, maps, set(names)))
    return sets[0], sets[1]


def _depths(dataset: str, folder: Path) -> tuple[Pairs, Pairs]:
    tests = [folder / name for name in TEST_SPLITS if (folder / name).is_dir()]
    if not (folder / "train").is_dir() or not tests:
        raise MissingDataError(
            f"dataset {dataset} is not in {folder}: no folders train/ and val/ there, with images/ "
            f"and depth/ in each; set {DATA_VARIABLE} to the directory that holds {folder.name}/"
        )
    train, test = (
        _paired("depth", one / "images", one / "depth") for one in (folder / "train", tests[0])
    )
    return train, test


def _paired(kind: Kind, images: Path, maps: Path, names: set[str] | None = None) -> Pairs:
    """The images of a folder, or those of these names, with the maps that are called alike."""
    pictures = [
        path
        for path in sorted(_files(images), key=lambda path: natural(path.name))
        if path.suffix.lower() in extensions() and (names is None or path.stem in names)
    ]
    known = {path.stem: path for path in _files(maps) if path.suffix.lower() in MAPS}
    lacking = next((path for path in pictures if path.stem not in known), None)
    if lacking is not None:
        raise MissingDataError(f"{lacking} has no map: {maps / lacking.stem}.png is not there")
    if not pictures:
        raise MissingDataError(f"folder {images} holds no images of this set")
    return Pairs(kind, images, tuple(pictures), tuple(known[path.stem] for path in pictures))


def _files(folder: Path) -> tuple[Path, ...]:
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError as error:
        raise MissingDataError(f"folder {folder} cannot be read ({error.strerror})") from None


@lru_cache(maxsize=16)
def _listed(folder: Path, changed: int) -> tuple[Path, ...]:
    return tuple(folder.iterdir())
