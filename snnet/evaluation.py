"""Test every stitch of a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snnet.network import Step, StitchedNetwork


@dataclass(frozen=True)
class Score:
    """How one sub-network does on the test images."""

    top1: float  # share right, 0 to 1
    top5: float | None  # None with five classes or fewer, where it says nothing
    loss: float  # mean cross-entropy, nats
    correct: bytes  # one bit an image, in order, packed by numpy.packbits


@torch.no_grad()
def evaluate(
    network: StitchedNetwork, images: Tensor, labels: Tensor, batch_size: int = 64
) -> list[Score]:
    """Score every route of the network's space, in its order, in eval mode."""
    training = network.training
    network.eval()
    batches = [sweep(network, batch) for batch in images.split(batch_size)]
    network.train(training)
    return [_score(torch.cat(logits), labels) for logits in zip(*batches, strict=True)]


def sweep(network: StitchedNetwork, images: Tensor) -> list[Tensor]:
    """Logits (B, classes) of every route; steps that routes begin with in common run once.

    Routes are visited in the order of their steps, so only the features along the current one are
    kept: memory grows with the depth, not with the number of routes.
    """
    routes = [network.steps(route) for route in network.space.routes]
    logits: list[Tensor] = [images] * len(routes)
    done: list[tuple[Step, Tensor]] = []
    for n in sorted(range(len(routes)), key=lambda n: routes[n]):
        shared = 0
        while shared < len(done) and done[shared][0] == routes[n][shared]:
            shared += 1
        del done[shared:]
        for step in routes[n][shared:]:
            done.append((step, network.run(step, done[-1][1] if done else images)))
        logits[n] = done[-1][1]
    return logits


def _score(logits: Tensor, labels: Tensor) -> Score:
    top = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
    right = top[:, 0]
    return Score(
        top1=right.float().mean().item(),
        top5=top.any(1).float().mean().item() if logits.shape[1] > 5 else None,
        loss=functional.cross_entropy(logits, labels).item(),
        correct=np.packbits(right.numpy()).tobytes(),
    )
