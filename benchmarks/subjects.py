"""What is measured on: anchors with random weights, and images."""

from __future__ import annotations

import timm
import torch
from torch import Tensor
from torch.nn import functional

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import Anchor, adapt, create_anchor
from snnet.data.dataset import WHOLE, Batches, Part
from snnet.data.memory import InMemory
from snnet.recipe import Augmentation
from snnet.scales import SCALES

DEIT = ("deit_tiny_patch16_224", "deit_small_patch16_224", "deit_base_patch16_224")
DEIT_SHAPE = (3, 224, 224)
CLASSES = 10
DIRECTIONS = ("fast_to_slow", "slow_to_fast")


def deit_anchors() -> list[Anchor]:
    """DeiT-Ti, -S and -B."""
    torch.manual_seed(0)
    return [adapt(timm.create_model(name)) for name in DEIT]


def small_anchors(scale: str) -> list[Anchor]:
    """The anchors of scale `digits` or `fashion`, untrained."""
    torch.manual_seed(0)
    return [
        create_anchor(AnchorSpec(each["name"], each["architecture"], each["options"]))
        for each in SCALES[scale]["vit"]["anchors"]
    ]


def lite_anchors() -> list[Anchor]:
    """EfficientNet-Lite 0, 1 and 2 for small grey images, untrained."""
    torch.manual_seed(0)
    (settings,) = SCALES["lite"].values()
    return [
        create_anchor(AnchorSpec(each["name"], each["architecture"], each["options"]))
        for each in settings["anchors"]
    ]


def small_shape(scale: str) -> tuple[int, int, int]:
    """(channels, height, width) of that scale's images."""
    options = SCALES[scale]["vit"]["anchors"][0]["options"]
    return options["in_chans"], options["img_size"], options["img_size"]


def structured_images(count: int, shape: tuple[int, ...]) -> Tensor:
    """Soft random shapes under noise, so that positions differ as in photographs."""
    draws = torch.Generator().manual_seed(0)
    channels, height, width = shape
    coarse = torch.randn(count, channels, 6, 6, generator=draws)
    soft = functional.interpolate(coarse, (height, width), mode="bicubic")
    return soft + 0.5 * torch.randn(count, *shape, generator=draws)


class Prepared(InMemory):
    """Data with equal batches in every epoch."""

    def batches(
        self,
        batch_size: int,
        augmentation: Augmentation,
        *purpose: object,
        start: int = 0,
        part: Part = WHOLE,
    ) -> Batches:
        """The training images in order, as they are."""
        images, labels = self.train_images.split(batch_size), self.train_labels.split(batch_size)
        return zip(images, labels, strict=True)


def prepared(shape: tuple[int, ...], count: int) -> Prepared:
    """So many structured images."""
    images, labels = structured_images(count, shape), torch.arange(count) % CLASSES
    return Prepared(images, labels, images[:0], labels[:0], labels[:0], CLASSES)
