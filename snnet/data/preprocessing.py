"""Preprocessing: from an image to the tensor that networks want to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from PIL.Image import Image
from timm.data import auto_augment, create_transform, resolve_model_data_config
from timm.data.transforms import MaybeToTensor
from torch import Tensor, nn
from torchvision.transforms import Compose, Normalize

from snnet.recipe import Augmentation


def posterize(image: Image, bits: int, **options: Any) -> Image:
    """timm's, but for no bits at all: a black image, which Pillow 13 refuses to make."""
    if bits:
        return auto_augment.posterize(image, bits, **options)
    black: Image = image.point([0] * 256 * len(image.getbands()))
    return black


for _name in ("Posterize", "PosterizeIncreasing", "PosterizeOriginal"):
    auto_augment.NAME_TO_OP[_name] = posterize


@dataclass(frozen=True)
class Preprocessing:
    """Steps from an image to a normalised tensor."""

    image_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    interpolation: str
    crop: float  # share of the test image's shorter side that is kept

    @property
    def mode(self) -> str:
        """PIL's name for its colours."""
        return "L" if self.image_shape[0] == 1 else "RGB"

    def for_test(self) -> Any:
        """The un-augmented transform, PIL image to tensor (C, H, W)."""
        made = create_transform(
            self.image_shape,
            is_training=False,
            mean=self.mean,
            std=self.deviation,
            interpolation=self.interpolation,
            crop_pct=self.crop,
        )
        return _normalising_at_once(made)

    def for_training(self, augmentation: Augmentation) -> Any:
        """The augmenting transform, PIL image to tensor (C, H, W)."""
        made = create_transform(
            self.image_shape,
            is_training=True,
            mean=self.mean,
            std=self.deviation,
            interpolation=self.interpolation,
            auto_augment=augmentation.rand_augment or None,
            re_prob=augmentation.random_erasing,
            re_mode="pixel",
        )
        return _normalising_at_once(made)


class ToNormalised:
    """Step from a PIL image to a normalised tensor (C, H, W).

    It gives the bits of torchvision's ToTensor and Normalize in less than half of their time: it
    takes colours apart as PIL does, and copies once.
    """

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        """Arguments: of every channel (C,)."""
        self.mean, self.deviation = mean.view(-1, 1, 1), deviation.view(-1, 1, 1)

    def __call__(self, image: Image) -> Tensor:
        """The tensor of an image of modes L or RGB."""
        bands = image.split()
        pixels = np.empty((len(bands), image.height, image.width), np.float32)
        for channel, band in zip(pixels, bands, strict=True):
            channel[...] = np.asarray(band)
        return torch.from_numpy(pixels).div_(255).sub_(self.mean).div_(self.deviation)


def _normalising_at_once(transform: Compose) -> Compose:
    """timm's transform with one step in place of the two that make a normalised tensor."""
    steps = transform.transforms
    for n, (one, other) in enumerate(pairwise(steps)):
        if isinstance(one, MaybeToTensor) and isinstance(other, Normalize):
            steps[n : n + 2] = [
                ToNormalised(torch.as_tensor(other.mean), torch.as_tensor(other.std))
            ]
    return transform


def preprocessing_of(models: Sequence[nn.Module]) -> Preprocessing:
    """The preprocessing that the anchors' timm models, from fast to slow, were trained with.

    Interpolation and crop are those of the last one. Models that work on images of any size
    take those of the others; grey images are normalised by the mean over the colours.

    Raises:
        ValueError: they want images of different size, channels or normalisation, or of neither
            one nor three channels.
    """
    configs = [resolve_model_data_config(model) for model in models]
    channels, height, width = common_input(models)
    if channels not in (1, 3):
        raise ValueError(
            f"anchors take images of {channels} channels, and pictures have 3, or 1 where they "
            "are grey; set in_chans in the anchors' options"
        )
    for name in ("mean", "std"):
        values = [tuple(config[name]) for config in configs]
        if len(set(values)) > 1:
            raise ValueError(
                f"anchors want different preprocessing: {name} is {values[0]} for the first, "
                f"{next(value for value in values if value != values[0])} for another; choose "
                "anchors that agree"
            )
    last = configs[-1]
    return Preprocessing(
        (channels, height, width),
        _for_channels(last["mean"], channels),
        _for_channels(last["std"], channels),
        last["interpolation"],
        last["crop_pct"],
    )


def _for_channels(values: Sequence[float], channels: int) -> tuple[float, ...]:
    if len(values) == channels:
        return tuple(values)
    return (sum(values) / len(values),) * channels


def common_input(models: Sequence[nn.Module]) -> tuple[int, int, int]:
    """(channels, height, width) of the images that all these timm models take.

    Raises:
        ValueError: there are none; names two models that differ.
    """
    origins = [cast(dict[str, Any], model.pretrained_cfg) for model in models]
    fixed = [origin for origin in origins if origin.get("fixed_input_size")] or origins
    _check_same("channels", "in_chans", {_described(one): one["input_size"][:1] for one in origins})
    _check_same("sizes", "img_size", {_described(one): one["input_size"][1:] for one in fixed})
    return (origins[0]["input_size"][0], *fixed[0]["input_size"][1:])


def _described(origin: dict[str, Any]) -> str:
    return f"{origin.get('architecture')} ({'x'.join(map(str, origin['input_size']))})"


def _check_same(what: str, option: str, values: dict[str, Sequence[int]]) -> None:
    first, *others = values
    for other in others:
        if tuple(values[other]) != tuple(values[first]):
            raise ValueError(
                f"anchors take images of different {what}, {first} and {other}: give them one "
                f"{option} in their options"
            )
