"""Matching of features: stitching layers learn to give what the next anchor has itself.

A first phase of training, before the task loss (Revisiting Model Stitching, arXiv 2603.12433; over
all later blocks: FuLA, arXiv 2505.20142). A route is compared with the anchor that it ends in, on
the same images, from where it enters that anchor; of several joints the last counts, and earlier
stitching layers learn through it. Anchors are frozen, in eval mode; labels are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from snnet.anchors import Anchor, channels_last
from snnet.config import StitchingConfig
from snnet.features import Features, Masked, values_of
from snnet.network import Step, StitchedNetwork
from snnet.pieces import MATCHING
from snnet.routes import Route
from snnet.sampling import create_sampler, sampler_within

SMALLEST = 1e-6  # variance by which errors are divided


class Pair(NamedTuple):
    """Features at one place of the anchor that a route ends in, float32, channels last.

    Attributes:
        route: (B, N, C) of the route.
        target: (B, N, C) of the anchor itself, without gradient.
        weights: (B, N), each position's part of its example: they add up to 1, padding has 0.
    """

    route: Tensor
    target: Tensor
    weights: Tensor


# of what enters the anchor's block after the last joint, and of what leaves that block and each
# later one; the last pair is what enters the head. Gives one number. Where it is a mean over
# examples, several processes train what one would
MatchingLoss = Callable[[Sequence[Pair]], Tensor]


def relative_error(pair: Pair) -> Tensor:
    """Mean over examples of the squared error over the variance of the example's target.

    1 is what the target's own mean would have. The variance is over positions and channels.
    """
    errors = _mean((pair.route - pair.target).square(), pair.weights)
    centred = pair.target - _mean(pair.target, pair.weights)[:, None, None]
    variances = _mean(centred.square(), pair.weights)
    return (errors / variances.clamp_min(SMALLEST)).mean()


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Means (B) over positions and channels of values (B, N, C)."""
    return (values.mean(2) * weights).sum(1)


def stitch_error(pairs: Sequence[Pair]) -> Tensor:
    """The relative error of what enters the anchor: of the stitching layer's output."""
    return relative_error(pairs[0])


def penultimate_error(pairs: Sequence[Pair]) -> Tensor:
    """The relative error of what enters the head."""
    return relative_error(pairs[-1])


def later_error(pairs: Sequence[Pair]) -> Tensor:
    """The mean relative error of what leaves the blocks after the joint."""
    return torch.stack([relative_error(pair) for pair in pairs[1:]]).mean()


BUILT_IN: dict[str, MatchingLoss] = {
    "stitch": stitch_error,
    "penultimate": penultimate_error,
    "later": later_error,
}


class Matching:
    """The phase of a training in which stitching layers alone learn, from anchors' features.

    Attributes:
        epochs: how many it lasts, from the first on.
        sampler: draws routes whose stitching layers learn, by the rule that `sampling` names; of a
            sandwich that is its random part.
    """

    def __init__(
        self,
        network: StitchedNetwork,
        config: StitchingConfig,
        judge: Callable[[], Sequence[float]],
    ) -> None:
        """Prepare what `config` asks for; its `matching` is not `none`.

        Arguments:
            judge: see `create_sampler`.

        Raises:
            ValueError: no stitching layer learns.
        """
        routes = network.space.routes
        learning = [
            number
            for number, route in enumerate(routes)
            if any(network.layer(joint).trained() for joint in route.joints)
        ]
        if not learning:
            raise ValueError(
                "matching teaches stitching layers, and no route has one that learns; set "
                "matching to none"
            )
        self.epochs = matching_epochs(config)
        frozen = replace(config, tuning="stitching_layers")
        self.sampler = sampler_within(learning, create_sampler(network, frozen, judge))
        self._name = config.matching
        self._loss: MatchingLoss = {**BUILT_IN, **MATCHING}[config.matching]
        # of the first pair alone: later blocks need not run
        self._pairs = 1 if config.matching == "stitch" else None

    def losses(
        self, network: StitchedNetwork, inputs: Tensor, stitches: Sequence[int]
    ) -> list[Tensor]:
        """The loss of each of the stitches, one number, for images (B, C, H, W) or tokens (B, N).

        Raises:
            ValueError: a user's loss gives something else.
        """
        found = []
        for stitch in stitches:
            pairs = pairs_of(network, network.space.routes[stitch], inputs)
            loss = self._loss(list(islice(pairs, self._pairs)))
            if not isinstance(loss, Tensor) or loss.ndim or not loss.requires_grad:
                raise ValueError(
                    f"matching {self._name} should give a tensor of one number that depends on "
                    f"the route's features, not {loss!r}"
                )
            found.append(loss)
        return found


def matching_epochs(config: StitchingConfig) -> int:
    """Epochs of matching: `matching_share` of them, rounded, at least one, and not the last."""
    return min(max(1, round(config.matching_share * config.epochs)), config.epochs - 1)


def pairs_of(network: StitchedNetwork, route: Route, inputs: Tensor) -> Iterator[Pair]:
    """Features of a route, and of the anchor that it ends in, from its last joint on.

    First of what enters the anchor's block, then of what leaves that and each later block; each
    runs when it is asked for.
    """
    joint = route.joints[-1]
    anchor = network.anchor(joint.back)
    shared = network.space.depths[joint.back] - joint.back_block
    outputs = (
        _outputs(network, network.steps(one), inputs, shared) for one in (route, Route(joint.back))
    )
    for mine, target in zip(*outputs, strict=True):
        values = _flat(target, anchor).detach()
        yield Pair(_flat(mine, anchor), values, _weights(target, values))


def _outputs(
    network: StitchedNetwork, steps: Sequence[Step], inputs: Tensor, shared: int
) -> Iterator[Features]:
    """What enters the last `shared` blocks, and what leaves each of them; the head is left out."""
    features: Features = inputs
    for number, step in enumerate(steps[:-1], start=1):
        features = network.run(step, features)
        if number >= len(steps) - 1 - shared:
            yield features


def _flat(features: Features, anchor: Anchor) -> Tensor:
    """Features as (B, N, C), float32."""
    return channels_last(values_of(features), anchor.layout).flatten(1, -2).float()


def _weights(features: Features, values: Tensor) -> Tensor:
    """Each position's part of its example (B, N)."""
    counting = values.new_ones(values.shape[:2])
    if isinstance(features, Masked):
        counting = features.mask.to(values)
    return counting / counting.sum(1, keepdim=True)
