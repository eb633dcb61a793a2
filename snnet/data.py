"""Images to train, calibrate and test on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from snnet.config import Augmentation
from snnet.seeding import generator


@dataclass(frozen=True)
class Data:
    """Normalised images (N, channels, height, width) and their labels (N), held in memory."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: int

    def batches(
        self, batch_size: int, augmentation: Augmentation, *purpose: object
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch of shuffled, augmented training batches; the last incomplete one is left out.

        `purpose` seeds order and augmentation, see `snnet.seeding.generator`.
        """
        draws = generator("batches", *purpose)
        order = torch.randperm(len(self.train_labels), generator=draws)
        for start in range(0, len(order) - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            yield augment(self.train_images[chosen], augmentation, draws), self.train_labels[chosen]

    def calibration(self, count: int, seed: int) -> Tensor:
        """`count` un-augmented training images, drawn by seed.

        Raises:
            ValueError: there are fewer training images than that.
        """
        if count > len(self.train_images):
            raise ValueError(
                f"calibration_images is {count}, but there are {len(self.train_images)} "
                "training images; choose fewer"
            )
        order = torch.randperm(len(self.train_images), generator=generator("calibration", seed))
        return self.train_images[order[:count]]


def load_digits() -> Data:
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
    train, _ = train_test_split(rest, test_size=1 / 7, stratify=digits.target[rest], random_state=0)
    mean, deviation = images[train].mean(), images[train].std()
    images = (images - mean) / deviation
    return Data(images[train], labels[train], images[test], labels[test], classes=10)


DATASETS = {"digits": load_digits}


def augment(images: Tensor, augmentation: Augmentation, draws: torch.Generator) -> Tensor:
    """Rotate, scale and shift each image (N, C, H, W) by its own draw; edges repeat outwards."""
    if augmentation == Augmentation():
        return images
    uniform = torch.rand(4, len(images), generator=draws) * 2 - 1
    angle = uniform[0] * math.radians(augmentation.degrees)
    scale = 1 + uniform[1] * augmentation.scale
    # affine_grid measures shifts in half-widths of the image
    shift = uniform[2:] * augmentation.shift * 2 / images.shape[-1]
    cosine, sine = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cosine, -sine, shift[0]], 1), torch.stack([sine, cosine, shift[1]], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
