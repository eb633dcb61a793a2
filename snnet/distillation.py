"""Losses of sub-networks, which learn from labels, a teacher, or the largest of their step."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from snnet.config import StitchingConfig


class Supervision:
    """The loss of a sub-network that learns from labels, and from a teacher if there is one."""

    def __init__(self, config: StitchingConfig, teacher: nn.Module | None = None) -> None:
        self.kind: Literal["none", "hard", "soft"] = config.distillation
        self.alpha = config.distillation_alpha
        self.temperature = config.distillation_temperature
        self.label_smoothing = config.label_smoothing
        self.teacher = teacher.eval().requires_grad_(False) if teacher is not None else None

    @torch.no_grad()
    def ask(self, images: Tensor) -> Tensor | None:
        """The teacher's logits (B, classes), or None without one."""
        return self.teacher(images).float() if self.teacher is not None else None

    def loss(self, logits: Tensor, targets: Tensor, taught: Tensor | None) -> Tensor:
        """Mean loss of logits (B, classes).

        Arguments:
            targets: labels (B), or soft targets (B, classes) that hold label smoothing already.
            taught: the teacher's logits. Hard distillation learns their largest as a label
                (DeiT, Touvron et al. 2021, section 4), soft their distribution (Hinton et al.).
        """
        loss = label_loss(logits, targets, self.label_smoothing)
        if taught is None:
            return loss
        if self.kind == "hard":
            distilled = functional.cross_entropy(logits, taught.argmax(1))
        else:
            warm = self.temperature
            distilled = warm**2 * functional.kl_div(
                (logits / warm).log_softmax(1), (taught / warm).softmax(1), reduction="batchmean"
            )
        return (1 - self.alpha) * loss + self.alpha * distilled


def label_loss(logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Mean cross-entropy of logits (B, classes) to labels (B) or soft targets (B, classes).

    Soft targets come from mixup, which has smoothed them already.
    """
    smoothing = label_smoothing if targets.ndim == 1 else 0.0
    return functional.cross_entropy(logits, targets, label_smoothing=smoothing)


def inplace_loss(logits: Tensor, largest: Tensor) -> Tensor:
    """Learn the soft output of the step's largest sub-network (BigNAS, section 3.1)."""
    return functional.cross_entropy(logits, largest.detach().softmax(1))
