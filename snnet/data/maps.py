"""A user's images and their maps, read and put into batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional

from snnet.data.dataset import CALIBRATION_BATCH, WHOLE, Batches, Data, Part
from snnet.data.decoding import in_mode
from snnet.data.loader import Item, cut, loader_workers
from snnet.data.map_folder import Pairs, list_maps
from snnet.data.preprocessing import Preprocessing
from snnet.data.sizes import DEPTH as DEPTH_NAMES
from snnet.errors import first_line
from snnet.recipe import Augmentation
from snnet.seeding import generator
from snnet.tasks.base import Task
from snnet.tasks.depth import DEPTH
from snnet.tasks.segmentation import IGNORED, SEGMENTATION

MILLIMETRES = 1000  # a metre


def load_maps(
    dataset: str,
    preprocessing: Preprocessing,
    classes: int,
    train: int | None,
    test: int | None,
    validation: int | None = None,
    seed: int = 0,
) -> MapData:
    """A folder of images with maps, see `snnet.data.map_folder`.

    Arguments:
        classes: that networks tell apart; labels must be below.
        train, test: only so many images, drawn by `seed`.
        validation: so many of the training set are held back, drawn by `seed`.

    Raises:
        MissingDataError: it is not there.
        ValueError: networks of depths tell classes apart, or no image is left to train.
    """
    depths = dataset.startswith(DEPTH_NAMES)
    if depths and classes != 1:
        raise ValueError(
            f"dataset {dataset} holds depths, one number a pixel, and the anchors give {classes}; "
            "set num_classes in their options to 1"
        )
    training, tested = list_maps(dataset)
    order = torch.randperm(len(training.images), generator=generator("subset", "train", seed))
    held, rest = order.split([validation or 0, len(order) - (validation or 0)])
    if not len(rest):
        raise ValueError(f"validation_images is {validation}, of {len(order)} training images")
    drawn = torch.randperm(len(tested.images), generator=generator("subset", "test", seed))
    return MapData(
        None if depths else classes,
        preprocessing,
        (training, rest[:train].sort().values),
        (tested, drawn[:test].sort().values),
        (training, held.sort().values),
        DEPTH if depths else SEGMENTATION,
    )


@dataclass(frozen=True)
class Reader(Dataset[tuple[Tensor, Tensor]]):
    """Images and maps at the size that networks take.

    Attributes:
        classes: labels must be below; None: maps hold depths.
        purpose: seeds which images are mirrored; None: none is.
    """

    pairs: Pairs
    preprocessing: Preprocessing
    classes: int | None
    purpose: tuple[object, ...] | None = None

    def __getitem__(self, item: Item) -> tuple[Tensor, Tensor]:
        """The image (C, H, W) and the map (H, W) of an item.

        Raises:
            ValueError: a file cannot be read, or holds a label that networks do not know.
        """
        position, index = item
        image = read_image(self.pairs.images[index], self.preprocessing)
        values = self._map(self.pairs.maps[index])
        if self.purpose is not None:
            draw = torch.rand((), generator=generator("mirror", *self.purpose, position))
            if draw < 0.5:
                return image.flip(-1), values.flip(-1)
        return image, values

    def _map(self, path: Path) -> Tensor:
        numbers = _read_numbers(path)
        if self.pairs.kind == "depth":
            metres = numbers if path.suffix == ".npy" else numbers / MILLIMETRES
            return _nearest(torch.from_numpy(metres.astype(np.float32)), self.preprocessing)
        labels = torch.from_numpy(numbers.astype(np.int64))
        ignored = IGNORED
        if self.pairs.kind == "ade20k":  # it counts classes from 1
            labels, ignored = labels - 1, -1
        known = labels != ignored
        highest = int(labels[known].max()) if known.any() else 0
        if self.classes is not None and highest >= self.classes:
            raise ValueError(
                f"{path} holds a class {highest}, counted from 0, and the anchors tell "
                f"{self.classes} apart; set num_classes in their options"
            )
        return _nearest(torch.where(known, labels, IGNORED), self.preprocessing)


def transform(picture: Image.Image, preprocessing: Preprocessing) -> Tensor:
    """A picture as a normalised image (C, H, W), squeezed to the size that networks take."""
    _, height, width = preprocessing.image_shape
    squeezed = picture.resize((width, height), Image.Resampling.BILINEAR)
    values: Any = functional.to_tensor(squeezed)
    mean, deviation = list(preprocessing.mean), list(preprocessing.deviation)
    normalised: Tensor = functional.normalize(values, mean, deviation)
    return normalised


def read_image(path: Path, preprocessing: Preprocessing) -> Tensor:
    """An image (C, H, W) as networks take it.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        with Image.open(path) as opened:
            return transform(in_mode(opened, preprocessing.mode), preprocessing)
    except Exception as error:  # whatever the many decoders raise
        raise ValueError(
            f"image {path} cannot be read ({first_line(error)}); mend or remove it"
        ) from None


def _read_numbers(path: Path) -> np.ndarray[Any, Any]:
    """A map (H, W) as it is stored; of a palette the numbers of its colours."""
    try:
        if path.suffix == ".npy":
            numbers = np.load(path, allow_pickle=False)
        else:
            with Image.open(path) as opened:
                numbers = np.asarray(opened)
        if numbers.ndim != 2:
            raise ValueError(f"it has {numbers.ndim} dimensions, not 2")
    except Exception as error:  # whatever the decoders raise
        raise ValueError(f"map {path} cannot be read ({first_line(error)})") from None
    return numbers


def _nearest(values: Tensor, preprocessing: Preprocessing) -> Tensor:
    """A map at the size that networks take; no value is mixed with its neighbours."""
    size = list(preprocessing.image_shape[1:])
    scaled = torch.nn.functional.interpolate(values[None, None].double(), size, mode="nearest")
    return scaled[0, 0].to(values.dtype)


Source = tuple[Pairs, Tensor]  # and the numbers of those that are used


@dataclass(frozen=True)
class MapData(Data):
    """A folder of images with maps. Half of the training images are mirrored, others each time."""

    classes: int | None
    preprocessing: Preprocessing
    train: Source
    test: Source
    held_back: Source
    task: Task = SEGMENTATION

    @property
    def train_count(self) -> int:
        """Number of training images."""
        return len(self.train[1])

    @property
    def test_count(self) -> int:
        """Number of test images."""
        return len(self.test[1])

    @property
    def test_ids(self) -> Tensor:
        """Numbers of the test images, see `Data.test_ids`."""
        return self.test[1]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self.preprocessing.image_shape

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """One epoch, see `Data.batches`; images are mirrored, and no augmentation is taken."""
        first, parts = part
        pairs, numbers = self.train
        order = torch.randperm(len(numbers), generator=generator("order", *purpose))
        items = list(enumerate(numbers[order].tolist()))
        chosen = [
            items[step * batch_size : (step + 1) * batch_size][first::parts]
            for step in range(start, self.steps(batch_size))
        ]
        yield from _load(replace(self._reader(pairs), purpose=purpose), chosen)

    def calibration_batches(self, count: int, seed: int) -> Batches:
        """Training images for least squares, see `Data.calibration`, and their maps."""
        self.check_calibration(count)
        pairs, numbers = self.train
        order = torch.randperm(len(numbers), generator=generator("calibration", seed))[:count]
        items = list(enumerate(numbers[order].tolist()))
        yield from _load(self._reader(pairs), cut(items, CALIBRATION_BATCH))

    def test_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The test set in order, see `Data.test_batches`."""
        return self._in_order(self.test, batch_size, part)

    def validation_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The images held back, see `Data.validation_batches`."""
        return self._in_order(self.held_back, batch_size, part)

    def _in_order(self, source: Source, batch_size: int, part: Part) -> Batches:
        pairs, numbers = source
        items = list(enumerate(numbers.tolist()))[part[0] :: part[1]]
        return _load(self._reader(pairs), cut(items, batch_size))

    def _reader(self, pairs: Pairs) -> Reader:
        return Reader(pairs, self.preprocessing, self.classes)


def _load(reader: Reader, chosen: list[list[Item]]) -> Batches:
    """Batches of the chosen items, made by worker processes where there are any."""
    workers = min(loader_workers(), len(chosen))
    yield from DataLoader(reader, batch_sampler=chosen, num_workers=workers)
