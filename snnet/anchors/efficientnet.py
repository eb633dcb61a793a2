"""EfficientNet and its kin in timm (Lite, V2, MobileNetV2, MnasNet, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt


@adapt.register(EfficientNet)
class EfficientNetAnchor(Anchor):
    """Seven stages, or as many as the variant has. The first block of a stage shrinks it."""

    model: EfficientNet
    layout = "channels_first"

    def __init__(self, model: EfficientNet) -> None:
        stages: Any = model.blocks
        super().__init__(model, stages)

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Last convolution with its norm, and classifier."""
        return [self.model.conv_head, self.model.bn2, self.model.classifier]

    def stem(self, inputs: Tensor) -> Tensor:
        """First convolution and norm."""
        return self.model.bn1(self.model.conv_stem(inputs))

    def head(self, features: Tensor) -> Tensor:
        """Last convolution and norm, pooling, classifier."""
        return self.model.forward_head(self.model.bn2(self.model.conv_head(features)))
