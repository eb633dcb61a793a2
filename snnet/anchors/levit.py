"""LeViT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.levit import Levit
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt, stage_blocks


@adapt.register(Levit)
class LevitAnchor(Anchor):
    """LeViT, with linear (tokens) or convolutional (channels first) blocks."""

    model: Levit

    def __init__(self, model: Levit) -> None:
        stages: Any = model.stages
        super().__init__(model, [stage_blocks(stage.downsample, stage.blocks) for stage in stages])
        self.layout = "channels_first" if model.use_conv else "tokens"

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """The classifiers; distilled LeViT has two."""
        return [head for name, head in self.model.named_children() if name.startswith("head")]

    def stem(self, inputs: Tensor) -> Tensor:
        """Four convolutions of stride 2."""
        features = self.model.stem(inputs)
        return features if self.model.use_conv else features.flatten(2).transpose(1, 2)

    def head(self, features: Tensor) -> Tensor:
        """Pooling and classifiers (their mean, where there are two)."""
        return self.model.forward_head(features)
