"""Least-squares start of the stitching layers (SN-Net paper, section 3.2).

For a joint (i, j): A = features after front block i, B = features entering back block j, one row
a token; solve min ||[A 1] W - B||. Gram matrices add up over batches, so memory does not grow with
the number of images, and one Gram matrix per front block serves all its targets.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from snnet.anchors import Anchor
from snnet.network import StitchedNetwork
from snnet.routes import Joint

Place = tuple[int, int]  # anchor, front block


@torch.no_grad()
def initialise_least_squares(
    network: StitchedNetwork, images: Tensor, batch_size: int = 50
) -> None:
    """Set every stitching layer to the mean, over its pairs, of their least-squares solutions.

    Arguments:
        images: calibration images (N, C, H, W), un-augmented. Running in eval mode, the anchors'
            own state stays as it is. Sums are kept in float64.
    """
    training = network.training
    network.eval()
    joints = [joint for layer in network.space.layers for joint in layer.joints]
    grams: dict[Place, Tensor] = defaultdict(lambda: torch.zeros(()))
    crosses: dict[Joint, Tensor] = defaultdict(lambda: torch.zeros(()))
    for batch in images.split(batch_size):
        features = [_features(network.anchor(n), batch) for n in range(len(network.anchors))]
        rows = {}
        for place in {(joint.front, joint.front_block) for joint in joints}:
            rows[place] = _with_ones(features[place[0]][place[1] + 1])
            grams[place] = grams[place] + rows[place].T @ rows[place]
        for joint in joints:
            target = features[joint.back][joint.back_block].double().flatten(0, -2)
            crosses[joint] = crosses[joint] + rows[joint.front, joint.front_block].T @ target
    solutions = {
        joint: torch.linalg.lstsq(
            grams[joint.front, joint.front_block], crosses[joint], driver="gelsd"
        ).solution
        for joint in joints
    }
    for layer in network.space.layers:
        module = network.layer(layer.joints[0])
        mean = torch.stack([solutions[joint] for joint in layer.joints]).mean(0)
        module.weight.copy_(mean[:-1].T)
        module.bias.copy_(mean[-1])
    network.train(training)


def _features(anchor: Anchor, images: Tensor) -> list[Tensor]:
    """What enters block 0, 1, ..., and last what leaves the final block."""
    features = [anchor.stem(images)]
    for block in anchor.blocks:
        features.append(block(features[-1]))
    return features


def _with_ones(features: Tensor) -> Tensor:
    """Features (..., C) as float64 rows (positions, C + 1), the last column for the bias."""
    rows = features.double().flatten(0, -2)
    return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
