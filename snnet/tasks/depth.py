"""Depth of each pixel: maps of logarithms (B, 1, h, w), maps of depths (B, H, W) in metres."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from snnet.tasks.base import Task
from snnet.tasks.maps import scaled
from snnet.tasks.scores import ABS_REL

CLOSE = 1.25  # times too far or too near, at most, as Eigen et al. 2014 count


class Depth(Task):
    """The logarithm of a depth for each pixel; where a target is 0 there is none."""

    score = ABS_REL
    measured = ("loss", "abs_rel", "squares", "close")

    def loss(self, outputs: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
        """Mean absolute error of the logarithm, over the pixels that have a depth."""
        error, known = _errors(outputs, targets)
        return error.abs().sum() / known.sum().clamp(min=1)

    def distil(
        self, outputs: Tensor, taught: Tensor, kind: Literal["hard", "soft"], temperature: float
    ) -> Tensor:
        """Mean absolute error of the logarithm to the teacher's, whichever kind is asked for."""
        return (scaled(outputs, taught) - taught).abs().mean()

    def follow(self, outputs: Tensor, largest: Tensor) -> Tensor:
        """Mean absolute error of the logarithm to the largest's."""
        return (scaled(outputs, largest) - largest.detach()).abs().mean()

    def total(self, outputs: Tensor, targets: Tensor) -> float:
        """The absolute relative error of each image, added up."""
        return float(_measured(outputs, targets)[1].sum())

    def measure(self, outputs: Tensor, targets: Tensor) -> np.ndarray:
        """Means over each image's pixels that have a depth.

        The loss, the error relative to the depth, the squared error (square metres), and the share
        that is at most CLOSE times too far or too near.
        """
        return np.stack([_measured(one, targets) for one in outputs], axis=1)

    def summarise(self, measured: np.ndarray, outputs: int) -> dict[str, Any]:
        """Means over images; `rmse` (metres) is the root of the mean squared error."""
        loss, relative, squares, close = measured.mean(axis=1)
        return {
            "abs_rel": float(relative),
            "rmse": float(np.sqrt(squares)),
            "close": float(close),
            "loss": float(loss),
        }


def _errors(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Errors of the logarithm (B, H, W), 0 where there is no depth, and where there is one."""
    known = targets > 0
    wanted = torch.where(known, targets, 1.0).log()
    return torch.where(known, scaled(outputs, targets)[:, 0] - wanted, 0.0), known


def _measured(outputs: Tensor, targets: Tensor) -> np.ndarray:
    """What is measured (4, B) of one sub-network."""
    error, known = (one.double() for one in _errors(outputs, targets))
    wrong = targets * error.expm1()  # metres
    measures = [error, error.expm1(), wrong**2, (error.abs() <= np.log(CLOSE)) * known]
    counts = known.sum((1, 2)).clamp(min=1)
    found = [one.abs().sum((1, 2)) / counts for one in measures]
    return torch.stack(found).detach().cpu().numpy()


DEPTH = Depth()
