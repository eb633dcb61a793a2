"""ResNets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.resnet import ResNet
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt


@adapt.register(ResNet)
class ResNetAnchor(Anchor):
    """ResNet and its descendants in timm. The first block of a stage shrinks the features."""

    model: ResNet
    layout = "channels_first"

    def __init__(self, model: ResNet) -> None:
        stages: Any = [model.layer1, model.layer2, model.layer3, model.layer4]
        super().__init__(model, stages)

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Classifier."""
        return [self.model.fc]

    def stem(self, inputs: Tensor) -> Tensor:
        """First convolution, norm and pooling."""
        features = self.model.act1(self.model.bn1(self.model.conv1(inputs)))
        return self.model.maxpool(features)

    def head(self, features: Tensor) -> Tensor:
        """Pooling and classifier."""
        return self.model.forward_head(features)
