"""Swin transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.swin_transformer import SwinTransformer
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt, stage_blocks


@adapt.register(SwinTransformer)
class SwinTransformerAnchor(Anchor):
    """Swin. Patch merging belongs to the first block of the stage after it."""

    model: SwinTransformer
    layout = "channels_last"

    def __init__(self, model: SwinTransformer) -> None:
        layers: Any = model.layers
        super().__init__(model, [stage_blocks(layer.downsample, layer.blocks) for layer in layers])

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Final norm and classifier."""
        return [self.model.norm, self.model.head]

    def stem(self, inputs: Tensor) -> Tensor:
        """Patches."""
        return self.model.patch_embed(inputs)

    def head(self, features: Tensor) -> Tensor:
        """Final norm, pooling, classifier."""
        return self.model.forward_head(self.model.norm(features))
