"""A dataset as training and scoring see it, wherever its images come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from snnet.recipe import Augmentation
from snnet.tasks.base import Task
from snnet.tasks.classification import CLASSIFICATION

Part = tuple[int, int]  # which process, of how many
WHOLE: Part = (0, 1)
# images (B, C, H, W) or tokens (B, N), and targets, such as labels (B)
Batches = Iterator[tuple[Tensor, Tensor]]
CALIBRATION_BATCH = 16  # images


class Data(ABC):
    """A training and a test set, normalised, in batches.

    Attributes:
        task: what networks learn on it.
        classes: number of labels; None where the dataset does not know it.
        remarks: sentences on what of it is left out.
    """

    task: Task = CLASSIFICATION
    classes: int | None
    remarks: tuple[str, ...] = ()

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
    def test_ids(self) -> Tensor:
        """Numbers of the test images (N), in the order in which they come.

        Equal numbers are equal images of the dataset, whatever its split.
        """

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""

    @property
    def preparation(self) -> str:
        """What decides how examples look, beside the settings by which batches are drawn."""
        return str(self.image_shape)

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

    def on(self, device: torch.device) -> Data:
        """Data whose images in memory, if there are any, lie on the device, as do its batches."""
        return self

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
                becomes depends on it and on the image's position in the epoch alone, so neither
                `start` nor `part` change it.
            part: (r, n) gives images r, r + n, ... of every batch.
        """

    def calibration(self, count: int, seed: int) -> Iterator[Tensor]:
        """Batches (B, C, H, W) of `count` un-augmented training images, drawn by seed.

        Raises:
            ValueError: there are fewer training images than that.
        """
        return (images for images, _ in self.calibration_batches(count, seed))

    @abstractmethod
    def calibration_batches(self, count: int, seed: int) -> Batches:
        """What `calibration` gives, with the images' targets.

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
        """Refuse a `count` that `calibration` cannot give.

        Raises:
            ValueError: there are fewer training images.
        """
        if count > self.train_count:
            raise ValueError(
                f"calibration_images is {count}, but there are {self.train_count} training "
                "images; choose fewer"
            )
