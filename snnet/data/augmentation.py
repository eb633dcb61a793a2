"""Random changes of training images, drawn by purpose (timm's: see `snnet.data.preprocessing`)."""

from __future__ import annotations

import math

import numpy as np
import torch
from timm.data import Mixup
from torch import Tensor
from torch.nn import functional

from snnet.recipe import Augmentation
from snnet.seeding import generator


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
