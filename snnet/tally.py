"""What training steps gave, left on the device until it is read: reading waits for the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepLosses:
    """Losses of a slice's passes in one step.

    Attributes:
        losses: one of each stitch; the first is of the sub-network that learns from targets.
        count: of the slice's images.
    """

    step: int
    stitches: list[int]
    losses: list[Tensor]
    count: int


class Tally:
    """Sums over the steps of an epoch.

    Attributes:
        loss, score, seen: of all steps that were read; `seen` counts images.
    """

    def __init__(self, loss: float = 0.0, score: float = 0.0, seen: float = 0.0) -> None:
        self.loss, self.score, self.seen = loss, score, seen
        self._losses: list[StepLosses] = []
        self._scores: list[Tensor | float] = []

    def add_losses(self, losses: StepLosses) -> None:
        """Take in the losses of a slice."""
        self._losses.append(losses)

    def add_score(self, score: Tensor | float) -> None:
        """Take in the score of a slice, added up over its images."""
        self._scores.append(score)

    def read(self) -> tuple[int, int, float] | None:
        """Add up what came since the last call.

        Returns:
            Step, stitch and value of the first loss that is infinite or not a number.
        """
        tensors = [loss.detach().double() for one in self._losses for loss in one.losses]
        values = iter(torch.stack(tensors).tolist() if tensors else ())
        broken = None
        for one in self._losses:
            first = None
            for stitch in one.stitches:
                value = next(values)
                first = value if first is None else first
                if not math.isfinite(value):
                    broken = broken or (one.step, stitch, value)
            assert first is not None
            self.loss += first * one.count
            self.seen += one.count
        for score in self._scores:
            self.score += float(score)
        self._losses, self._scores = [], []
        return broken
