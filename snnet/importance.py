"""Importance of stitches, told by gradients before training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from snnet.candidates import Candidates
from snnet.network import StitchedNetwork


def importance(candidates: Candidates) -> list[float]:
    """Sum of |gradient x weight| over the weights of each stitch's stitching layers.

    To first order it is by how much the task's loss on the calibration images would change without
    each weight, added up. ESTA (arXiv 2311.17352) tells the importance of stitches by gradients
    that it gathers while it trains; one pass before training is ours.
    """
    network, count = candidates.network, candidates.config.calibration_images
    weights = {stitch: _weights(network, stitch) for stitch in candidates.stitches}
    gradients = {
        stitch: [torch.zeros_like(weight) for weight in own] for stitch, own in weights.items()
    }
    with torch.enable_grad(), _learning(network, network.layers):
        for images, targets in candidates.batches():
            for stitch, own in weights.items():
                if own:  # a user's layer may have none
                    loss = _loss(candidates, stitch, images, targets) * len(images) / count
                    found = torch.autograd.grad(loss, own, materialize_grads=True)
                    for total, part in zip(gradients[stitch], found, strict=True):
                        total += part
    return [
        sum((g * w).abs().sum().item() for g, w in zip(gradients[stitch], own, strict=True))
        for stitch, own in weights.items()
    ]


def _weights(network: StitchedNetwork, stitch: int) -> list[nn.Parameter]:
    """All parameters of a stitch's stitching layers, frozen ones included."""
    joints = network.space.routes[stitch].joints
    layers = dict.fromkeys(network.layer(joint) for joint in joints)
    return [parameter for layer in layers for parameter in layer.parameters()]


def _loss(candidates: Candidates, stitch: int, images: Tensor, targets: Tensor) -> Tensor:
    outputs = candidates.network(images, stitch).float()
    smoothing = candidates.config.label_smoothing
    return candidates.data.task.loss(outputs, targets, smoothing)


@contextmanager
def _learning(network: nn.Module, part: nn.Module) -> Iterator[None]:
    """Inside, gradients reach all parameters of a part of a network, and no others."""
    before = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    try:
        network.requires_grad_(False)
        part.requires_grad_(True)
        yield
    finally:
        for parameter, learned in before:
            parameter.requires_grad_(learned)
