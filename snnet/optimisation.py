"""Optimiser and learning-rate schedule, from timm."""

from __future__ import annotations

from typing import Any

from timm.optim import create_optimizer_v2, param_groups_weight_decay
from timm.scheduler import create_scheduler_v2
from timm.scheduler.scheduler import Scheduler
from torch import nn
from torch.optim import Optimizer

from snnet.config import StitchingConfig
from snnet.recipe import Recipe

LOWEST = 100  # the schedule starts and ends at this part of the learning rate


def create_optimisation(
    modules: dict[nn.Module, float], recipe: Recipe | StitchingConfig, steps_per_epoch: int
) -> tuple[Optimizer, Scheduler]:
    """Optimiser over the trainable parameters, and a per-step cosine schedule with warm-up.

    Biases, norm weights and position embeddings are not decayed (timm's rule). Call
    `step_update(n)` with the number of steps done; the schedule itself has no state to save.

    Arguments:
        modules: what is trained, each with its learning rate as a multiple of the recipe's.
    """
    rate = recipe.learning_rate
    groups: list[dict[str, Any]] = [
        {**group, "lr": rate, "lr_scale": factor}  # scales the whole schedule, floor included
        for module, factor in modules.items()
        for group in param_groups_weight_decay(
            module, recipe.weight_decay, no_weight_decay_list=tuple(_exempt(module))
        )
    ]
    # torch's fused SGD cannot take parameters that have no momentum yet, as those of stitches
    # that were not visited
    sgd = getattr(recipe, "optimizer", "adamw") == "sgd"
    optimizer = create_optimizer_v2(
        [group for group in groups if group["params"]],
        opt="sgd" if sgd else "adamw",
        lr=rate,
        weight_decay=recipe.weight_decay,
        momentum=0.9,
        fused=not sgd,
    )
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
        warmup_lr=rate / LOWEST,
        min_lr=rate / LOWEST,
        step_on_epochs=False,
        updates_per_epoch=steps_per_epoch,
    )
    scheduler.step_update(0)
    return optimizer, scheduler


def _exempt(module: nn.Module) -> set[str]:
    """Names of parameters that timm exempts, such as position embeddings, in module or children."""
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, child in module.named_modules()
        if hasattr(child, "no_weight_decay")
        for name in child.no_weight_decay()
    }
