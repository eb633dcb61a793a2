"""Test every stitch of a network in one sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snnet.network import StitchedNetwork
from snnet.shared_forward import Merge, bytes_per_image, run_stitches

MEMORY_BYTES = 1 << 30  # for features that wait while others are computed
# measured with `make bench` on CPU; the other is a guess
MERGE = {"cpu": Merge(positions=2048, size=1 << 20), "cuda": Merge(positions=1 << 17)}


@dataclass(frozen=True)
class Score:
    """Scores of one sub-network on a set of images."""

    top1: float  # share of images, 0 to 1
    top5: float | None  # None with five classes or fewer, where it says nothing
    loss: float  # mean cross-entropy, nats
    correct: bytes  # one bit an image, in order, packed by numpy.packbits


@torch.no_grad()
def sweep(
    network: StitchedNetwork,
    images: Tensor,
    memory_bytes: int = MEMORY_BYTES,
    merge: Merge | None = None,
) -> Tensor:
    """Logits (stitches, B, classes) of every route for images (B, C, H, W); call in eval mode.

    Work is shared (see `snnet.shared_forward`), and memory bounded: the batch is cut so that what
    waits stays within `memory_bytes`.
    """
    stitches = range(len(network.space.routes))
    merge = merge or MERGE.get(images.device.type, MERGE["cpu"])
    fitting = max(1, memory_bytes // bytes_per_image(network, stitches))
    parts = [
        torch.stack(run_stitches(network, part, stitches, merge)) for part in images.split(fitting)
    ]
    return torch.cat(parts, dim=1)


@torch.no_grad()
def evaluate(
    network: StitchedNetwork,
    batches: Iterable[tuple[Tensor, Tensor]],
    gather: Callable[[np.ndarray], np.ndarray] = lambda mine: mine,
    watch: Callable[[int], None] = lambda images: None,
) -> list[Score]:
    """Score every route of the network's space, in its order, in eval mode; none without images.

    Arguments:
        batches: images (B, C, H, W) and labels (B).
        gather: joins what each of several processes saw along the last axis, in the order of
            the images; see `snnet.distributed`.
        watch: told the number of images done after every batch.
    """
    training = network.training
    network.eval()
    device = next(network.parameters()).device
    seen, done = [], 0
    for images, labels in batches:
        labels = labels.to(device)
        seen.append(_measure(sweep(network, images.to(device)).float(), labels))
        done += len(labels)
        watch(done)
    network.train(training)
    if not seen:
        return []
    loss, top1, top5 = gather(np.concatenate(seen, axis=2))
    return [
        Score(
            top1=float(top1[n].mean()),
            top5=float(top5[n].mean()) if network.classes > 5 else None,
            loss=float(loss[n].mean()),
            correct=np.packbits(top1[n].astype(bool)).tobytes(),
        )
        for n in range(len(network.space.routes))
    ]


def _measure(logits: Tensor, labels: Tensor) -> np.ndarray:
    """Loss, top-1 and top-5 (0 or 1) of each image: (3, stitches, B)."""
    loss = torch.stack([functional.cross_entropy(one, labels, reduction="none") for one in logits])
    top = logits.topk(min(5, logits.shape[2]), dim=2).indices == labels[None, :, None]
    stacked = torch.stack([loss, top[..., 0].float(), top.any(2).float()])
    return stacked.double().cpu().numpy()
