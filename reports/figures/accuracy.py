"""Score over MACs: the figure of the SN-Net paper's section 4."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.paper import SOURCE, published
from reports.data.rivals import KINDS, rivals_of
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence
from reports.drawing.drawing import (
    GREY,
    anchor_handle,
    colour_of,
    groups,
    handle_of,
    keep_to_percent,
    legend,
    macs_axis,
    macs_unit,
    marker_of,
    score_in,
    stitch_rows,
    title_in,
    words_of,
)
from reports.drawing.figure import FigureKind
from reports.drawing.rivals import draw_rivals, rivals_sentence
from reports.drawing.style import COLUMN_INCHES
from snnet.front import chosen_by, pareto_front

PAPER = "SN-Net paper"


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network and level; on the paper's own scale also the paper's.

    Where the baseline's runs keep them, also those that need no joint training.
    """
    rows = stitch_rows(subject.levels).assign(axis=subject.axis or "")
    rivals = rivals_of(subject.baseline)
    if len(rivals):
        rows = pd.concat([rows, rivals], ignore_index=True)
    plan = subject.study.plan
    paper, name = published(plan.scale, plan.family), score_in(rows).name
    if paper is None or name not in paper:
        return rows
    paper = paper[["route", "anchors", "is_anchor", "macs", "params", name]]
    return pd.concat([rows, paper.assign(level=PAPER, seeds=1)], ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """A series and a Pareto front for each level; a larger point has more parameters."""
    figure, axes = plt.subplots(figsize=COLUMN_INCHES)
    unit = macs_unit(data.macs)
    levels, score = groups(_tracked(data)), score_in(data)
    largest = max(rows.params.max() for _, _, rows in levels)
    for number, _, rows in levels:
        _points(axes, number, rows, unit, largest)
        spread = rows.dropna(subset="half_width")
        axes.errorbar(
            spread.macs / unit,
            spread[score.name],
            spread.half_width,
            fmt="none",
            ecolor=colour_of(number),
            elinewidth=0.5,
            alpha=0.5,
        )
        front = pareto_front(rows, score.name, str(score.goal))
        axes.step(
            front.macs / unit,
            front[score.name],
            where="post",
            color=colour_of(number),
            linewidth=0.9,
            zorder=2,
        )
    handles = [handle_of(number) for number, _, _ in levels]
    names = [name for _, name, _ in levels]
    paper = data[data.level == PAPER]
    if len(paper):
        handles.append(_paper(axes, paper, unit, score.name))
        names.append(PAPER)
    keep_to_percent(axes)
    for name, handle in draw_rivals(axes, data, unit, score).items():
        handles.append(handle)
        names.append(name)
    macs_axis(axes, data.macs)
    axes.set_ylabel(score.label)
    legend(figure, [*handles, anchor_handle()], [*names, "anchor"])
    return figure


def _tracked(data: pd.DataFrame) -> pd.DataFrame:
    """The rows of the study's levels."""
    return data[~data.level.isin([PAPER, *KINDS.values()])]


def _points(axes: Axes, number: int, rows: pd.DataFrame, unit: float, largest: float) -> None:
    name = score_in(rows).name
    for is_anchor, marker in ((False, marker_of(number)), (True, "*")):
        part = rows[rows.is_anchor == is_anchor]
        sizes = (30 if is_anchor else 6) + 34 * part.params / largest
        axes.scatter(
            part.macs / unit,
            part[name],
            s=sizes * (2 if is_anchor else 1),
            marker=marker,
            facecolor=colour_of(number) if is_anchor else "none",
            edgecolor="white" if is_anchor else colour_of(number),
            linewidth=0.5 if is_anchor else 0.8,
            zorder=4 if is_anchor else 3,
            urls=words_of(part),
        )


def _paper(axes: Axes, rows: pd.DataFrame, unit: float, score: str) -> Line2D:
    """Draw the paper's points below all else, hollow and grey."""
    for is_anchor, marker, size in ((False, "o", 3.5), (True, "*", 8)):
        part = rows[rows.is_anchor == is_anchor]
        axes.plot(
            part.macs / unit,
            part[score],
            linestyle="",
            marker=marker,
            markersize=size,
            color=GREY,
            markerfacecolor="none",
            markeredgewidth=0.7,
            zorder=1,
        )
    return Line2D([], [], marker="o", markersize=3.5, color=GREY, markerfacecolor="none", ls="")


def caption(data: pd.DataFrame) -> str:
    """What is drawn, how many sub-networks, and over how many seeds."""
    tracked, paper = _tracked(data), data[data.level == PAPER]
    levels = groups(tracked)
    axis = tracked.axis.iloc[0]
    what = f" for each level of {axis}, everything else at the baseline" if axis else ""
    counts = ", ".join(
        f"{len(rows)} for {name.removesuffix(' (baseline)')}" if axis else f"{len(rows)}"
        for _, name, rows in levels
    )
    words = (
        f"{title_in(tracked)} over MACs{what}. Sub-networks: {counts}. "
        f"Stars are anchors, a larger point has more parameters, the line is the Pareto front"
        f"{_chosen(tracked)}. {seeds_sentence(tracked.seeds)}"
    )
    grey = f" Grey: the {len(paper)} points of {SOURCE}." if len(paper) else ""
    return words + rivals_sentence(data, score_in(data)) + grey


def _chosen(data: pd.DataFrame) -> str:
    """How the front is chosen, where that is not by what it shows."""
    name = score_in(data).name
    return "" if chosen_by(data, name) == name else ", chosen by the images held out for it"


FIGURE = FigureKind("Accuracy over MACs", "axis", 10, data, draw, caption)
