"""Optimiser and learning-rate schedule, from timm."""

from __future__ import annotations

from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.scheduler.scheduler import Scheduler
from torch import nn
from torch.optim import Optimizer

from snnet.config import Recipe, StitchingConfig


def create_optimisation(
    model: nn.Module, recipe: Recipe | StitchingConfig, steps_per_epoch: int
) -> tuple[Optimizer, Scheduler]:
    """AdamW over the trainable parameters, and a per-step cosine schedule with linear warm-up.

    Biases, norm weights and position embeddings are not decayed (timm's rule). Call
    `step_update(n)` with the number of steps done; the schedule itself has no state to save.
    """
    optimizer = create_optimizer_v2(
        model, opt="adamw", lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
        warmup_lr=recipe.learning_rate / 100,
        min_lr=recipe.learning_rate / 100,
        step_on_epochs=False,
        updates_per_epoch=steps_per_epoch,
    )
    scheduler.step_update(0)
    return optimizer, scheduler
