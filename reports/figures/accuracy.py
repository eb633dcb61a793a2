"""Score over MACs: the figure of the SN-Net paper's section 4."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablations.study.metric import Metric
from reports.data.paper import SOURCE, published
from reports.data.rivals import KINDS, rivals_of
from reports.data.subject import Subject
from reports.drawing.captions import levels_words, seeds_sentence
from reports.drawing.drawing import (
    GREY,
    anchor_handle,
    colour_of,
    groups,
    handle_of,
    legend,
    marker_of,
    name_anchors,
    score_in,
    stitch_rows,
    title_in,
    words_of,
)
from reports.drawing.figure import FigureKind
from reports.drawing.gaps import draw_gaps, gaps_in, gaps_sentence
from reports.drawing.level_panels import (
    level_panels,
    name_axes,
    panels_sentence,
    shown_in_legend,
)
from reports.drawing.rivals import BEFORE, draw_rivals, rivals_sentence
from reports.drawing.scales import (
    cost_axis,
    macs_label,
    macs_unit,
    score_axis,
    score_label,
    steep_sentence,
)
from reports.drawing.words import short
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
    paper = paper[["route", "anchors", "between", "is_anchor", "macs", "params", name]]
    return pd.concat([rows, paper.assign(level=PAPER, seeds=1)], ignore_index=True)


def draw(data: pd.DataFrame) -> Figure:
    """A series and a Pareto front for each level; a larger point has more parameters."""
    levels, score = groups(_tracked(data)), score_in(data)
    unit = macs_unit(data.macs)
    figure, parts = level_panels({number: name for number, name, _ in levels})
    others: dict[str, Line2D] = {}
    for axes, shown in parts:
        _level_lines(axes, [levels[number] for number in shown], unit, score)
        others |= _paper(axes, data, unit, score.name)
    for axes, _ in parts:  # panels share their axes, which end where the points of all do
        score_axis(axes, _scores(data, score), score)
        others |= draw_rivals(axes, data, unit, score)
        cost_axis(axes, data.macs / unit)
        stars = levels[0][2][levels[0][2].is_anchor]
        name_anchors(axes, stars, stars.macs / unit, stars[score.name])
        draw_gaps(axes, gaps_in(_tracked(data), score), unit)
    name_axes(figure, macs_label(data.macs), score_label(_scores(data, score), score))
    named = shown_in_legend(figure, {number: name for number, name, _ in levels})
    others |= {"anchor": anchor_handle(), **_sizes(_tracked(data))}
    handles = [*(handle_of(number) for number in named), *others.values()]
    legend(figure, handles, [*named.values(), *others])
    return figure


def _tracked(data: pd.DataFrame) -> pd.DataFrame:
    """The rows of the study's levels."""
    return data[~data.level.isin([PAPER, *KINDS.values()])]


def _scores(data: pd.DataFrame, score: Metric) -> pd.Series[float]:
    """The scores that the axis must hold: what was not trained here may lie below it."""
    return data[data.level.isin([PAPER, BEFORE]) | ~data.level.isin(KINDS.values())][score.name]


def _level_lines(
    axes: Axes, levels: Sequence[tuple[int, str, pd.DataFrame]], unit: float, score: Metric
) -> None:
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


def _size(params: float, largest: float) -> float:
    """The area of a point, in square points."""
    return 6 + 34 * params / largest


def _sizes(data: pd.DataFrame) -> dict[str, Line2D]:
    """What the smallest and the largest point stand for."""
    ends = data.params.min(), data.params.max()
    return {
        f"{short(params)} parameters": Line2D(
            [], [], linestyle="", marker="o", color=GREY, markerfacecolor="none",
            markersize=_size(params, ends[1]) ** 0.5,
        )
        for params in ends
    }  # fmt: skip


def _points(axes: Axes, number: int, rows: pd.DataFrame, unit: float, largest: float) -> None:
    name = score_in(rows).name
    for is_anchor, marker in ((False, marker_of(number)), (True, "*")):
        part = rows[rows.is_anchor == is_anchor]
        sizes = [_size(params, largest) for params in part.params]
        axes.scatter(
            part.macs / unit,
            part[name],
            s=[36 + size for size in sizes] if is_anchor else sizes,
            marker=marker,
            facecolor=colour_of(number) if is_anchor else "none",
            edgecolor="white" if is_anchor else colour_of(number),
            linewidth=0.5 if is_anchor else 0.8,
            zorder=4 if is_anchor else 3,
            urls=words_of(part),
        )


def _paper(axes: Axes, data: pd.DataFrame, unit: float, score: str) -> dict[str, Line2D]:
    """Draw the paper's points below all else, hollow and grey; their handle, by name."""
    rows = data[data.level == PAPER]
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
    if rows.empty:
        return {}
    look = Line2D([], [], marker="o", markersize=3.5, color=GREY, markerfacecolor="none", ls="")
    return {PAPER: look}


def caption(data: pd.DataFrame) -> str:
    """What is drawn, how many sub-networks, and over how many seeds."""
    tracked, paper, score = _tracked(data), data[data.level == PAPER], score_in(data)
    levels = groups(tracked)
    what = levels_words(tracked.axis.iloc[0], len(levels))
    counts = ", ".join(
        f"{len(rows)} for {name.removesuffix(' (baseline)')}" if what else f"{len(rows)}"
        for _, name, rows in levels
    )
    words = (
        f"{title_in(tracked)} over MACs{what}.{panels_sentence(len(levels))} "
        f"Sub-networks: {counts}. "
        f"Stars are anchors, the baseline's by name; a larger point has more parameters, "
        f"the line is the Pareto front{_chosen(tracked)}. {seeds_sentence(tracked.seeds)}"
        f"{steep_sentence(_scores(data, score), score)}"
        f"{gaps_sentence(gaps_in(tracked, score), score)}"
    )
    grey = f" Grey: the {len(paper)} points of {SOURCE}." if len(paper) else ""
    return words + rivals_sentence(data, score) + grey


def _chosen(data: pd.DataFrame) -> str:
    """How the front is chosen, where that is not by what it shows."""
    name = score_in(data).name
    return "" if chosen_by(data, name) == name else ", chosen by the images held out for it"


FIGURE = FigureKind("Accuracy over MACs", "axis", 10, data, draw, caption)
