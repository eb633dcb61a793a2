"""What tasks of maps share: outputs of one size at the size of others."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def scaled(outputs: Tensor, like: Tensor) -> Tensor:
    """Maps (B, C, h, w) at height and width of others (..., H, W), between pixels linearly."""
    size = list(like.shape[-2:])
    if list(outputs.shape[-2:]) == size:
        return outputs
    return functional.interpolate(outputs, size, mode="bilinear", align_corners=False)
