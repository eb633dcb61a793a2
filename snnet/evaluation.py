"""Test every stitch of a network in one sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snnet.network import StitchedNetwork
from snnet.shared_forward import Merge, bytes_per_image, run_stitches
from snnet.tasks.base import Task
from snnet.tasks.classification import CLASSIFICATION

MEMORY_BYTES = 1 << 30  # for features that wait while others are computed
# measured with `make bench` on CPU; the other is a guess
MERGE = {"cpu": Merge(positions=2048, size=1 << 20), "cuda": Merge(positions=1 << 17)}


Scores = dict[str, Any]  # columns of one sub-network, see `Task.summarise`


@torch.no_grad()
def sweep(
    network: StitchedNetwork,
    images: Tensor,
    memory_bytes: int = MEMORY_BYTES,
    merge: Merge | None = None,
) -> Tensor:
    """Outputs (stitches, B, ...) of every route for images (B, C, H, W), or tokens; in eval mode.

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
    task: Task = CLASSIFICATION,
) -> list[Scores]:
    """Score every route of the network's space, in its order, in eval mode; none without images.

    Arguments:
        batches: images (B, C, H, W), or tokens (B, N), and their targets.
        gather: joins what each of several processes saw along the last axis, in the order of
            the images; see `snnet.distributed`.
        watch: told the number of images done after every batch.
    """
    training = network.training
    network.eval()
    device = next(network.parameters()).device
    seen, done = [], 0
    for images, targets in batches:
        outputs = sweep(network, images.to(device)).float()
        seen.append(task.measure(outputs, targets.to(device)))
        done += len(targets)
        watch(done)
    network.train(training)
    if not seen:
        return []
    measured = gather(np.concatenate(seen, axis=2))
    return [task.summarise(one, network.classes) for one in measured.swapaxes(0, 1)]
