"""The stitched network: anchors, stitching layers, and every route through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from numbers import Integral
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor, nn

from snnet.anchors import Anchor, Layout
from snnet.config import StitchingConfig
from snnet.costs import dissect_all, route_cost, trained_parts
from snnet.features import Features
from snnet.initialisation import Fit, Moments, Precision, gather_moments
from snnet.inputs import MISFITS, Inputs
from snnet.layers import Ends, Identity, LayerChoice, StitchingLayer, grid_of, make_layer
from snnet.measured_moments import MeasuredMoments
from snnet.models import model_name
from snnet.routes import Joint, Route
from snnet.space import Space, build_space, space_for
from snnet.wording import describe_route, distinct, giga, stages_of

Step = tuple[str, int, int]  # what, anchor or stitching layer, block: ("block", 0, 3)


def width_and_size(shape: tuple[int, ...], layout: Layout) -> tuple[int, tuple[int, ...]]:
    """Channels, and positions ((H, W) or (N,)), of a feature shape without batch."""
    if layout == "channels_first":
        return shape[0], shape[1:]
    return shape[-1], shape[:-1]


class StitchedNetwork(nn.Module):
    """Anchors joined by stitching layers; each route of `space` is a sub-network.

    Stitching layers start with PyTorch's default (Kaiming uniform, a = sqrt 5).

    Attributes:
        layers: the stitching layers, in the order of the space's.
        updates: what several of them share.
        names: what the anchors are called for people.
        inputs: what the anchors take.
        image_shape: of one of them, without the batch: (channels, height, width) of an image,
            (tokens,) of a text.
    """

    def __init__(
        self,
        anchors: Sequence[Anchor],
        space: Space,
        image_shape: tuple[int, ...],
        layers: LayerChoice | None = None,
    ) -> None:
        """Join `anchors` as `space` says, for inputs of `image_shape`.

        Arguments:
            layers: which stitching layers; by default linear ones.

        Raises:
            TypeError: what is given are no anchors.
            ValueError: an anchor cannot take such inputs, or two that the space joins do not fit
                together, or no such stitching layer.
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
        self.layer_choice = layers or LayerChoice()
        self.updates = nn.ModuleDict()
        self.layers = nn.ModuleList(
            self._stitching_layer(layer.joints[0]) for layer in space.layers
        )
        self._check_identity()
        self._layer_of = space.layer_of()
        self._run: dict[Step, Callable[[Any], Any]] = {}
        for n, anchor in enumerate(anchors):
            self._run["stem", n, 0] = anchor.stem
            self._run |= {("block", n, i): block for i, block in enumerate(anchor.blocks)}
            self._run["head", n, 0] = anchor.head
        self._run |= {("layer", n, 0): layer for n, layer in enumerate(self.layers)}
        self.names = distinct([model_name(anchor.model) for anchor in anchors])
        self._compose()

    def _compose(self) -> None:
        self.functions = [
            tuple(self._run[step] for step in self.steps(route)) for route in self.space.routes
        ]

    def blocks(self) -> dict[Step, Callable[[Any], Any]]:
        """What every block's step runs."""
        return {step: run for step, run in self._run.items() if step[0] == "block"}

    def replace(self, functions: dict[Step, Callable[[Any], Any]]) -> None:
        """Run other functions in these steps, such as blocks that are compiled."""
        self._run |= functions
        self._compose()

    def _check_identity(self) -> None:
        kinds = [type(layer) for layer in self.layers]
        if self.layer_choice.kind == "identity" and kinds and Identity not in kinds:
            widths = [
                width_and_size(anatomy.shapes[0], self.anchor(n).layout)[0]
                for n, anatomy in enumerate(self.anatomies)
            ]
            raise ValueError(
                f"layer identity needs two anchors of equal width, and these have {widths} channels"
            )

    def _stitching_layer(self, joint: Joint) -> nn.Module:
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
        ends = Ends(
            (front_width, back_width),
            (front.layout, back.layout),
            back_size,
            back.prefix_tokens,
            grid_of(back_size, back.prefix_tokens, self.image_shape),
        )
        name = f"{joint.front}-{joint.back}-{front_width}-{back_width}"
        return make_layer(ends, self.layer_choice, self.updates, name)

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
    def initialise(
        self,
        images: Iterable[Tensor] | Tensor,
        method: str = "mean",
        precision: Precision = "double",
    ) -> list[Fit]:
        """Start every stitching layer from least squares; returns how well each fits.

        Arguments:
            images: batches of calibration images (B, C, H, W), normalised and un-augmented, or of
                tokens (B, N); one batch will do. Running in eval mode, the anchors' own state
                stays as it is.
            method: `mean` of the solutions of a layer's pairs (the paper's), or one `joint`
                solution.
            precision: of the products that are added up: `double`, or `measured`, single where
                that leaves residuals as they are (see `snnet.measured_moments`).

        Raises:
            TypeError: what is given are no batches of images.
            ValueError: there are no images, or such as the network does not take.
        """
        anchors = [self.anchor(number) for number in range(len(self.anchors))]
        modules = [self.layer(layer.joints[0]) for layer in self.space.layers]
        normed = any(module.normed for module in modules)
        training = self.training
        self.eval()
        try:
            kind = MeasuredMoments if precision == "measured" else Moments
            moments = gather_moments(anchors, self.space, self.image_shape, images, normed, kind)
        finally:
            self.train(training)
        fits = []
        for number, module in enumerate(modules):
            solution, fit = moments.solve(number, method)
            started = module.start(solution, moments.gram(number))
            fits.append(fit if started is solution else moments.fit(number, started, fit.ridge))
        return fits

    def restricted(self, names: Iterable[str]) -> StitchedNetwork:
        """A network of the routes of these names: the same anchors, and layers with equal values.

        Raises:
            ValueError: there is no route of such a name.
        """
        anchors = [self.anchor(number) for number in range(len(self.anchors))]
        space = self.space.restricted(names)
        part = StitchedNetwork(anchors, space, self.image_shape, self.layer_choice)
        for layer in space.layers:
            joint = layer.joints[0]
            part.layer(joint).load_state_dict(self.layer(joint).state_dict())
        for name, update in part.updates.items():
            update.load_state_dict(self.updates[name].state_dict())
        part.names = self.names
        return part.to(next(self.parameters()).device).train(self.training)

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

    def trained_params(self) -> list[int]:
        """Parameters that training changes (`requires_grad`), of every route, in its order."""
        anchors = [trained_parts(self.anchor(number)) for number in range(len(self.anchors))]
        counts = []
        for route in self.space.routes:
            steps = [step for step in self.steps(route) if step[0] != "layer"]
            own = {p for joint in route.joints for p in self.layer(joint).trained()}
            anchored = sum(anchors[number][kind, block] for kind, number, block in set(steps))
            counts.append(anchored + sum(p.numel() for p in own))
        return counts

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

    def check_stitch(self, stitch: object) -> None:
        """Refuse what is no index of a sub-network; -1 would silently be the last one.

        Raises:
            TypeError: it is no whole number.
            ValueError: there is no sub-network of that number.
        """
        count = len(self.functions)
        if not isinstance(stitch, Integral):
            raise TypeError(f"a stitch is a whole number, from 0 to {count - 1}, not {stitch!r}")
        if not 0 <= int(stitch) < count:
            raise ValueError(f"there is no stitch {stitch}: there are 0 to {count - 1}")

    def forward(self, inputs: Tensor, stitch: int) -> Tensor:
        """Logits (B, classes) of sub-network `stitch` (index into the space's routes).

        Arguments:
            inputs: images (B, C, H, W), or tokens (B, N).

        Raises:
            TypeError, ValueError: what is given are no inputs that the network takes, or there is
                no such sub-network.
        """
        self.check_stitch(stitch)
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
    layers: LayerChoice | None = None,
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
    return StitchedNetwork(anchors, space, image_shape, layers)


def stitch_for(
    config: StitchingConfig,
    anchors: Sequence[Anchor],
    image_shape: tuple[int, ...],
    kept: Sequence[str] | None = None,
) -> StitchedNetwork:
    """Join anchors as the settings of a run say, for inputs of `image_shape`, without the batch.

    Arguments:
        kept: names of the routes that a selection kept; without it, all of the space are there.

    Raises:
        ValueError: no such space is possible, or anchors do not fit together.
    """
    space = space_for(config, [anchor.depths for anchor in anchors])
    if kept is not None:
        space = space.restricted(kept)
    layers = LayerChoice(config.layer, config.layer_rank, config.layer_alpha)
    return StitchedNetwork(anchors, space, image_shape, layers)
