"""What the charts of the MLflow UI draw of the tables of runs: one curve a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ablations.study.metric import Goal
from ablations.study.plan import Plan
from ablations.study.presentation import Chart
from ablations.tracking.names import curve_metric, over_metric

if TYPE_CHECKING:
    import pandas as pd

GRID = 100  # points of a curve of best values


class Curve(NamedTuple):
    """A chart of a table, as metrics hold it.

    Attributes:
        kind: what a point tells of the rows: "best" of those with at most so much of `over`, so
            that what MLflow shows of a whole run, the last point, is its best; "mean" of those
            with just as much, where more is neither better nor worse.
        over: the column that it is drawn over; None: the index.
    """

    kind: str
    table: str
    column: str
    over: str | None
    goal: Goal | None

    @property
    def metric(self) -> str:
        """The metric that holds the values."""
        return curve_metric(self.table, self.kind, self.column, self.over)

    @property
    def over_metric(self) -> str | None:
        """The metric that holds what they are drawn over, at the same steps."""
        return over_metric(self.table, self.kind == "best", self.over) if self.over else None

    def points(self, table: pd.DataFrame) -> pd.Series:
        """The values by what they are drawn over; empty where the table lacks a column."""
        import numpy as np
        import pandas as pd

        if not {self.column, *filter(None, [self.over])} <= {*table.columns}:
            return pd.Series(dtype=float)
        over = table[self.over] if self.over else table.index.to_series()
        rows = pd.Series(table[self.column].to_numpy(float), over.to_numpy(float)).sort_index()
        rows = rows[rows.index.notna()]
        most = rows.index.max()
        rows = rows.dropna()
        if self.kind == "mean" or rows.empty:
            return rows.groupby(level=0).mean()
        best = rows.cummin() if self.goal == "minimize" else rows.cummax()
        # the same x in all runs whose costliest row costs the same: MLflow averages over equal x
        grid = np.linspace(min(0.0, rows.index[0]), most, GRID + 1)
        last = np.searchsorted(rows.index, grid, side="right") - 1
        return pd.Series(best.to_numpy()[last], grid)[last >= 0]


def curve_of(plan: Plan, chart: Chart) -> Curve | None:
    """How metrics hold a chart; None where it shows what runs log while they go on."""
    if chart.table is None:
        return None
    scores = plan.table.scores if plan.table and plan.table.name == chart.table else ()
    goal = next((score.goal for score in scores if score.name == chart.metric), None)
    kind = "best" if goal and chart.over else "mean"
    return Curve(kind, chart.table, chart.metric, chart.over, goal)
