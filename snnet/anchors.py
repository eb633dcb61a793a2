"""Anchors: pretrained networks seen as stem -> blocks -> head.

Another architecture joins by one more class registered with `adapt`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import singledispatch
from itertools import chain
from typing import Any, Literal, cast

from timm.models.levit import Levit
from timm.models.resnet import ResNet
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from snnet.config import AnchorSpec
from snnet.models import create_model, silent
from snnet.weights import Say

Layout = Literal["tokens", "channels_last", "channels_first"]  # (B,N,C), (B,H,W,C), (B,C,H,W)


def channels_last(features: Tensor, layout: Layout) -> Tensor:
    """Features of any layout with their channels last: (B, ..., C)."""
    return features.permute(0, 2, 3, 1) if layout == "channels_first" else features


class Anchor(nn.Module, ABC):
    """A network cut where stitching layers can join it.

    Attributes:
        model: the timm model.
        stages: its blocks, stage by stage; inside a stage features keep shape and layout. What
            shrinks the features between two stages belongs to the first block of the second.
        layout: how features are laid out between blocks.
        prefix_tokens: class tokens and the like, before the tokens of the image.
        head_modules: what `head` uses, for counting parameters.
    """

    model: nn.Module
    layout: Layout = "tokens"
    prefix_tokens: int = 0

    def __init__(self, model: nn.Module, stages: Iterable[Iterable[nn.Module]]) -> None:
        super().__init__()
        self.model = model
        self.stages = tuple(tuple(stage) for stage in stages)

    @property
    def blocks(self) -> list[nn.Module]:
        """All blocks in order."""
        return list(chain(*self.stages))

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of blocks in every stage."""
        return tuple(len(stage) for stage in self.stages)

    @property
    @abstractmethod
    def head_modules(self) -> Sequence[nn.Module]:
        """The modules that `head` uses."""

    @property
    def classes(self) -> int:
        """Number of classes that it tells apart."""
        return cast(int, self.model.num_classes)

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
    """Plain ViT, DeiT and DeiT-3. Features are tokens, class token first."""

    model: VisionTransformer

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__(model, [model.blocks])
        self.prefix_tokens = model.num_prefix_tokens

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Final norms and classifier."""
        return [self.model.norm, self.model.fc_norm, self.model.head]

    def stem(self, images: Tensor) -> Tensor:
        """Patches, class token and positions."""
        tokens = self.model._pos_embed(self.model.patch_embed(images))
        return self.model.norm_pre(self.model.patch_drop(tokens))

    def head(self, features: Tensor) -> Tensor:
        """Final norm, pooling, classifier."""
        return self.model.forward_head(self.model.norm(features))


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

    def stem(self, images: Tensor) -> Tensor:
        """Patches."""
        return self.model.patch_embed(images)

    def head(self, features: Tensor) -> Tensor:
        """Final norm, pooling, classifier."""
        return self.model.forward_head(self.model.norm(features))


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

    def stem(self, images: Tensor) -> Tensor:
        """First convolution, norm and pooling."""
        features = self.model.act1(self.model.bn1(self.model.conv1(images)))
        return self.model.maxpool(features)

    def head(self, features: Tensor) -> Tensor:
        """Pooling and classifier."""
        return self.model.forward_head(features)


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

    def stem(self, images: Tensor) -> Tensor:
        """Four convolutions of stride 2."""
        features = self.model.stem(images)
        return features if self.model.use_conv else features.flatten(2).transpose(1, 2)

    def head(self, features: Tensor) -> Tensor:
        """Pooling and classifiers (their mean, where there are two)."""
        return self.model.forward_head(features)


def stage_blocks(downsample: nn.Module, blocks: Iterable[nn.Module]) -> list[nn.Module]:
    """The blocks of a stage, the first of them joined to the `downsample` before it."""
    first, *rest = blocks
    if isinstance(downsample, nn.Identity):
        return [first, *rest]
    return [nn.Sequential(downsample, first), *rest]


def create_anchor(
    spec: AnchorSpec, say: Say = silent, new_head: bool = True, **options: object
) -> Anchor:
    """The anchor that `spec` describes; see `snnet.models.create_model` for arguments and errors.

    Raises:
        ValueError: also where there is no adapter for the architecture.
    """
    model = create_model(spec, say, new_head, **options)
    try:
        return adapt(model)
    except TypeError as error:
        raise ValueError(f"anchor {spec.name} ({spec.architecture}): {error}") from error
