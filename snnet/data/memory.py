"""Datasets that are held in memory: small grey images, or texts (`snnet.data.texts`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from snnet.data.augmentation import affine
from snnet.data.dataset import CALIBRATION_BATCH, WHOLE, Batches, Data, Part
from snnet.recipe import Augmentation
from snnet.seeding import generator


@dataclass(frozen=True)
class InMemory(Data):
    """Small grey images (N, 1, H, W), as bytes or normalised floats, and their labels (N).

    Attributes:
        numbers: of the test images (N), see `Data.test_ids`.
        mean, deviation: of the training images; taken off and divided by, batch by batch.
        validation: images and labels that are held back for choosing settings, or None.
        pixels: height and width to which they are scaled; None: they stay as they are.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    numbers: Tensor
    classes: int
    mean: float = 0.0
    deviation: float = 1.0
    validation: tuple[Tensor, Tensor] | None = None
    pixels: int | None = None

    @property
    def train_count(self) -> int:
        """Number of training images."""
        return len(self.train_labels)

    @property
    def test_count(self) -> int:
        """Number of test images."""
        return len(self.test_labels)

    @property
    def test_ids(self) -> Tensor:
        """Numbers of the test images, see `Data.test_ids`."""
        return self.numbers

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width), or (tokens,)."""
        if self.pixels is None:
            return tuple(self.train_images.shape[1:])
        return (self.train_images.shape[1], self.pixels, self.pixels)

    def on(self, device: torch.device) -> InMemory:
        """Data on a device, see `Data.on`."""
        held = self.validation and tuple(part.to(device) for part in self.validation)
        return replace(
            self,
            train_images=self.train_images.to(device),
            train_labels=self.train_labels.to(device),
            test_images=self.test_images.to(device),
            test_labels=self.test_labels.to(device),
            validation=(held[0], held[1]) if held else None,
        )

    def normalise(self, images: Tensor) -> Tensor:
        """Float images of about mean 0 and deviation 1, scaled to `pixels`."""
        values = (images.float() - self.mean) / self.deviation
        if self.pixels is None:
            return values
        return functional.interpolate(values, (self.pixels, self.pixels), mode="bilinear")

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """One epoch, see `Data.batches`; only the affine augmentations are applied."""
        device = self.train_images.device  # draws are made on the CPU: all devices see the same
        order = torch.randperm(self.train_count, generator=generator("order", *purpose)).to(device)
        first, parts = part
        for step in range(start, self.steps(batch_size)):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            draws = torch.rand(4, batch_size, generator=generator("affine", *purpose, step))
            draws = draws.to(device)
            images = self.normalise(self.train_images[chosen[first::parts]])
            yield (
                affine(images, augmentation, draws[:, first::parts]),
                self.train_labels[chosen[first::parts]],
            )

    def calibration_batches(self, count: int, seed: int) -> Batches:
        """Training images for least squares, see `Data.calibration`, and targets."""
        self.check_calibration(count)
        order = torch.randperm(self.train_count, generator=generator("calibration", seed))[:count]
        for chosen in order.to(self.train_images.device).split(CALIBRATION_BATCH):
            yield self.normalise(self.train_images[chosen]), self.train_labels[chosen]

    def test_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The test set in order, see `Data.test_batches`."""
        return self._in_order(self.test_images, self.test_labels, batch_size, part)

    def validation_batches(self, batch_size: int, part: Part = WHOLE) -> Batches:
        """The images held back, see `Data.validation_batches`."""
        return self._in_order(*self.validation, batch_size, part) if self.validation else iter(())

    def _in_order(
        self, images: Tensor, labels: Tensor, batch_size: int, part: Part
    ) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = images[part[0] :: part[1]], labels[part[0] :: part[1]]
        for start in range(0, len(labels), batch_size):
            stop = start + batch_size
            yield self.normalise(images[start:stop]), labels[start:stop]


def take(data: InMemory, train: int | None, test: int | None, seed: int) -> InMemory:
    """A dataset with at most so many images of each set, drawn by `seed`; None keeps all.

    As many are held back as are tested.
    """

    def some(kind: str, count: int | None, *parts: Tensor) -> tuple[Tensor, ...]:
        if count is None:
            return parts
        order = torch.randperm(len(parts[0]), generator=generator("subset", kind, seed))[:count]
        chosen = order.sort().values
        return tuple(part[chosen] for part in parts)

    train_images, train_labels = some("train", train, data.train_images, data.train_labels)
    test_images, test_labels, numbers = some(
        "test", test, data.test_images, data.test_labels, data.numbers
    )
    held_back = some("validation", test, *data.validation) if data.validation else None
    return replace(
        data,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        numbers=numbers,
        validation=(held_back[0], held_back[1]) if held_back else None,
    )
