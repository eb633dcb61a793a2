"""What an anchor is: a network seen as stem -> blocks -> head."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import singledispatch
from itertools import chain
from typing import Any, Literal, cast

from torch import Tensor, nn

from snnet.features import Features
from snnet.inputs import IMAGES, Inputs

Layout = Literal["tokens", "channels_last", "channels_first"]  # (B,N,C), (B,H,W,C), (B,C,H,W)


def channels_last(features: Tensor, layout: Layout) -> Tensor:
    """Features of any layout with their channels last: (B, ..., C)."""
    return features.permute(0, 2, 3, 1) if layout == "channels_first" else features


class Anchor(nn.Module, ABC):
    """A network cut where stitching layers can join it.

    Attributes:
        model: the network itself, such as a timm model.
        inputs: what it takes.
        stages: its blocks, stage by stage; inside a stage features keep shape and layout. What
            shrinks the features between two stages belongs to the first block of the second.
        layout: how features are laid out between blocks.
        post_norm: whether blocks end in a layer norm. Features between them then lie on a plane, so
            that least squares has many solutions, of which large ones break as norms change.
        prefix_tokens: class tokens and the like, before the tokens of the image.
        head_modules: what `head` uses, for counting parameters.
    """

    model: nn.Module
    inputs: Inputs = IMAGES
    layout: Layout = "tokens"
    post_norm: bool = False
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

    def as_features(self, values: Tensor) -> Features:
        """Values between two blocks as the blocks take them, all positions counting."""
        return values

    @abstractmethod
    def stem(self, inputs: Tensor) -> Any:
        """Inputs, such as images (B, C, H, W), to the features that enter block 0."""

    @abstractmethod
    def head(self, features: Any) -> Tensor:
        """Features after the last block, final norm not yet applied, to logits (B, classes)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The whole anchor: inputs to logits (B, classes)."""
        features = self.stem(inputs)
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


def stage_blocks(downsample: nn.Module, blocks: Iterable[nn.Module]) -> list[nn.Module]:
    """The blocks of a stage, the first of them joined to the `downsample` before it."""
    first, *rest = blocks
    if isinstance(downsample, nn.Identity):
        return [first, *rest]
    return [nn.Sequential(downsample, first), *rest]
