"""Anchors: pretrained networks seen as stem -> blocks -> head.

Another architecture joins by one more class registered with `adapt`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import singledispatch

import timm
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from snnet.config import AnchorSpec


class Anchor(nn.Module, ABC):
    """A network cut where stitching layers can join it. Holds the timm model as `model`."""

    model: nn.Module

    @property
    @abstractmethod
    def blocks(self) -> Sequence[nn.Module]:
        """The blocks in order; features keep their layout and width from one to the next."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Channels of the features between blocks."""

    @property
    @abstractmethod
    def head_modules(self) -> Sequence[nn.Module]:
        """The modules that `head` uses, for counting parameters."""

    def no_weight_decay(self) -> set[str]:
        """Names of parameters that timm exempts, such as position embeddings."""
        exempt: set[str] = getattr(self.model, "no_weight_decay", set)()
        return {f"model.{name}" for name in exempt}

    @abstractmethod
    def stem(self, images: Tensor) -> Tensor:
        """Images (B, channels, height, width) to the features that enter block 0."""

    @abstractmethod
    def head(self, features: Tensor) -> Tensor:
        """Features after the last block, final norm not yet applied, to logits (B, classes)."""

    def forward(self, images: Tensor) -> Tensor:
        """The whole anchor: images to logits (B, classes)."""
        features = self.stem(images)
        for block in self.blocks:
            features = block(features)
        return self.head(features)


@singledispatch
def adapt(model: nn.Module) -> Anchor:
    """Wrap a timm model as an anchor.

    Raises:
        TypeError: no adapter is registered for its class.
    """
    known = ", ".join(sorted(kind.__name__ for kind in adapt.registry if kind is not object))
    raise TypeError(f"no anchor adapter for {type(model).__name__}; there is one for: {known}")


@adapt.register(VisionTransformer)
class VisionTransformerAnchor(Anchor):
    """Plain ViT and DeiT. Features are tokens (B, N, C), class token first."""

    model: VisionTransformer

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks."""
        return list(self.model.blocks)

    @property
    def width(self) -> int:
        """The embedding's width."""
        return self.model.embed_dim

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Final norms and classifier."""
        return [self.model.norm, self.model.fc_norm, self.model.head]

    def stem(self, images: Tensor) -> Tensor:
        """Patches, class token and positions: (B, N, C)."""
        tokens = self.model._pos_embed(self.model.patch_embed(images))
        return self.model.norm_pre(self.model.patch_drop(tokens))

    def head(self, features: Tensor) -> Tensor:
        """Tokens (B, N, C) to logits (B, classes)."""
        return self.model.forward_head(self.model.norm(features))


def create_anchor(spec: AnchorSpec) -> Anchor:
    """Build the anchor that `spec` describes, with random weights.

    Raises:
        ValueError: timm does not know the architecture.
    """
    if not timm.is_model(spec.architecture):
        raise ValueError(f"anchor {spec.name}: timm has no model named {spec.architecture!r}")
    return adapt(timm.create_model(spec.architecture, **spec.options))
