"""What is given for images and is none that a network takes: told in one sentence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snnet.errors import first_line

# what torch and timm raise for images of another shape or kind
MISFITS = (RuntimeError, AssertionError, TypeError, AttributeError, ValueError)


def check_images(
    images: Any,
    image_shape: tuple[int, ...],
    error: Exception | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Refuse what is no batch of images of (channels, height, width), and has failed to be one.

    Arguments:
        dtype: of the network's weights.

    Raises:
        TypeError: it is no tensor of floating-point numbers, or not of the weights' type.
        ValueError: it has another shape.
    """
    expected = f"images are a float tensor (B, {', '.join(map(str, image_shape))})"
    if not isinstance(images, Tensor):
        raise TypeError(f"{expected}, not a {type(images).__name__}") from error
    if not images.is_floating_point():
        raise TypeError(f"{expected}, normalised, not of {images.dtype}") from error
    if images.ndim != 4 or images.shape[1:] != image_shape:
        reason = f" ({first_line(error)})" if error else ""
        raise ValueError(f"{expected}, not {tuple(images.shape)}{reason}") from error
    if dtype not in (None, images.dtype):
        raise TypeError(f"{expected} of {dtype}, as the weights are, not {images.dtype}") from error
