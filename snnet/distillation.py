"""Losses of sub-networks that learn from targets, and from a teacher."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from snnet.config import StitchingConfig
from snnet.tasks.base import Task


class Supervision:
    """The loss of a sub-network that learns from targets, and from a teacher if there is one."""

    def __init__(
        self, config: StitchingConfig, task: Task, teacher: nn.Module | None = None
    ) -> None:
        self.task = task
        self.kind: Literal["none", "hard", "soft"] = config.distillation
        self.alpha = config.distillation_alpha
        self.temperature = config.distillation_temperature
        self.label_smoothing = config.label_smoothing
        self.teacher = teacher.eval().requires_grad_(False) if teacher is not None else None

    @torch.no_grad()
    def ask(self, images: Tensor) -> Tensor | None:
        """The teacher's outputs, or None without one."""
        return self.teacher(images).float() if self.teacher is not None else None

    def loss(self, outputs: Tensor, targets: Tensor, taught: Tensor | None) -> Tensor:
        """Mean loss of outputs.

        Arguments:
            taught: the teacher's outputs.
        """
        loss = self.task.loss(outputs, targets, self.label_smoothing)
        if taught is None or self.kind == "none":
            return loss
        distilled = self.task.distil(outputs, taught, self.kind, self.temperature)
        return (1 - self.alpha) * loss + self.alpha * distilled
