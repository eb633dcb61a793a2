"""Losses of sub-networks that learn from targets, and from a teacher."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from snnet.config import StitchingConfig
from snnet.tasks.base import Task
from snnet.teacher_answers import Mark, TeacherAnswers


class Supervision:
    """The loss of a sub-network that learns from targets, and from a teacher if there is one."""

    def __init__(
        self,
        config: StitchingConfig,
        task: Task,
        teacher: nn.Module | None = None,
        answers: TeacherAnswers | None = None,
    ) -> None:
        """`answers`: of the teacher, kept by earlier runs, where settings ask for them."""
        self.task = task
        self.kind: Literal["none", "hard", "soft"] = config.distillation
        self.alpha = config.distillation_alpha
        self.temperature = config.distillation_temperature
        self.label_smoothing = config.label_smoothing
        self.teacher = teacher.eval().requires_grad_(False) if teacher is not None else None
        self.answers = answers

    def mark(self, images: Tensor) -> Mark | None:
        """What tells these images, not yet mixed, from others; None where no answers are kept."""
        return Mark.of(images) if self.answers else None

    def ask(self, images: Tensor, place: tuple[int, int, int], mark: Mark | None) -> Tensor | None:
        """The teacher's outputs, kept ones where there are such; None without a teacher.

        Arguments:
            place: epoch, step, and number of the slice.
            mark: of the images before they were mixed.
        """
        if self.answers is None or mark is None:
            return self._outputs(images)
        kept = self.answers.of(*place, mark, partial(self._outputs, images))
        return kept.to(images.device)

    @torch.no_grad()
    def _outputs(self, images: Tensor) -> Tensor | None:
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
