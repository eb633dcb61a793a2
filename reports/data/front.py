"""The cost-accuracy front: what a user gets who takes the best sub-network within a budget."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def pareto_front(stitches: pd.DataFrame) -> pd.DataFrame:
    """The rows that no cheaper or equally dear row beats, by `macs`; `top1` rises strictly."""
    ordered = stitches.sort_values(["macs", "top1"], ascending=[True, False])
    best_before = ordered.top1.cummax().shift(fill_value=-np.inf)
    return ordered[ordered.top1 > best_before]


def front_at(stitches: pd.DataFrame, macs: Array) -> Array:
    """The best top-1 within each budget of `macs`; not a number below the cheapest stitch."""
    front = pareto_front(stitches)
    place = np.searchsorted(front.macs.to_numpy(), macs, side="right") - 1
    return np.where(place >= 0, front.top1.to_numpy()[np.maximum(place, 0)], np.nan)


def front_area(stitches: pd.DataFrame) -> float:
    """Mean of the front over budgets, uniform from the cheapest to the dearest anchor's MACs.

    In the unit of `top1`: 0.9 says that the best sub-network within a budget is right on 90 % of
    the images, on average over budgets.
    """
    anchors = stitches[stitches.is_anchor].macs
    low, high = float(anchors.min()), float(anchors.max())
    if low == high:
        return float(front_at(stitches, np.array([high]))[0])
    inside = stitches.macs[(stitches.macs > low) & (stitches.macs < high)]
    edges = np.unique(np.concatenate([[low, high], inside.to_numpy(dtype=float)]))
    return float(np.sum(front_at(stitches, edges[:-1]) * np.diff(edges)) / (high - low))
