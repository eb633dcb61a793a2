"""How alike two anchors are at the joints between them, before anything is trained.

At a joint (i, j), A are the features after front block i, B those that enter back block j, one row
a position (padding is left out), over all calibration images. Neither the kind of the stitching
layers nor what they share counts here: each joint is judged by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from snnet.candidates import Candidates
from snnet.initialisation import Moments, gather_moments, gather_rows
from snnet.routes import Joint
from snnet.space import Layer, Space

Rows = list[list[Tensor]]  # see `gather_rows`


def residual(candidates: Candidates) -> list[float]:
    """Minus the relative residual of each stitch's least squares, see `initialisation.Fit`."""
    moments = _moments(candidates)
    fits = [moments.solve(number, "mean")[1] for number in range(len(moments.layers))]
    found = zip(candidates.joints, fits, strict=True)
    return candidates.of_joints({joint: -fit.residual for joint, fit in found})


def kl(candidates: Candidates) -> list[float]:
    """Minus the KL divergence of representations at each stitch (after KLAS, arXiv 2605.29259).

    KLAS selects stitches by the KL divergence between intermediate representations. How it makes
    distributions of them is decided here: A is mapped to the width of B by least squares, both
    become distributions over channels by a softmax, and KL(B || mapped A) is the mean over
    positions.
    """
    joints, moments = candidates.joints, _moments(candidates)
    maps = [moments.solve(number, "mean")[0] for number in range(len(joints))]
    sums, positions = dict.fromkeys(joints, 0.0), dict.fromkeys(joints, 0)
    for rows in _rows(candidates):
        for joint, solution in zip(joints, maps, strict=True):
            front, back = _ends(rows, joint)
            mapped = front @ solution[:-1] + solution[-1]
            sums[joint] += functional.kl_div(
                mapped.log_softmax(-1), back.log_softmax(-1), reduction="sum", log_target=True
            ).item()
            positions[joint] += len(back)
    return candidates.of_joints({joint: -sums[joint] / positions[joint] for joint in joints})


def cka(candidates: Candidates) -> list[float]:
    """Linear centred kernel alignment of A and B at each stitch (Kornblith et al., 2019).

    From 0 to 1; nothing is mapped, so the widths may differ. Rows are positions here, as for least
    squares.
    """
    joints, places = candidates.joints, set[tuple[int, int]]()
    for joint in joints:
        places |= {(joint.front, joint.front_block + 1), (joint.back, joint.back_block)}
    grams: dict[tuple[int, int], Tensor] = defaultdict(lambda: torch.zeros(()))
    crosses: dict[Joint, Tensor] = defaultdict(lambda: torch.zeros(()))
    for rows in _rows(candidates):
        for anchor, place in places:
            ones = _with_ones(rows[anchor][place])
            grams[anchor, place] = grams[anchor, place].to(ones) + ones.T @ ones
        for joint in joints:
            front, back = (_with_ones(end) for end in _ends(rows, joint))
            crosses[joint] = crosses[joint].to(front) + front.T @ back
    sizes = {place: _centred(gram).norm() for place, gram in grams.items()}
    found = {}
    for joint, cross in crosses.items():
        front = sizes[joint.front, joint.front_block + 1]
        spread = (front * sizes[joint.back, joint.back_block]).item()
        found[joint] = _centred(cross).square().sum().item() / spread if spread > 0 else 0.0
    return candidates.of_joints(found)


def _moments(candidates: Candidates) -> Moments:
    """What least squares needs, each joint for itself, in the order of the candidates' joints."""
    network, joints = candidates.network, candidates.joints
    pairs = tuple(Layer(j.front, j.back, ((j.front_block, j.back_block),)) for j in joints)
    space = Space(network.space.stages, (), pairs)
    anchors = [network.anchor(number) for number in range(len(network.anchors))]
    images = (images for images, _ in candidates.batches())
    return gather_moments(anchors, space, network.image_shape, images)


def _rows(candidates: Candidates) -> Iterator[Rows]:
    network = candidates.network
    anchors = [network.anchor(number) for number in range(len(network.anchors))]
    images = (images for images, _ in candidates.batches())
    return gather_rows(anchors, network.image_shape, images)


def _ends(rows: Rows, joint: Joint) -> tuple[Tensor, Tensor]:
    """A (positions, C_front) and B (positions, C_back) of a joint, as float64."""
    front = rows[joint.front][joint.front_block + 1]
    return front.double(), rows[joint.back][joint.back_block].double()


def _with_ones(rows: Tensor) -> Tensor:
    return functional.pad(rows.double(), (0, 1), value=1.0)


def _centred(product: Tensor) -> Tensor:
    """X'Y of centred rows, from [X 1]'[Y 1]."""
    return product[:-1, :-1] - torch.outer(product[:-1, -1], product[-1, :-1]) / product[-1, -1]
