"""What a task is. Stitching, sampling, costs, checkpoints and export know none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
from torch import Tensor

from snnet.recipe import Augmentation
from snnet.tasks.scores import Score


class Task(ABC):
    """What outputs (B, ...) of a network mean, how it learns them, and how they are scored.

    Attributes:
        score: the one that counts most; whoever chooses, chooses by it.
        measured: names of what `measure` finds of each example.
    """

    score: Score
    measured: tuple[str, ...]

    def mix(
        self,
        inputs: Tensor,
        targets: Tensor,
        augmentation: Augmentation,
        outputs: int,
        label_smoothing: float,
        *purpose: object,
    ) -> tuple[Tensor, Tensor]:
        """Inputs of a batch mixed with each other, and their targets; as they are by default.

        Arguments:
            outputs: how many channels the network gives.
            purpose: seeds the draws, see `snnet.seeding.generator`.
        """
        return inputs, targets

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        """Mean loss of outputs to targets."""

    @abstractmethod
    def distil(
        self, outputs: Tensor, taught: Tensor, kind: Literal["hard", "soft"], temperature: float
    ) -> Tensor:
        """Mean loss of outputs to those of a teacher."""

    @abstractmethod
    def follow(self, outputs: Tensor, largest: Tensor) -> Tensor:
        """Mean loss of outputs to those of the step's largest sub-network, which learns nothing."""

    @abstractmethod
    def total(self, outputs: Tensor, targets: Tensor) -> Tensor | float:
        """The score, added up over the examples of a training batch.

        A tensor of one element may stay on its device, so that a step need not wait for it.
        """

    @abstractmethod
    def measure(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        """What is `measured` of each example: float64 (measured, sub-networks, B).

        Arguments:
            outputs: (sub-networks, B, ...).
        """

    @abstractmethod
    def summarise(self, measured: np.ndarray, outputs: int) -> dict[str, Any]:
        """Columns of one sub-network, its score among them.

        Arguments:
            measured: (measured, examples).
            outputs: how many channels the network gives.
        """
