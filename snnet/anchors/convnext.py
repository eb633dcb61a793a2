"""ConvNeXt, versions 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.convnext import ConvNeXt
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt, stage_blocks


@adapt.register(ConvNeXt)
class ConvNeXtAnchor(Anchor):
    """Four stages. What shrinks the features joins the first block of the stage after it."""

    model: ConvNeXt
    layout = "channels_first"

    def __init__(self, model: ConvNeXt) -> None:
        stages: Any = model.stages
        super().__init__(model, [stage_blocks(stage.downsample, stage.blocks) for stage in stages])

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Final norms and classifier."""
        return [self.model.norm_pre, self.model.head]

    def stem(self, inputs: Tensor) -> Tensor:
        """Patches, or the convolutions that stand in for them."""
        return self.model.stem(inputs)

    def head(self, features: Tensor) -> Tensor:
        """Final norm, pooling, classifier."""
        return self.model.forward_head(self.model.norm_pre(features))
