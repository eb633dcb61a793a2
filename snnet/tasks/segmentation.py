"""Semantic segmentation: maps of logits (B, classes, h, w), maps of labels (B, H, W)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from snnet.tasks.base import Task
from snnet.tasks.maps import scaled
from snnet.tasks.scores import MIOU

IGNORED = 255  # the label of pixels that neither teach nor test


class Segmentation(Task):
    """A class for each pixel. Labels may be bytes; outputs are scaled to their size."""

    score = MIOU
    measured = ("loss", "intersection of each class", "union of each class")

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        """Mean cross-entropy over the pixels that have a label."""
        total = functional.cross_entropy(
            scaled(outputs, targets),
            targets.long(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=label_smoothing,
        )
        return total / (targets != IGNORED).sum().clamp(min=1)

    def distil(
        self, outputs: Tensor, taught: Tensor, kind: Literal["hard", "soft"], temperature: float
    ) -> Tensor:
        """Learn the teacher's largest logit of each position, or the distribution of its logits."""
        outputs = scaled(outputs, taught)
        if kind == "hard":
            return functional.cross_entropy(outputs, taught.argmax(1))
        learned, known = (outputs / temperature).log_softmax(1), (taught / temperature).softmax(1)
        of_positions = functional.kl_div(learned, known, reduction="none").sum(1)
        return temperature**2 * of_positions.mean()

    def follow(self, outputs: Tensor, largest: Tensor) -> Tensor:
        """Learn the largest's soft output of each position."""
        return functional.cross_entropy(scaled(outputs, largest), largest.detach().softmax(1))

    def total(self, outputs: Tensor, targets: Tensor) -> float:
        """The mean IoU of each image's own classes, added up."""
        counts = _counts(outputs, targets).double().cpu().numpy()
        return float(sum(mean_iou(*one) for one in counts.swapaxes(0, 1)))

    def measure(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        """Cross-entropy of each image, and intersections and unions (pixels) of its classes."""
        return np.stack([_measured(one, targets) for one in outputs], axis=1)

    def summarise(self, measured: np.ndarray, outputs: int) -> dict[str, Any]:
        """Mean IoU and share of pixels that are right over all images together, and mean loss."""
        intersections, unions = measured[1:].sum(axis=1).reshape(2, outputs)
        # a pixel that is wrong stands in the unions of two classes
        pixels = (unions.sum() + intersections.sum()) / 2
        return {
            "miou": mean_iou(intersections, unions),
            "pixels": float(intersections.sum() / pixels) if pixels else 0.0,
            "loss": float(measured[0].mean()),
        }


def mean_iou(intersections: np.ndarray, unions: np.ndarray) -> float:
    """Mean over classes of intersection by union; classes that nobody has seen do not count."""
    seen = unions > 0
    return float((intersections[seen] / unions[seen]).mean()) if seen.any() else 0.0


def _counts(outputs: Tensor, targets: Tensor) -> Tensor:
    """Intersections and unions (2, B, classes) of each image, in pixels that have a label."""
    batch, classes = outputs.shape[:2]
    found, labels = scaled(outputs, targets).argmax(1), targets.long()
    of_image = torch.arange(batch, device=outputs.device)[:, None, None] * classes**2
    pairs = (of_image + labels * classes + found)[labels != IGNORED]
    table = torch.bincount(pairs, minlength=batch * classes**2).view(batch, classes, classes)
    both = table.diagonal(dim1=1, dim2=2)
    return torch.stack([both, table.sum(1) + table.sum(2) - both])


def _measured(outputs: Tensor, targets: Tensor) -> np.ndarray:
    """What is measured (1 + 2 classes, B) of one sub-network."""
    losses = functional.cross_entropy(
        scaled(outputs, targets), targets.long(), ignore_index=IGNORED, reduction="none"
    )
    labelled = (targets != IGNORED).sum((1, 2)).clamp(min=1)
    counts = _counts(outputs, targets).double().transpose(1, 2).flatten(0, 1)
    return torch.cat([(losses.sum((1, 2)) / labelled)[None].double(), counts]).cpu().numpy()


SEGMENTATION = Segmentation()
