"""Images to train, calibrate and test on."""

from __future__ import annotations

import gzip
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snnet.config import Augmentation
from snnet.data.locations import data_root, fashion_places
from snnet.errors import MissingDataError
from snnet.seeding import generator

Part = tuple[int, int]  # which process, of how many
WHOLE: Part = (0, 1)
Batches = Iterator[tuple[Tensor, Tensor]]  # images (B, C, H, W) and labels (B)


class Data(ABC):
    """A training and a test set, normalised, in batches.

    Attributes:
        classes: number of labels; None where the dataset does not know it.
    """

    classes: int | None

    @property
    @abstractmethod
    def train_count(self) -> int:
        """Number of training images."""

    @property
    @abstractmethod
    def test_count(self) -> int:
        """Number of test images."""

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""

    def steps(self, batch_size: int) -> int:
        """Steps of an epoch; the last incomplete batch is left out.

        Raises:
            ValueError: there are fewer images than `batch_size`.
        """
        if batch_size > self.train_count:
            raise ValueError(
                f"batch_size is {batch_size}, but there are only {self.train_count} training "
                "images; choose a smaller one"
            )
        return self.train_count // batch_size

    @abstractmethod
    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """One epoch of shuffled, augmented training batches, from step `start` on.

        Arguments:
            purpose: seeds order and augmentation, see `snnet.seeding.generator`. What an image
                becomes depends on it and on the image's place in the epoch alone, so neither
                `start` nor `part` change it.
            part: (r, n) gives images r, r + n, ... of every batch.
        """

    @abstractmethod
    def calibration(self, count: int, seed: int) -> Iterator[Tensor]:
        """Batches (B, C, H, W) of `count` un-augmented training images, drawn by seed.

        Raises:
            ValueError: there are fewer training images than that.
        """

    @abstractmethod
    def test_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The test set in order; `part` (r, n) gives images r, r + n, ... of it."""

    def validation_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The images held back for choosing settings, as `test_batches`; none without such."""
        return iter(())

    def check_calibration(self, count: int) -> None:
        """Raises ValueError where `calibration` cannot give so many."""
        if count > self.train_count:
            raise ValueError(
                f"calibration_images is {count}, but there are {self.train_count} training "
                "images; choose fewer"
            )


CALIBRATION_BATCH = 16


@dataclass(frozen=True)
class InMemory(Data):
    """Small grey images (N, 1, H, W), as bytes or normalised floats, and their labels (N).

    Attributes:
        mean, deviation: of the training images; taken off and divided by, batch by batch.
        validation: images and labels that are held back for choosing settings, or None.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: int
    mean: float = 0.0
    deviation: float = 1.0
    validation: tuple[Tensor, Tensor] | None = None

    @property
    def train_count(self) -> int:
        """Number of training images."""
        return len(self.train_labels)

    @property
    def test_count(self) -> int:
        """Number of test images."""
        return len(self.test_labels)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return tuple(self.train_images.shape[1:])

    def normalise(self, images: Tensor) -> Tensor:
        """Float images of about mean 0 and deviation 1."""
        return (images.float() - self.mean) / self.deviation

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """See `Data.batches`."""
        order = torch.randperm(self.train_count, generator=generator("order", *purpose))
        first, parts = part
        for step in range(start, self.steps(batch_size)):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            draws = torch.rand(4, batch_size, generator=generator("affine", *purpose, step))
            images = self.normalise(self.train_images[chosen[first::parts]])
            yield (
                affine(images, augmentation, draws[:, first::parts]),
                self.train_labels[chosen[first::parts]],
            )

    def calibration(self, count: int, seed: int) -> Iterator[Tensor]:
        """See `Data.calibration`."""
        self.check_calibration(count)
        order = torch.randperm(self.train_count, generator=generator("calibration", seed))[:count]
        for chosen in order.split(CALIBRATION_BATCH):
            yield self.normalise(self.train_images[chosen])

    def test_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """See `Data.test_batches`."""
        return self._in_order(self.test_images, self.test_labels, batch_size, part)

    def validation_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """See `Data.validation_batches`."""
        return self._in_order(*self.validation, batch_size, part) if self.validation else iter(())

    def _in_order(
        self, images: Tensor, labels: Tensor, batch_size: int, part: Part
    ) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = images[part[0] :: part[1]], labels[part[0] :: part[1]]
        for start in range(0, len(labels), batch_size):
            stop = start + batch_size
            yield self.normalise(images[start:stop]), labels[start:stop]


def load_digits() -> InMemory:
    """scikit-learn's handwritten digits: 1797 images of 8x8 px.

    60 % train, 30 % test; the remaining 10 % are held back for choosing settings. The stratified
    split is fixed (random_state 0), so that all runs test on the same images.
    """
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    digits = load()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    rest, test = train_test_split(
        range(len(labels)), test_size=0.3, stratify=digits.target, random_state=0
    )
    train, held_back = train_test_split(
        rest, test_size=1 / 7, stratify=digits.target[rest], random_state=0
    )
    return InMemory(
        images[train],
        labels[train],
        images[test],
        labels[test],
        classes=10,
        mean=images[train].mean().item(),
        deviation=images[train].std().item(),
        validation=(images[held_back], labels[held_back]),
    )


FASHION_MEAN, FASHION_DEVIATION = 0.2860 * 255, 0.3530 * 255  # of the 60,000 training images


def load_fashion() -> InMemory:
    """Fashion-MNIST (Xiao et al. 2017): 28x28 px, 54,000 to train, 10,000 to test.

    The last 6,000 training images are held back for choosing settings. Read from IDX files, or
    downloaded by torchvision into $SNNET_DATA.

    Raises:
        MissingDataError: no files, and no download.
    """
    places = fashion_places()
    for place in places:
        if (place / "train-images-idx3-ubyte.gz").exists():
            return _fashion_from(place)
    from torchvision.datasets import FashionMNIST

    try:
        FashionMNIST(str(data_root()), download=True)
    except Exception as error:
        looked = ", ".join(map(str, places))
        raise MissingDataError(
            f"Fashion-MNIST is in none of {looked}, and torchvision cannot download it "
            f"({_first_line(error)}); install Debian's package dataset-fashion-mnist, or put "
            f"its four .gz files into {places[0]}"
        ) from None
    return _fashion_from(places[1])


def _fashion_from(place: Path) -> InMemory:
    train, test = (
        (
            torch.from_numpy(_read_idx(place / f"{name}-images-idx3-ubyte.gz")).unsqueeze(1),
            torch.from_numpy(_read_idx(place / f"{name}-labels-idx1-ubyte.gz")).long(),
        )
        for name in ("train", "t10k")
    )
    return InMemory(
        train[0][:54_000],
        train[1][:54_000],
        *test,
        classes=10,
        mean=FASHION_MEAN,
        deviation=FASHION_DEVIATION,
        validation=(train[0][54_000:], train[1][54_000:]),
    )


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format of MNIST: magic number, sizes, content."""
    try:
        content = gzip.decompress(path.read_bytes())
        dimensions = content[3]
        sizes = np.frombuffer(content, ">u4", count=dimensions, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes).copy()
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise MissingDataError(
            f"{path} is damaged or missing ({_first_line(error)}); get it again"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


LOADERS: dict[str, Callable[[], InMemory]] = {"digits": load_digits, "fashion": load_fashion}


def take(data: InMemory, train: int | None, test: int | None) -> InMemory:
    """Only so many images of each set, drawn once for all runs; held back are as many as tested."""

    def some(kind: str, count: int | None, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if count is None:
            return images, labels
        order = torch.randperm(len(labels), generator=generator("subset", kind))[:count]
        chosen = order.sort().values
        return images[chosen], labels[chosen]

    train_images, train_labels = some("train", train, data.train_images, data.train_labels)
    test_images, test_labels = some("test", test, data.test_images, data.test_labels)
    return replace(
        data,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        validation=some("validation", test, *data.validation) if data.validation else None,
    )


def affine(images: Tensor, augmentation: Augmentation, draws: Tensor) -> Tensor:
    """Rotate, scale and shift each image (N, C, H, W); edges repeat outwards.

    Arguments:
        draws: uniform in [0, 1), (4, N).
    """
    if not augmentation.affine:
        return images
    uniform = draws * 2 - 1
    angle = uniform[0] * math.radians(augmentation.degrees)
    scale = 1 + uniform[1] * augmentation.scale
    # affine_grid measures shifts in half-widths of the image
    shift = uniform[2:] * augmentation.shift * 2 / images.shape[-1]
    cosine, sine = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cosine, -sine, shift[0]], 1), torch.stack([sine, cosine, shift[1]], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
