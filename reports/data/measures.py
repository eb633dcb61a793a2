"""What claims compare: numbers of one run, in percent, read off its table of stitches.

A measure takes the table `stitch` of a run (see `snnet.experiment.stitch_table`) and gives a series
over routes, or a series of one number for the whole run.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ablations.errors import UserError, nearest
from snnet.front import front_area


def _stitches(table: pd.DataFrame) -> pd.DataFrame:
    """The rows without the anchors, by route."""
    return table[~table.is_anchor].set_index("route")


def _of_run(value: float) -> pd.Series[float]:
    return pd.Series({"run": 100 * value})


def _anchor_gain(table: pd.DataFrame) -> pd.Series[float]:
    anchors = table[table.is_anchor].set_index("route")
    return 100 * (anchors.top1 - anchors.top1_before)


def _steps(table: pd.DataFrame) -> pd.Series[float]:
    """The change from each sub-network to the next costlier one."""
    ordered = table.sort_values("macs").set_index("route")
    return 100 * ordered.top1.diff().dropna()


MEASURES: dict[str, Callable[[pd.DataFrame], pd.Series[float]]] = {
    "top1": lambda table: 100 * _stitches(table).top1,
    "top1_before": lambda table: 100 * _stitches(table).top1_before,
    "loss": lambda table: 100 * (_stitches(table).top1_before - _stitches(table).top1),
    "anchor_gain": _anchor_gain,
    "front_area": lambda table: _of_run(front_area(table)),
    "rank_correlation": lambda table: _of_run(stats.spearmanr(table.macs, table.top1).statistic),
    "step": _steps,
}
UNITS = {"rank_correlation": "hundredths"}  # of the others: percentage points


def measure(name: str, table: pd.DataFrame) -> pd.Series[float]:
    """A measure of one run.

    Raises:
        UserError: there is none of that name.
    """
    if name not in MEASURES:
        raise UserError(f"there is no measure {name!r}: {nearest(name, MEASURES)}")
    return MEASURES[name](table)


def differences(
    name: str, one: pd.DataFrame, other: pd.DataFrame | None, pairing: str
) -> NDArray[np.float64]:
    """A measure of one run, less that of another, pair by pair.

    Arguments:
        other: None: the measure itself.
        pairing: `route`, or empty: what both have of the same name. `macs`: each stitch of the
            first, less what the second gives for as many MACs (linear between its stitches),
            inside its range.
    """
    mine = measure(name, one)
    if other is None:
        return np.asarray(mine, dtype=float)
    theirs = measure(name, other)
    if pairing != "macs":
        both = mine.index.intersection(theirs.index)
        return np.asarray(mine[both] - theirs[both], dtype=float)
    macs, their_macs = (table.set_index("route").macs for table in (one, other))
    curve = theirs.groupby(their_macs[theirs.index]).mean()
    costs = macs[mine.index].to_numpy(dtype=float)
    inside = (costs >= curve.index.min()) & (costs <= curve.index.max())
    expected = np.interp(costs[inside], curve.index.to_numpy(dtype=float), curve.to_numpy())
    return np.asarray(mine, dtype=float)[inside] - expected
