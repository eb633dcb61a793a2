"""Does a good start make a good stitch? The score before training against after."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.data.score import before
from reports.data.subject import Subject
from reports.drawing.captions import rank_correlation, seeds_sentence
from reports.drawing.drawing import GREY, groups, score_in, stitch_rows, title_in
from reports.drawing.figure import FigureKind
from reports.drawing.level_panels import panels_sentence, scatter_levels
from reports.statistics.interval import number


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network and level."""
    name = before(subject.baseline.score.name)
    return stitch_rows(subject.levels, name).drop(columns="half_width")


def draw(data: pd.DataFrame) -> Figure:
    """A point a sub-network; above the diagonal it gained."""
    score = score_in(data)
    labels = [f"{score.title} {when} training ({score.unit})" for when in ("before", "after")]
    figure, panels = scatter_levels(data, before(score.name), *labels)
    both = data[[score.name, before(score.name)]].max().min()  # of the diagonal, inside the axes
    for axes in panels:
        axes.axline((both, both), slope=1, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    return figure


def caption(data: pd.DataFrame) -> str:
    """What training brought at each level, and whether the order of the stitches stayed."""
    stitches, score = data[~data.is_anchor], score_in(data)
    levels = "; ".join(
        f"{name}: {number((rows[score.name] - rows[before(score.name)]).mean(), sign=True)} "
        f"{score.difference_unit}, rank correlation "
        f"{rank_correlation(rows[before(score.name)], rows[score.name])}, {len(rows)} stitches"
        for _, name, rows in groups(stitches)
    )
    return (
        f"{title_in(data)} of every sub-network before the joint training and after it; on the "
        f"dashed line it stays what it was. Mean over stitches without anchors: {levels}. "
        f"{seeds_sentence(data.seeds, bars=False)}{panels_sentence(data.level.nunique())}"
    )


FIGURE = FigureKind("Before and after training", "axis", 30, data, draw, caption)
