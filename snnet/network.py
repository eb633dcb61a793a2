"""The stitched network: anchors, stitching layers, and every route through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from snnet.anchors import Anchor, Layout, channels_last
from snnet.config import StitchingConfig
from snnet.costs import dissect_all, route_cost
from snnet.features import Features, values_of, with_values
from snnet.initialisation import Fit, solve_layers
from snnet.inputs import MISFITS, Inputs
from snnet.models import model_name
from snnet.routes import Joint, Route
from snnet.space import Space, build_space, space_for
from snnet.wording import describe_route, distinct, giga, stages_of

Step = tuple[str, int, int]  # what, anchor or stitching layer, block: ("block", 0, 3)


class StitchingLayer(nn.Linear):
    """A 1x1 convolution from one anchor's features to another's, layouts converted.

    Weights as in `nn.Linear`: (C_back, C_front) and bias (C_back).
    """

    def __init__(
        self, channels: tuple[int, int], layouts: tuple[Layout, Layout], size: tuple[int, ...]
    ) -> None:
        """Take `channels` and `layouts` from front to back, `size` (H, W) or (N,) of the back."""
        super().__init__(*channels)
        self.front_layout, self.back_layout = layouts
        self.size = size

    def forward(self, features: Features) -> Features:  # type: ignore[override]
        """Features in the front's layout to features in the back's; a mask goes with them."""
        values = values_of(features)
        if self.front_layout == self.back_layout == "channels_first":
            return functional.conv2d(values, self.weight[:, :, None, None], self.bias)
        rows = super().forward(channels_last(values, self.front_layout))
        return with_values(features, self._to_back(rows))

    def _to_back(self, rows: Tensor) -> Tensor:
        if self.back_layout == "tokens":
            return rows.flatten(1, -2)
        if rows.ndim == 3:
            rows = rows.unflatten(1, self.size)
        return rows if self.back_layout == "channels_last" else rows.permute(0, 3, 1, 2)


def width_and_size(shape: tuple[int, ...], layout: Layout) -> tuple[int, tuple[int, ...]]:
    """Channels, and positions ((H, W) or (N,)), of a feature shape without batch."""
    if layout == "channels_first":
        return shape[0], shape[1:]
    return shape[-1], shape[:-1]


class StitchedNetwork(nn.Module):
    """Anchors joined by stitching layers; each route of `space` is a sub-network.

    Stitching layers start with PyTorch's default (Kaiming uniform, a = sqrt 5).

    Attributes:
        names: what the anchors are called for people.
        inputs: what the anchors take.
        image_shape: of one of them, without the batch: (channels, height, width) of an image,
            (tokens,) of a text.
    """

    def __init__(
        self, anchors: Sequence[Anchor], space: Space, image_shape: tuple[int, ...]
    ) -> None:
        """Join `anchors` as `space` says, for inputs of `image_shape`.

        Raises:
            TypeError: what is given are no anchors.
            ValueError: an anchor cannot take such inputs, or two that the space joins do not fit
                together.
        """
        check_anchors(anchors)
        super().__init__()
        self.space = space
        self.image_shape = image_shape
        self.anchors = nn.ModuleList(anchors)
        self.anatomies = dissect_all(anchors, image_shape)
        self.inputs: Inputs = anchors[0].inputs
        counts = {anatomy.classes for anatomy in self.anatomies}
        if len(counts) > 1:
            raise ValueError(f"anchors tell apart different numbers of classes: {sorted(counts)}")
        self.layers = nn.ModuleList(
            self._stitching_layer(layer.joints[0]) for layer in space.layers
        )
        self._layer_of = space.layer_of()
        self._run: dict[Step, Callable[[Any], Any]] = {}
        for n, anchor in enumerate(anchors):
            self._run["stem", n, 0] = anchor.stem
            self._run |= {("block", n, i): block for i, block in enumerate(anchor.blocks)}
            self._run["head", n, 0] = anchor.head
        self._run |= {("layer", n, 0): layer for n, layer in enumerate(self.layers)}
        self.names = distinct([model_name(anchor.model) for anchor in anchors])
        self.functions = [
            tuple(self._run[step] for step in self.steps(route)) for route in space.routes
        ]

    def _stitching_layer(self, joint: Joint) -> StitchingLayer:
        front, back = self.anchor(joint.front), self.anchor(joint.back)
        leaving = self.anatomies[joint.front].shapes[joint.front_block + 1]
        entering = self.anatomies[joint.back].shapes[joint.back_block]
        front_width, front_size = width_and_size(leaving, front.layout)
        back_width, back_size = width_and_size(entering, back.layout)
        if len(front_size) == len(back_size):
            same = front_size == back_size
        else:  # a sequence against a grid
            same = prod(front_size) == prod(back_size)
        if not same or front.prefix_tokens != back.prefix_tokens:
            raise ValueError(
                f"anchors {joint.front} ({type(front.model).__name__}) and {joint.back} "
                f"({type(back.model).__name__}) cannot be stitched after block "
                f"{joint.front_block}: {_positions(front_size, front.prefix_tokens)} leave the "
                f"first, {_positions(back_size, back.prefix_tokens)} enter the second"
            )
        return StitchingLayer((front_width, back_width), (front.layout, back.layout), back_size)

    @property
    def classes(self) -> int:
        """Number of classes that the anchors tell apart."""
        return self.anatomies[0].classes

    def __repr__(self) -> str:
        """A line: the whole tree of modules would fill screens."""
        macs = [macs for macs, _ in self.costs()]
        return (
            f"StitchedNetwork of {', '.join(self.names)}: {len(macs)} stitches, "
            f"{giga(min(macs))} to {giga(max(macs))} GMACs, {self.inputs.name} "
            f"{'x'.join(map(str, self.image_shape))}, {self.classes} classes"
        )

    @property
    def stitches(self) -> pd.DataFrame:
        """A row a sub-network (index: stitch id): `route` in words, `stage`, `macs`, `params`.

        A route names the anchor and the last block it runs > the anchor and the block it enters;
        blocks count from 0 inside their stage. MACs are counted per image.
        """
        costs, space = self.costs(), self.space
        columns = {
            "route": [describe_route(space, one, self.names) for one in space.routes],
            "stage": [stages_of(space, one) for one in space.routes],
            "macs": [macs for macs, _ in costs],
            "params": [params for _, params in costs],
        }
        return pd.DataFrame(columns, pd.RangeIndex(len(costs), name="stitch"))

    @torch.no_grad()
    def initialise(self, images: Iterable[Tensor] | Tensor, method: str = "mean") -> list[Fit]:
        """Set every stitching layer to its least-squares solution; returns how well each fits.

        Arguments:
            images: batches of calibration images (B, C, H, W), normalised and un-augmented, or of
                tokens (B, N); one batch will do. Running in eval mode, the anchors' own state
                stays as it is.
            method: `mean` of the solutions of a layer's pairs (the paper's), or one `joint`
                solution.

        Raises:
            TypeError: what is given are no batches of images.
            ValueError: there are no images, or such as the network does not take.
        """
        anchors = [self.anchor(number) for number in range(len(self.anchors))]
        training = self.training
        self.eval()
        try:
            solved = solve_layers(anchors, self.space, self.image_shape, images, method)
        finally:
            self.train(training)
        for layer, (solution, _) in zip(self.space.layers, solved, strict=True):
            module = self.layer(layer.joints[0])
            module.weight.copy_(solution[:-1].T)
            module.bias.copy_(solution[-1])
        return [fit for _, fit in solved]

    def costs(self) -> list[tuple[int, int]]:
        """MACs per image, and parameters, of every route of the space, in its order."""
        depths = self.space.depths
        return [
            route_cost(route, depths, self.anatomies, [self.layer(j) for j in route.joints])
            for route in self.space.routes
        ]

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
        """The steps of `route`, in order; two routes share work as long as their steps agree."""
        steps: list[Step] = [("stem", route.first, 0)]
        segments = route.segments(self.space.depths)
        for segment, joint in zip(segments, (*route.joints, None), strict=True):
            steps += [("block", segment.anchor, i) for i in range(segment.start, segment.stop)]
            if joint is not None:
                steps.append(("layer", self._layer_of[joint], 0))
        return (*steps, ("head", segments[-1].anchor, 0))

    def run(self, step: Step, features: Features) -> Any:
        """One step: inputs or features in, features or logits out."""
        return self._run[step](features)

    def forward(self, inputs: Tensor, stitch: int) -> Tensor:
        """Logits (B, classes) of sub-network `stitch` (index into the space's routes).

        Arguments:
            inputs: images (B, C, H, W), or tokens (B, N).

        Raises:
            TypeError, ValueError: what is given are no inputs that the network takes.
        """
        features: Any = inputs
        try:
            for function in self.functions[stitch]:
                features = function(features)
        except MISFITS as error:
            self.inputs.check(inputs, self.image_shape, error, next(self.parameters()).dtype)
            raise
        return features


def check_anchors(anchors: Sequence[Anchor]) -> None:
    """Refuse what are no anchors to be stitched.

    Raises:
        TypeError: says what to do.
        ValueError: there are none.
    """
    if isinstance(anchors, nn.Module | Tensor) or not isinstance(anchors, Iterable):
        raise TypeError(f"anchors are a list of two or more, not one {type(anchors).__name__}")
    for number, each in enumerate(anchors):
        if not isinstance(each, Anchor):
            hint = "wrap timm's models with snnet.anchors.adapt"
            raise TypeError(f"anchor {number} is a {type(each).__name__}, and no anchor: {hint}")
    if not len(anchors):
        raise ValueError("anchors are a list of two or more, not an empty one")


def _positions(size: tuple[int, ...], prefix_tokens: int) -> str:
    if len(size) == 2:
        return f"{size[0]}x{size[1]} positions"
    return f"{size[0]} tokens ({prefix_tokens} of them class tokens)"


def stitch(
    anchors: Sequence[Anchor],
    image_shape: tuple[int, ...],
    kernel: int = 2,
    stride: int = 1,
    pairs: str = "nearest",
    direction: str = "fast_to_slow",
    stages: Sequence[int] | None = None,
    positions: str = "windows",
    returns: int = 0,
) -> StitchedNetwork:
    """Join anchors, ordered from fast to slow; the settings are those of `build_space`.

    Arguments:
        image_shape: (channels, height, width), or (tokens,).
        stages: that may hold joints, `inside` of `build_space`; the others are named as there.

    Raises:
        TypeError: what is given are no anchors.
        ValueError: no such space is possible, or anchors do not fit together.
    """
    check_anchors(anchors)
    depths = [anchor.depths for anchor in anchors]
    space = build_space(depths, kernel, stride, pairs, direction, stages, positions, returns)
    return StitchedNetwork(anchors, space, image_shape)


def stitch_for(
    config: StitchingConfig, anchors: Sequence[Anchor], image_shape: tuple[int, ...]
) -> StitchedNetwork:
    """Join anchors as the settings of a run say, for inputs of `image_shape`, without the batch.

    Raises:
        ValueError: no such space is possible, or anchors do not fit together.
    """
    space = space_for(config, [anchor.depths for anchor in anchors])
    return StitchedNetwork(anchors, space, image_shape)
