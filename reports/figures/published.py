"""What the authors of SN-Net released for the study's family, in the style of our own figures."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reports.data.levels import NothingToDrawError
from reports.data.paper import SOURCE, published
from reports.data.subject import Subject
from reports.drawing.drawing import (
    GREY,
    anchor_handle,
    groups,
    handle_of,
    legend,
    name_anchors,
    scatter,
)
from reports.drawing.figure import FigureKind
from reports.drawing.scales import cost_axis, macs_label, macs_unit
from snnet.front import pareto_front


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network; a series for each pair of anchors and stage."""
    plan = subject.study.plan
    rows = published(plan.scale, plan.family)
    if rows is None:
        raise NothingToDrawError(
            f"the authors published nothing for family {plan.family} at scale {plan.scale}"
        )
    several = rows.stage.nunique() > 1
    stage = ", stage " + rows.stage.astype("Int64").astype(str) if several else ""
    series = (rows.between + stage).where(~rows.is_anchor, "anchor")
    return rows.assign(series=series, family=plan.family)


def draw(data: pd.DataFrame) -> Figure:
    """A marker for each series; the line is the Pareto front."""
    figure, axes = plt.subplots()
    unit = macs_unit(data.macs)
    series = groups(data[~data.is_anchor], "series")
    for number, _, rows in series:
        scatter(axes, number, rows, rows.macs / unit, rows.top1)
    anchors = data[data.is_anchor]
    scatter(axes, 0, anchors, anchors.macs / unit, anchors.top1)
    front = pareto_front(data)
    axes.step(front.macs / unit, front.top1, where="post", color=GREY, linewidth=0.9, zorder=1)
    cost_axis(axes, data.macs / unit)
    name_anchors(axes, anchors, anchors.macs / unit, anchors.top1)
    axes.set_xlabel(macs_label(data.macs))
    axes.set_ylabel("top-1 accuracy (%)")
    handles = [*(handle_of(number, line=False) for number, _, _ in series), anchor_handle()]
    legend(figure, handles, [*(name for _, name, _ in series), "anchor"])
    return figure


def caption(data: pd.DataFrame) -> str:
    """The source, and how many points it has."""
    return (
        f"Top-1 over MACs of the {len(data)} sub-networks of family {data.family.iloc[0]} in "
        f"{SOURCE}. Stars are anchors, the line is the Pareto front. One seed: no interval can be "
        "given."
    )


FIGURE = FigureKind("The authors' own points", "study", 50, data, draw, caption)
