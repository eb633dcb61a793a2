"""The cost-accuracy front: what a user gets who takes the best sub-network within a budget.

Torch-free. A table holds one row a sub-network, with columns `macs`, `is_anchor` and the score,
which is `top1` (share of the test images) unless another is named.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pareto_front(stitches: pd.DataFrame, score: str = "top1") -> pd.DataFrame:
    """The rows that no cheaper or equally costly row beats, by `macs`; the score rises strictly."""
    ordered = stitches.sort_values(["macs", score], ascending=[True, False])
    best_before = ordered[score].cummax().shift(fill_value=-np.inf)
    return ordered[ordered[score] > best_before]


def front_at(stitches: pd.DataFrame, macs: Array, score: str = "top1") -> Array:
    """The best score within each budget of `macs`; not a number below the cheapest stitch."""
    front = pareto_front(stitches, score)
    row = np.searchsorted(front.macs.to_numpy(), macs, side="right") - 1
    return np.where(row >= 0, front[score].to_numpy()[np.maximum(row, 0)], np.nan)


def front_area(stitches: pd.DataFrame, score: str = "top1") -> float:
    """Mean of the front over budgets, uniform from the cheapest to the costliest anchor's MACs.

    In the unit of the score: 0.9 top-1 says that the best sub-network within a budget is correct
    on 90 % of the images, on average over budgets. Not a number without anchors.
    """
    anchors = stitches[stitches.is_anchor].macs
    low, high = float(anchors.min()), float(anchors.max())
    if low == high:
        return float(front_at(stitches, np.array([high]), score)[0])
    inside = stitches.macs[(stitches.macs > low) & (stitches.macs < high)]
    edges = np.unique(np.concatenate([[low, high], inside.to_numpy(dtype=float)]))
    return float(np.sum(front_at(stitches, edges[:-1], score) * np.diff(edges)) / (high - low))
