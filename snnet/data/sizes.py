"""Numbers of images of the datasets in memory. Torch-free: settings are checked by them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of images.

    Attributes:
        held_back: of the training images, to choose settings by; they are not among `train`.
    """

    train: int
    held_back: int
    test: int


# any other dataset is read by timm
IN_MEMORY = {
    "digits": Sizes(train=1077, held_back=180, test=540),
    "fashion": Sizes(train=54_000, held_back=6_000, test=10_000),
}
