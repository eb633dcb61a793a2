"""Any anchor of images as one that tells something of each position: segmentation, depth."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

from torch import Tensor, nn

from snnet.anchors.base import Anchor, channels_last
from snnet.inputs import Images


class DenseAnchor(Anchor):
    """An anchor whose own head looks at each position by itself.

    Final norm and classifier see one position as if it were a whole image, so that there is
    nothing to pool. Whatever weights the network has serve here, and all stitches that end in
    this anchor share its head. Outputs (B, classes, h, w) are as coarse as the last features;
    tasks scale them to the image.
    """

    def __init__(self, whole: Anchor) -> None:
        """Take over an anchor.

        Raises:
            ValueError: it takes no images.
        """
        if not isinstance(whole.inputs, Images):
            raise ValueError(
                f"only of images each position can be told, not of {whole.inputs.name}"
            )
        super().__init__(whole.model, whole.stages)
        self.layout, self.prefix_tokens = whole.layout, whole.prefix_tokens
        self.post_norm, self.inputs = whole.post_norm, whole.inputs
        self._whole = (whole,)  # in a tuple, as its modules are those of `model` already

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Those of the anchor itself."""
        return self._whole[0].head_modules

    def stem(self, inputs: Tensor) -> Any:
        """That of the anchor itself."""
        return self._whole[0].stem(inputs)

    def head(self, features: Tensor) -> Tensor:
        """Features after the last block to a map of logits (B, classes, h, w).

        Raises:
            ValueError: tokens fill no square grid.
        """
        rows = channels_last(features, self.layout)
        if self.layout == "tokens":
            rows = rows[:, self.prefix_tokens :]
        height, width = rows.shape[1:-1] if rows.ndim == 4 else _square(rows.shape[1])
        logits = self._whole[0].head(self._alone(rows.flatten(0, -2)))
        return logits.unflatten(0, (-1, height, width)).permute(0, 3, 1, 2)

    def _alone(self, positions: Tensor) -> Tensor:
        """Positions (N, C) as the features of N images that have no other."""
        if self.layout == "channels_first":
            return positions[:, :, None, None]
        if self.layout == "channels_last":
            return positions[:, None, None]
        # in the place of class tokens, too: some heads read these, others what follows them
        return positions[:, None].expand(-1, self.prefix_tokens + 1, -1)


def _square(count: int) -> tuple[int, int]:
    side = isqrt(count)
    if side * side != count:
        raise ValueError(f"{count} tokens fill no square, which maps need; take square images")
    return side, side
