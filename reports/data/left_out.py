"""Runs as they would be, had some of the test images not been there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ablations.study.metric import Table
from ablations.tracking.reader import TrackedRun
from reports.statistics.images import GROUPS


def without_images(run: TrackedRun, table: Table | None) -> list[TrackedRun]:
    """The run with each of GROUPS groups of its test items left out in turn, in a fixed order.

    An item is in the same group in all runs, whichever of them tested it. Scores that are shares
    of the items (`Metric.bits`) are of the rest; all else stays. Empty where the run's table does
    not tell which items were correct, or is scored by what is no share of them.
    """
    if table is None or not table.items or table.items not in run.table or run.table.empty:
        return []
    items = np.frombuffer(run.table[table.items].iloc[0], "<i4")
    groups = items % GROUPS
    scores = {
        one.name: _shares(run.table[one.bits], groups)
        for one in table.scores
        if one.bits and one.bits in run.table
    }
    if not scores:  # nothing would change, as if other items made no difference
        return []
    return [
        replace(run, table=run.table.assign(**{name: of[group] for name, of in scores.items()}))
        for group in range(GROUPS)
    ]


def _shares(bits: pd.Series[bytes], groups: NDArray[np.int32]) -> NDArray[np.float64]:
    """(GROUPS, rows): the share of items that are correct, of all but one group."""
    packed = np.stack([np.frombuffer(one, np.uint8) for one in bits])
    correct = np.unpackbits(packed, axis=1, count=len(groups)).astype(float)
    member = np.equal.outer(groups, np.arange(GROUPS)).astype(float)
    left = correct.sum(axis=1, keepdims=True) - correct @ member
    shares: NDArray[np.float64] = (left / (len(groups) - member.sum(axis=0))).T
    return shares
