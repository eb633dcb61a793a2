"""Mixup and cutmix, from timm, drawn by purpose."""

from __future__ import annotations

import numpy as np
from timm.data import Mixup
from torch import Tensor

from snnet.config import Augmentation
from snnet.seeding import generator


def mix(
    images: Tensor,
    labels: Tensor,
    augmentation: Augmentation,
    classes: int,
    label_smoothing: float,
    *purpose: object,
) -> tuple[Tensor, Tensor]:
    """Mixed images (B, C, H, W) and their soft targets (B, classes), label smoothing included.

    Without mixup and cutmix both come back as they are; B must be even otherwise.
    """
    if not (augmentation.mixup or augmentation.cutmix):
        return images, labels
    mixup = Mixup(
        augmentation.mixup,
        augmentation.cutmix,
        label_smoothing=label_smoothing,
        num_classes=classes,
    )
    # timm draws from numpy's own generator
    before = np.random.get_state()
    np.random.seed(generator("mix", *purpose).initial_seed() % 2**32)
    try:
        return mixup(images.clone(), labels)
    finally:
        np.random.set_state(before)
