"""What the sub-networks of a step make of its images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snnet.network import StitchedNetwork

# what a network makes of images and stitches: logits of each of these, or losses
Run = Callable[[StitchedNetwork, Tensor, list[int]], list[Tensor]]


class Passes(nn.Module):
    """The sub-network passes of a step in one call, so that one backward serves them all."""

    def __init__(self, network: StitchedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, run: Run, slices: list[Tensor], stitches: list[list[int]], seeds: list[int]
    ) -> list[list[Tensor]]:
        """What `run` makes of every slice and its stitches.

        Arguments:
            seeds: for each slice, of what blocks draw (drop path).
        """
        made = []
        for images, chosen, seed in zip(slices, stitches, seeds, strict=True):
            _seed_draws(seed, images.device)
            made.append(run(self.network, images, chosen))
        return made


def _seed_draws(seed: int, device: torch.device) -> None:
    """`torch.manual_seed`, but for the millisecond that it takes where there is no GPU."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
