"""A sandwich training step: beginnings shared against three separate passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.measure import Result, Say, relative_difference, side_by_side
from benchmarks.subjects import DIRECTIONS, small_anchors, small_shape, structured_images
from snnet.network import StitchedNetwork, stitch
from snnet.sampling import sandwich_sampler
from snnet.seeding import generator
from snnet.shared_forward import run_stitches

BATCH = 64
LABEL_SMOOTHING = 0.1
TOLERANCE = 1e-4  # of gradients
Backward = Callable[[list[int]], None]


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Largest, smallest and one random sub-network; the mean over a seeded sequence of draws."""
    for scale in ("digits",) if quick else ("digits", "fashion"):
        for direction in DIRECTIONS:
            case = f"{scale}, {direction.replace('_', ' ')}"
            say(case)
            shape = small_shape(scale)
            network = stitch(small_anchors(scale), shape, direction=direction).train()
            count = len(network.space.routes)
            draw = sandwich_sampler(count, len(network.anchors) - 1, 0, 1)
            draws, visits = generator("benchmark"), torch.zeros(count)
            sequence = [draw(draws, visits) for _ in range(4 if quick else 8)]
            images = structured_images(BATCH, shape)
            labels = torch.arange(BATCH) % network.classes
            separate, shared = (_Steps(deepcopy(network), images, labels) for _ in range(2))
            difference = max(
                relative_difference(
                    shared.gradients(shared.together, stitches),
                    separate.gradients(separate.one_by_one, stitches),
                )
                for stitches in sequence[:4]
            )
            plain, ours, _, _ = side_by_side(
                partial(separate.run, separate.one_by_one, sequence),
                partial(shared.run, shared.together, sequence),
                repeats=3 if quick else 31,
            )
            yield Result("sandwich_step", case, plain, ours, difference, TOLERANCE, target=1.0)


class _Steps:
    """Training steps of one copy of the network."""

    def __init__(self, network: StitchedNetwork, images: Tensor, labels: Tensor) -> None:
        self.network, self.images, self.labels = network, images, labels
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def run(self, backward: Backward, sequence: list[list[int]]) -> None:
        for stitches in sequence:
            self.optimizer.zero_grad(set_to_none=True)
            backward(stitches)
            self.optimizer.step()

    def gradients(self, backward: Backward, stitches: list[int]) -> list[Tensor]:
        self.optimizer.zero_grad(set_to_none=True)
        backward(stitches)
        return [p.grad.clone() for p in self.network.parameters() if p.grad is not None]

    def one_by_one(self, stitches: list[int]) -> None:
        """A pass forward and back for each."""
        largest, *others = stitches
        logits = self.network(self.images, largest)
        self._hard(logits).backward()
        soft = logits.detach().softmax(1)
        for stitch_ in others:
            functional.cross_entropy(self.network(self.images, stitch_), soft).backward()

    def together(self, stitches: list[int]) -> None:
        """One pass forward and back for all, work shared."""
        largest, *others = run_stitches(self.network, self.images, stitches)
        soft = largest.detach().softmax(1)
        losses = [functional.cross_entropy(logits, soft) for logits in others]
        torch.stack([self._hard(largest), *losses]).sum().backward()

    def _hard(self, logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, self.labels, label_smoothing=LABEL_SMOOTHING)
