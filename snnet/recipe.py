"""How a network is trained alone, and how training images are changed. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from snnet.ranges import Count, NotNegative, Positive, Share


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images.

    In-memory datasets take the affine ones (each drawn uniformly from its range, +-), others the
    ones of `timm.data.create_transform`; both take mixup and cutmix.
    """

    degrees: NotNegative = 0.0
    scale: Annotated[float, Ge(0), Lt(1)] = 0.0  # share of the size
    shift: NotNegative = 0.0  # pixels
    rand_augment: str = ""  # timm's notation, such as rand-m9-mstd0.5-inc1
    random_erasing: Share = 0.0  # probability
    repeats: Positive = 1  # repeated augmentation: how often an epoch shows a chosen image
    mixup: NotNegative = 0.0  # alpha
    cutmix: NotNegative = 0.0  # alpha

    @property
    def affine(self) -> bool:
        """Whether images are rotated, scaled or shifted."""
        return (self.degrees, self.scale, self.shift) != (0, 0, 0)

    @property
    def of_timm(self) -> bool:
        """Whether it takes what only datasets read by timm offer."""
        return bool(self.rand_augment or self.random_erasing) or self.repeats > 1


@dataclass(frozen=True)
class Recipe:
    """Settings of training an anchor from scratch (AdamW, cosine with linear warm-up)."""

    epochs: Positive = 40
    batch_size: Positive = 64
    learning_rate: Annotated[float, Gt(0)] = 2e-3
    weight_decay: NotNegative = 0.05
    warmup_epochs: Count = 4
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.1
    augmentation: Augmentation = Augmentation()
    seed: int | None = None  # None: that of the run's anchors

    def __post_init__(self) -> None:
        check_warmup(self.warmup_epochs, self.epochs)


def check_warmup(warmup_epochs: int, epochs: int) -> None:
    """Raise ValueError where the warm-up leaves no epoch to train."""
    if warmup_epochs >= epochs:
        raise ValueError(f"warmup_epochs ({warmup_epochs}) must be fewer than epochs ({epochs})")
