"""Plain vision transformers: ViT, DeiT, DeiT-3."""

from __future__ import annotations

from collections.abc import Sequence

from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt


@adapt.register(VisionTransformer)
class VisionTransformerAnchor(Anchor):
    """Plain ViT, DeiT and DeiT-3. Features are tokens, class token first."""

    model: VisionTransformer

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__(model, [model.blocks])
        self.prefix_tokens = model.num_prefix_tokens

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Final norms and classifier."""
        return [self.model.norm, self.model.fc_norm, self.model.head]

    def stem(self, inputs: Tensor) -> Tensor:
        """Patches, class token and positions."""
        tokens = self.model._pos_embed(self.model.patch_embed(inputs))
        return self.model.norm_pre(self.model.patch_drop(tokens))

    def head(self, features: Tensor) -> Tensor:
        """Final norm, pooling, classifier."""
        return self.model.forward_head(self.model.norm(features))
