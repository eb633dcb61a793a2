"""What a network trained alone has above the same one in a joint network, as arrows."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from ablations.study.metric import Metric
from reports.drawing.captions import listed
from reports.statistics.interval import number


def gaps_in(data: pd.DataFrame, score: Metric) -> pd.DataFrame:
    """A row a level that trained one network alone: its score, `joint` the baseline's of it."""
    baseline = data[data.level == data.level.iloc[0]]
    sizes = data.groupby("level").route.transform("size")
    alone = data[(sizes == 1) & (len(baseline) > 1)]
    joint = baseline[["route", score.name]].rename(columns={score.name: "joint"})
    found = alone.merge(joint, on="route")
    return found.assign(gap=found[score.name] - found.joint)


def draw_gaps(axes: Axes, gaps: pd.DataFrame, unit: float) -> None:
    """An arrow from the joint network's point to that of the one alone, and how long it is."""
    for row in gaps.to_dict("records"):
        place = row["macs"] / unit
        axes.annotate(
            "",
            (place, row["joint"] + row["gap"]),
            (place, row["joint"]),
            arrowprops={"arrowstyle": "->", "linewidth": 0.9, "shrinkA": 3, "shrinkB": 3},
            zorder=5,
        )
        axes.annotate(
            number(row["gap"], sign=True),
            (place, row["joint"] + row["gap"] / 2),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="x-small",
            zorder=6,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )


def gaps_sentence(gaps: pd.DataFrame, score: Metric) -> str:
    """How long the arrows are."""
    if gaps.empty:
        return ""
    told = [
        f"{number(row['gap'], sign=True)} {score.difference_unit} for {row['route']}"
        for row in gaps.to_dict("records")
    ]
    return f" Arrows lead from the joint network to the same one trained alone: {listed(told)}."
