"""Classification, of images or texts: logits (B, classes), labels (B)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snnet.data.augmentation import mix
from snnet.recipe import Augmentation
from snnet.tasks.base import Task
from snnet.tasks.scores import TOP1


class Classification(Task):
    """One class an example. Targets are labels (B), or soft ones (B, classes) of mixed images."""

    score = TOP1
    measured = ("loss", "top1", "top5")

    def mix(
        self,
        inputs: Tensor,
        targets: Tensor,
        augmentation: Augmentation,
        outputs: int,
        label_smoothing: float,
        *purpose: object,
    ) -> tuple[Tensor, Tensor]:
        """Mixup and cutmix, see `snnet.data.augmentation.mix`."""
        return mix(inputs, targets, augmentation, outputs, label_smoothing, *purpose)

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        """Mean cross-entropy. Soft targets come from mixup, which has smoothed them already."""
        smoothing = label_smoothing if targets.ndim == 1 else 0.0
        return functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    def distil(
        self, outputs: Tensor, taught: Tensor, kind: Literal["hard", "soft"], temperature: float
    ) -> Tensor:
        """Learn the teacher's largest logit as a label, or the distribution of its logits.

        Hard: DeiT, Touvron et al. 2021, section 4; soft: Hinton et al.
        """
        if kind == "hard":
            return functional.cross_entropy(outputs, taught.argmax(1))
        learned, known = (outputs / temperature).log_softmax(1), (taught / temperature).softmax(1)
        return temperature**2 * functional.kl_div(learned, known, reduction="batchmean")

    def follow(self, outputs: Tensor, largest: Tensor) -> Tensor:
        """Learn the largest's soft output (BigNAS, section 3.1)."""
        return functional.cross_entropy(outputs, largest.detach().softmax(1))

    def total(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """How many examples are right."""
        return (outputs.argmax(1) == targets).sum()

    def measure(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        """Cross-entropy (nats), and whether the label is the first, or among the first five."""
        loss = torch.stack(
            [functional.cross_entropy(one, targets, reduction="none") for one in outputs]
        )
        top = outputs.topk(min(5, outputs.shape[2]), dim=2).indices == targets[None, :, None]
        stacked = torch.stack([loss, top[..., 0].float(), top.any(2).float()])
        return stacked.double().cpu().numpy()

    def summarise(self, measured: np.ndarray, outputs: int) -> dict[str, Any]:
        """Shares of examples, mean loss, and a bit an example, packed by numpy.packbits.

        `top5` is None with five classes or fewer, where it says nothing.
        """
        loss, top1, top5 = measured
        return {
            "top1": float(top1.mean()),
            "top5": float(top5.mean()) if outputs > 5 else None,
            "loss": float(loss.mean()),
            "correct": np.packbits(top1.astype(bool)).tobytes(),
        }


CLASSIFICATION = Classification()
