"""Least-squares start of the stitching layers (SN-Net paper, section 3.2).

For a joint (i, j): A = features after front block i, B = features entering back block j, one row
a token; solve min ||[A 1] W - B||. Gram matrices add up over batches, so memory does not grow with
the number of images, and one Gram matrix per front block serves all its targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from snnet.anchors import Anchor
from snnet.network import StitchedNetwork, channels_last
from snnet.routes import Joint
from snnet.space import Layer

Place = tuple[int, int]  # anchor, block
RIDGE = 1e-8  # share of the Gram matrix's mean diagonal, added where it is singular
SINGULAR = 1e-13  # squared ratio of the Cholesky factor's extreme diagonal entries


@dataclass(frozen=True)
class Fit:
    """How well a stitching layer's start reproduces what it stands for."""

    residual: float  # ||[A 1] W - B|| over ||B - mean B||, all pairs of the layer together
    ridge: bool  # whether the Gram matrix was singular, so that a ridge was needed


@dataclass
class Moments:
    """Sums over the calibration images, all float64."""

    grams: dict[Place, Tensor] = field(default_factory=dict)  # [A 1]'[A 1], (C + 1, C + 1)
    crosses: dict[Joint, Tensor] = field(default_factory=dict)  # [A 1]'B, (C_front + 1, C_back)
    squares: dict[Place, Tensor] = field(default_factory=dict)  # sum of B squared

    def add(
        self, fronts: dict[Place, Tensor], backs: dict[Place, Tensor], joints: list[Joint]
    ) -> None:
        """Take in features (positions, C) after the front and before the back blocks of joints."""
        by_front: dict[Place, list[Joint]] = defaultdict(list)
        for joint in joints:
            by_front[joint.front, joint.front_block].append(joint)
        targets = {place: rows.double() for place, rows in backs.items()}
        for place, target in targets.items():
            _accumulate(self.squares, place, target.square().sum())
        for place, served in by_front.items():
            rows = _with_ones(fronts[place])
            _accumulate(self.grams, place, rows.T @ rows)
            for joint in served:
                target = targets[joint.back, joint.back_block]
                _accumulate(self.crosses, joint, rows.T @ target)

    def solve(self, layer: Layer, method: str) -> tuple[Tensor, Fit]:
        """The layer's W (C_front + 1, C_back), and how well it fits.

        Arguments:
            method: `mean` of the solutions of its pairs (the paper's), or one `joint` solution.
        """
        grams = [self.grams[joint.front, joint.front_block] for joint in layer.joints]
        crosses = [self.crosses[joint] for joint in layer.joints]
        if method == "joint":
            solution, ridge = _solve(torch.stack(grams).sum(0), torch.stack(crosses).sum(0))
        elif method == "mean":
            solved = [_solve(*pair) for pair in zip(grams, crosses, strict=True)]
            solution = torch.stack([one for one, _ in solved]).mean(0)
            ridge = any(used for _, used in solved)
        else:
            raise ValueError(f"method is mean or joint, not {method!r}")
        left = spread = 0.0
        for joint, gram, cross in zip(layer.joints, grams, crosses, strict=True):
            square = self.squares[joint.back, joint.back_block].item()
            left += square + ((gram @ solution - 2 * cross) * solution).sum().item()
            spread += square - (cross[-1].square().sum() / gram[-1, -1]).item()
        return solution, Fit(max(left / spread, 0.0) ** 0.5 if spread > 0 else 0.0, ridge)


@torch.no_grad()
def initialise_least_squares(
    network: StitchedNetwork, images: Iterable[Tensor], method: str = "mean"
) -> list[Fit]:
    """Set every stitching layer to its least-squares solution; returns how well each fits.

    Arguments:
        images: batches (B, C, H, W) of calibration images, un-augmented. Running in eval mode,
            the anchors' own state stays as it is.
        method: see `Moments.solve`.
    """
    training = network.training
    network.eval()
    joints = [joint for layer in network.space.layers for joint in layer.joints]
    fronts = {(joint.front, joint.front_block) for joint in joints}
    backs = {(joint.back, joint.back_block) for joint in joints}
    moments = Moments()
    device = next(network.parameters()).device
    for batch in images:
        features = [
            _features(network.anchor(n), batch.to(device)) for n in range(len(network.anchors))
        ]
        moments.add(
            {(anchor, block): features[anchor][block + 1] for anchor, block in fronts},
            {(anchor, block): features[anchor][block] for anchor, block in backs},
            joints,
        )
    fits = []
    for layer in network.space.layers:
        module = network.layer(layer.joints[0])
        solution, fit = moments.solve(layer, method)
        module.weight.copy_(solution[:-1].T)
        module.bias.copy_(solution[-1])
        fits.append(fit)
    network.train(training)
    return fits


def _features(anchor: Anchor, images: Tensor) -> list[Tensor]:
    """Rows (positions, C) that enter block 0, 1, ..., and last those that leave the final block."""
    features = anchor.stem(images)
    rows = [_rows(features, anchor)]
    for block in anchor.blocks:
        features = block(features)
        rows.append(_rows(features, anchor))
    return rows


def _rows(features: Tensor, anchor: Anchor) -> Tensor:
    return channels_last(features, anchor.layout).flatten(0, -2)


def _with_ones(rows: Tensor) -> Tensor:
    """Rows (positions, C) as float64, with a last column for the bias."""
    return torch.cat([rows.double(), rows.new_ones(len(rows), 1, dtype=torch.float64)], dim=1)


def _accumulate(sums: dict[Any, Tensor], key: object, value: Tensor) -> None:
    sums[key] = sums[key].add_(value) if key in sums else value


def _solve(gram: Tensor, cross: Tensor) -> tuple[Tensor, bool]:
    """Solve gram W = cross; a ridge helps out where the Gram matrix is singular, and only there."""
    factor, failed = torch.linalg.cholesky_ex(gram)
    diagonal = factor.diagonal()
    singular = bool(failed) or bool((diagonal.min() / diagonal.max()).square() < SINGULAR)
    if singular:
        ridge = RIDGE * gram.diagonal().mean()
        factor = torch.linalg.cholesky(gram + ridge * torch.eye(len(gram)).to(gram))
    return torch.cholesky_solve(cross, factor), singular
