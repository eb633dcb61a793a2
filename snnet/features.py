"""What travels between the blocks of networks: features, of texts with the mask of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Masked(NamedTuple):
    """Features of texts of several lengths.

    Attributes:
        values: (B, N, C), padding included.
        mask: (B, N), true where a token counts.
    """

    values: Tensor
    mask: Tensor


Features = Tensor | Masked


def values_of(features: Features) -> Tensor:
    """The features alone."""
    return features.values if isinstance(features, Masked) else features


def with_values(features: Features, values: Tensor) -> Features:
    """Other values of the same positions."""
    return Masked(values, features.mask) if isinstance(features, Masked) else values


def join(parts: Sequence[Features]) -> Features:
    """Features of several batches as those of one."""
    values = torch.cat([values_of(part) for part in parts])
    masks = [part.mask for part in parts if isinstance(part, Masked)]
    return Masked(values, torch.cat(masks)) if masks else values


def split(features: Features, count: int) -> list[Features]:
    """Features of one batch as those of `count` equal ones."""
    values = values_of(features).chunk(count)
    if not isinstance(features, Masked):
        return list(values)
    return [Masked(*part) for part in zip(values, features.mask.chunk(count), strict=True)]
