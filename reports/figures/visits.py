"""Is a stitch better that was trained more often? Visits against the score."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from reports.data.levels import NothingToDrawError
from reports.data.subject import Subject
from reports.drawing.captions import rank_correlation, seeds_sentence
from reports.drawing.drawing import groups, scatter_levels, score_in, stitch_rows, title_in
from reports.drawing.figure import FigureKind

WIDE = 20  # times: from there on visits are shown by their logarithm


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network and level."""
    rows = stitch_rows(subject.levels, "visits")
    if rows.groupby("level").visits.nunique().max() < 2:
        raise NothingToDrawError("all sub-networks of a level were trained equally often")
    return rows


def draw(data: pd.DataFrame) -> Figure:
    """A point a sub-network."""
    figure, axes = scatter_levels(data, "visits")
    if data.visits.min() > 0 and data.visits.max() > WIDE * data.visits.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("visits (training passes)")
    return figure


def caption(data: pd.DataFrame) -> str:
    """How often each level's stitches were visited, and whether that ranks them."""
    stitches, score = data[~data.is_anchor], score_in(data)
    levels = "; ".join(
        f"{name}: {rows.visits.min():.0f} to {rows.visits.max():.0f} visits, rank correlation "
        f"{rank_correlation(rows.visits, rows[score.name])}, {len(rows)} stitches"
        for _, name, rows in groups(stitches)
    )
    return (
        f"{title_in(data)} of every sub-network over its passes in training. "
        f"Stitches without anchors: {levels}. {seeds_sentence(data.seeds, bars=False)}"
    )


FIGURE = FigureKind("Visits", "axis", 50, data, draw, caption)
