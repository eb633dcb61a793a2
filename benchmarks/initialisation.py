"""Least-squares start: Gram matrices against one pseudo-inverse per stitch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import median

import torch
from torch import Tensor

from benchmarks.measure import Result, Say, Timing, side_by_side, timed
from benchmarks.subjects import (
    DEIT_SHAPE,
    deit_anchors,
    small_anchors,
    small_shape,
    structured_images,
)
from snnet.data.dataset import CALIBRATION_BATCH
from snnet.initialisation import Moments, Precision
from snnet.measured_moments import MeasuredMoments
from snnet.network import StitchedNetwork, stitch
from snnet.routes import Joint
from snnet.space import Layer

SOLVE_TARGET = 4.0  # of the measured precision
WHOLE_TARGET = 0.95  # of what is left where the solve takes no time
RESIDUAL_TOLERANCE = 1e-6  # relative
REPEATS = 3
PRECISIONS: dict[Precision, type[Moments]] = {"double": Moments, "measured": MeasuredMoments}
Rows = list[list[Tensor]]  # by anchor: (positions, C) entering block 0, 1, ..., leaving the last


@dataclass
class _Rounds:
    """Seconds of every round, and the solutions of the last."""

    features: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    solve: dict[Precision, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: dict[Precision, list[float]] = field(default_factory=lambda: defaultdict(list))
    rows: Rows = field(default_factory=list)
    pseudo: list[Tensor] = field(default_factory=list)
    solved: dict[Precision, list[Tensor]] = field(default_factory=dict)


@torch.no_grad()
def run(quick: bool, say: Say) -> Iterator[Result]:
    """The solve alone, features given, and the whole initialisation; 100 images."""
    if quick:
        anchors, shape, case = small_anchors("fashion"), small_shape("fashion"), "fashion"
    else:
        anchors, shape, case = deit_anchors(), DEIT_SHAPE, "DeiT-Ti/S/B"
    network = stitch(anchors, shape).eval()
    images = structured_images(100, shape)
    rounds = _Rounds()
    for number in range(REPEATS):
        say(f"{case}, round {number + 1} of {REPEATS}")
        _add_round(rounds, network, images)
    say(f"{case}: residuals")
    products = {
        f"{name} products": median(rounds.plain) / product_seconds(network, rounds.rows, dtype)
        for name, dtype in (("single", torch.float32), ("double", torch.float64))
    }
    plain_whole = [sum(both) for both in zip(rounds.features, rounds.plain, strict=True)]
    features = median(plain_whole) / median(rounds.features)
    for precision in PRECISIONS:
        aims = precision == "measured" and not quick
        ours = rounds.solved[precision]
        difference = residual_difference(network, rounds.rows, rounds.pseudo, ours)
        yield Result(
            "least_squares_solve",
            f"{case}, {precision}",
            Timing(tuple(rounds.plain)),
            Timing(tuple(rounds.solve[precision])),
            difference,
            RESIDUAL_TOLERANCE,
            target=SOLVE_TARGET if aims else None,
            bounds=products,
        )
        yield Result(
            "initialisation_whole",
            f"{case}, {precision}",
            Timing(tuple(plain_whole)),
            Timing(tuple(rounds.whole[precision])),
            difference,
            RESIDUAL_TOLERANCE,
            target=WHOLE_TARGET * features if aims else None,
            bounds={"features": features},
        )


def _add_round(rounds: _Rounds, network: StitchedNetwork, images: Tensor) -> None:
    """Take the time of the plain way, and of ours in both precisions."""
    seconds, rounds.rows = timed(partial(features_of, network, images))
    rounds.features.append(seconds)
    seconds, rounds.pseudo = timed(partial(pseudo_inverses, network, rounds.rows))
    rounds.plain.append(seconds)
    batches = images.split(CALIBRATION_BATCH)
    for precision, kind in PRECISIONS.items():
        solve = partial(from_moments, network, rounds.rows, kind)
        seconds, rounds.solved[precision] = timed(solve)
        rounds.solve[precision].append(seconds)
        initialise = partial(network.initialise, batches, precision=precision)
        rounds.whole[precision].append(timed(initialise)[0])


@torch.no_grad()
def compare_solves(
    network: StitchedNetwork, images: Tensor, repeats: int, precision: Precision = "double"
) -> tuple[Timing, Timing, float]:
    """Plain and our seconds of the solve, features given, and the difference of residuals."""
    rows, kind = features_of(network, images), PRECISIONS[precision]
    plain, ours, plain_solutions, our_solutions = side_by_side(
        lambda: pseudo_inverses(network, rows), lambda: from_moments(network, rows, kind), repeats
    )
    return plain, ours, residual_difference(network, rows, plain_solutions, our_solutions)


def features_of(network: StitchedNetwork, images: Tensor) -> Rows:
    """What enters and leaves the blocks of every anchor, all images at hand at once."""
    rows = []
    for number in range(len(network.anchors)):
        anchor = network.anchor(number)
        batches = []
        for batch in images.split(CALIBRATION_BATCH):
            places = [anchor.stem(batch)]
            for block in anchor.blocks:
                places.append(block(places[-1]))
            batches.append([tokens.flatten(0, 1) for tokens in places])
        rows.append([torch.cat(place) for place in zip(*batches, strict=True)])
    return rows


def pseudo_inverses(network: StitchedNetwork, rows: Rows) -> list[Tensor]:
    """W (C_front + 1, C_back) of every layer as the authors solve it.

    Their code takes pinv([A 1]) B for every pair, and the mean over the pairs of a layer.
    """

    def solve(joint: Joint) -> Tensor:
        front = rows[joint.front][joint.front_block + 1]
        with_ones = torch.cat([front, front.new_ones(len(front), 1)], dim=1)
        return torch.linalg.pinv(with_ones) @ rows[joint.back][joint.back_block]

    return [
        torch.stack([solve(joint) for joint in layer.joints]).mean(0)
        for layer in network.space.layers
    ]


def from_moments(
    network: StitchedNetwork, rows: Rows, kind: type[Moments] = Moments
) -> list[Tensor]:
    """Solve by `snnet.initialisation`, batch by batch as it runs there."""
    size = CALIBRATION_BATCH * network.anatomies[0].shapes[0][0]
    moments = kind(network.space.layers)
    for start in range(0, len(rows[0][0]), size):
        part = slice(start, start + size)
        moments.add(
            {(anchor, block): rows[anchor][block + 1][part] for anchor, block in moments.fronts},
            {(anchor, block): rows[anchor][block][part] for anchor, block in moments.backs},
        )
    return [moments.solve(number, "mean")[0] for number in range(len(moments.layers))]


def product_seconds(network: StitchedNetwork, rows: Rows, precision: torch.dtype) -> float:
    """Seconds of the matrix products alone that no normal equations lack.

    A'A for every front block, and A'B for every front block of every layer: the targets of a
    front block that share a layer can be added up before.
    """
    layers = network.space.layers
    size = CALIBRATION_BATCH * network.anatomies[0].shapes[0][0]
    cut = [[place[:size].to(precision) for place in each] for each in rows]

    def multiply() -> None:
        for anchor, block in {(j.front, j.front_block) for la in layers for j in la.joints}:
            front = cut[anchor][block + 1]
            front.T @ front
        for layer in layers:
            for block in {joint.front_block for joint in layer.joints}:
                cut[layer.front][block + 1].T @ cut[layer.back][layer.joints[0].back_block]

    seconds = min(timed(multiply)[0] for _ in range(5))
    return seconds * len(rows[0][0]) / len(cut[0][0])


def residual_difference(
    network: StitchedNetwork, rows: Rows, plain: list[Tensor], ours: list[Tensor]
) -> float:
    """The largest relative difference of any layer's residual between the two ways."""
    layers = network.space.layers
    residuals = [
        [_residual(layer, rows, one.double()) for layer, one in zip(layers, solutions, strict=True)]
        for solutions in (plain, ours)
    ]
    return max(abs(our / expected - 1) for expected, our in zip(*residuals, strict=True))


def _residual(layer: Layer, rows: Rows, solution: Tensor) -> float:
    """||[A 1] W - B|| over ||B - mean B||, all pairs of the layer together."""
    left = spread = 0.0
    for joint in layer.joints:
        back = rows[joint.back][joint.back_block]
        front = rows[joint.front][joint.front_block + 1]
        error = torch.addmm(solution[-1], front.double(), solution[:-1]) - back
        left += error.square().sum().item()
        spread += (back - back.mean(0)).double().square().sum().item()
    return (left / spread) ** 0.5
