"""The cost-accuracy front: what a user gets who takes the best sub-network within a budget.

Torch-free. A table holds one row a sub-network, with columns `macs`, `is_anchor` and the score,
which is `top1` (share of the test images) unless another is named, and better where it is higher
unless the goal is `minimize`. The best of many by some images
is flattered by these images, so the one within a budget is chosen by the images held out for it,
where the table has their score, and told by its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def held_out(score: str) -> str:
    """The column of a score on images that were held out for choosing."""
    return f"{score}_validation"


def chosen_by(stitches: pd.DataFrame, score: str = "top1") -> str:
    """The column by which the best within a budget is chosen, to be told by `score`."""
    return held_out(score) if held_out(score) in stitches else score


def pareto_front(
    stitches: pd.DataFrame, score: str = "top1", goal: str = "maximize"
) -> pd.DataFrame:
    """The rows that no cheaper or equally costly row beats, by `macs`.

    What they are chosen by improves strictly; the score itself need not.
    """
    return stitches.iloc[_front(stitches, score, goal)]


def _front(stitches: pd.DataFrame, score: str, goal: str) -> NDArray[np.intp]:
    """The places of the rows of `pareto_front`: claims ask for it thousands of times."""
    macs = stitches.macs.to_numpy(dtype=float)
    by = stitches[chosen_by(stitches, score)].to_numpy(dtype=float)
    by = -by if goal == "minimize" else by
    order = np.lexsort((-by, macs))
    best = np.fmax.accumulate(np.concatenate([[-np.inf], by[order]]))[:-1]
    return order[by[order] > best]


def front_at(
    stitches: pd.DataFrame, macs: Array, score: str = "top1", goal: str = "maximize"
) -> Array:
    """The score of the best within each budget of `macs`; no number below the cheapest stitch."""
    front = _front(stitches, score, goal)
    costs, scores = (stitches[name].to_numpy(dtype=float)[front] for name in ("macs", score))
    row = np.searchsorted(costs, macs, side="right") - 1
    return np.where(row >= 0, scores[np.maximum(row, 0)], np.nan)


def front_area(stitches: pd.DataFrame, score: str = "top1", goal: str = "maximize") -> float:
    """Mean of the front over budgets, uniform from the cheapest to the costliest anchor's MACs.

    In the unit of the score: 0.9 top-1 says that the best sub-network within a budget is correct
    on 90 % of the images, on average over budgets. Not a number without anchors.
    """
    anchors = stitches[stitches.is_anchor].macs
    low, high = float(anchors.min()), float(anchors.max())
    if low == high:
        return float(front_at(stitches, np.array([high]), score, goal)[0])
    inside = stitches.macs[(stitches.macs > low) & (stitches.macs < high)]
    edges = np.unique(np.concatenate([[low, high], inside.to_numpy(dtype=float)]))
    heights = front_at(stitches, edges[:-1], score, goal)
    return float(np.sum(heights * np.diff(edges)) / (high - low))
