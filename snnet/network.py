"""The stitched network: anchors, stitching layers, and every route through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from torch import Tensor, nn

from snnet.anchors import Anchor
from snnet.routes import Joint, Route
from snnet.space import Space, build_space

Step = tuple[str, int, int]  # what, anchor or stitching layer, block: ("block", 0, 3)


class StitchingLayer(nn.Linear):
    """A 1x1 convolution over channels-last features: (..., C_front) to (..., C_back)."""


class StitchedNetwork(nn.Module):
    """Anchors joined by stitching layers; each route of `space` is a sub-network.

    Stitching layers start with PyTorch's default (Kaiming uniform, a = sqrt 5).
    """

    def __init__(self, anchors: Sequence[Anchor], space: Space) -> None:
        super().__init__()
        self.space = space
        self.anchors = nn.ModuleList(anchors)
        self.layers = nn.ModuleList(
            StitchingLayer(anchors[layer.front].width, anchors[layer.back].width)
            for layer in space.layers
        )
        self._layer_of = space.layer_of()
        self._run: dict[Step, Callable[[Tensor], Tensor]] = {}
        for n, anchor in enumerate(anchors):
            self._run["stem", n, 0] = anchor.stem
            self._run |= {("block", n, i): block for i, block in enumerate(anchor.blocks)}
            self._run["head", n, 0] = anchor.head
        self._run |= {("layer", n, 0): layer for n, layer in enumerate(self.layers)}

    def anchor(self, number: int) -> Anchor:
        """The anchor of that number, 0 the fastest."""
        return cast(Anchor, self.anchors[number])

    def layer(self, joint: Joint) -> StitchingLayer:
        """The stitching layer that serves `joint` (its window's)."""
        return cast(StitchingLayer, self.layers[self._layer_of[joint]])

    def no_weight_decay(self) -> set[str]:
        """Names of the anchors' parameters that timm exempts from weight decay."""
        return {
            f"anchors.{n}.{name}"
            for n in range(len(self.anchors))
            for name in self.anchor(n).no_weight_decay()
        }

    def steps(self, route: Route) -> tuple[Step, ...]:
        """What `route` runs, in order; two routes share work as long as their steps agree."""
        steps: list[Step] = [("stem", route.first, 0)]
        segments = route.segments(self.space.depths)
        for segment, joint in zip(segments, (*route.joints, None), strict=True):
            steps += [("block", segment.anchor, i) for i in range(segment.start, segment.stop)]
            if joint is not None:
                steps.append(("layer", self._layer_of[joint], 0))
        return (*steps, ("head", segments[-1].anchor, 0))

    def run(self, step: Step, features: Tensor) -> Tensor:
        """One step: images or features in, features or logits out."""
        return self._run[step](features)

    def forward(self, images: Tensor, route: Route) -> Tensor:
        """Logits (B, classes) of the sub-network `route` for images (B, C, H, W)."""
        features = images
        for step in self.steps(route):
            features = self.run(step, features)
        return features


def stitch(
    anchors: Sequence[Anchor], kernel: int, stride: int, pairs: str, direction: str
) -> StitchedNetwork:
    """Join anchors, ordered from fast to slow, by the window strategy (see `build_space`)."""
    depths = tuple(len(anchor.blocks) for anchor in anchors)
    return StitchedNetwork(anchors, build_space(depths, kernel, stride, pairs, direction))
