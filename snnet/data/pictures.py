"""Any pictures as images of a run: of the size, colours and normalisation that it trained with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn

from snnet.data.catalogue import LOADERS
from snnet.data.decoding import in_mode
from snnet.data.memory import InMemory
from snnet.data.preprocessing import preprocessing_of
from snnet.data.sizes import is_map_folder
from snnet.errors import first_line


def transform_for(
    dataset: str, models: Sequence[nn.Module], seed: int = 0, pixels: int | None = None
) -> Callable[[Any], Tensor]:
    """What makes of a picture (see `open_picture`) the tensor (C, H, W) that a run tests with.

    Arguments:
        seed: of the split, from whose training images the normalisation is.
        models: the anchors' timm models, from fast to slow.
        pixels: to which images in memory are scaled.

    Raises:
        MissingDataError: the dataset is held in memory, and is not here to tell its normalisation.
        ValueError: the models want different preprocessing.
    """
    if dataset in LOADERS:
        data = replace(LOADERS[dataset](seed), pixels=pixels)
        return lambda picture: _like(data, open_picture(picture, "L"))
    preprocessing = preprocessing_of(models)
    if is_map_folder(dataset):
        from snnet.data.maps import transform as squeeze

        return lambda picture: squeeze(open_picture(picture, preprocessing.mode), preprocessing)
    transform = preprocessing.for_test()
    return lambda picture: transform(open_picture(picture, preprocessing.mode))


def _like(data: InMemory, picture: Image.Image) -> Tensor:
    """A grey picture as the dataset has its images: scaled to their size and range, normalised."""
    height, width = data.train_images.shape[2:]
    small = picture.resize((width, height), Image.Resampling.BOX)
    white = 255.0 if data.train_images.dtype == torch.uint8 else 1.0
    values = torch.from_numpy(np.asarray(small, dtype=np.float32)) * (white / 255)
    return data.normalise(values[None, None])[0]


def open_picture(picture: Any, mode: str) -> Image.Image:
    """A picture in a mode of Pillow's, L or RGB.

    Arguments:
        picture: of Pillow's, the path of a file, or an array of bytes (H, W) or (H, W, channels).

    Raises:
        TypeError: it is none of these.
        ValueError: there is no such file, or it is none that Pillow reads.
    """
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim in (2, 3):
        picture = Image.fromarray(picture)
    if isinstance(picture, Image.Image):
        return in_mode(picture, mode)
    if not isinstance(picture, str | os.PathLike):
        told = f"array of {picture.dtype}" if hasattr(picture, "dtype") else type(picture).__name__
        raise TypeError(
            "a picture is one of Pillow's, the path of a file, or an array of bytes (H, W, 3), "
            f"not this {told}"
        )
    path = Path(picture)
    try:
        with Image.open(path) as opened:
            return in_mode(opened, mode)
    except UnidentifiedImageError:
        raise ValueError(f"{path} is no image that Pillow reads") from None
    except (OSError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise ValueError(f"{path} cannot be read: {reason}") from None
