"""Is a stitch better that was trained more often? Visits against the score."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.data.levels import NothingToDrawError
from reports.data.subject import Subject
from reports.drawing.captions import rank_correlation, seeds_sentence
from reports.drawing.drawing import groups, score_in, stitch_rows, title_in
from reports.drawing.figure import FigureKind
from reports.drawing.level_panels import panels_sentence, scatter_levels
from reports.drawing.scales import cost_axis, score_axis, score_label, steep_sentence


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network and level."""
    rows = stitch_rows(subject.levels, "visits")
    if rows.groupby("level").visits.nunique().max() < 2:
        raise NothingToDrawError("all sub-networks of a level were trained equally often")
    return rows


def draw(data: pd.DataFrame) -> Figure:
    """A point a sub-network."""
    score = score_in(data)
    label = score_label(data[score.name], score, "after training")
    figure, panels = scatter_levels(data, "visits", "visits (training passes)", label)
    for axes in panels:
        cost_axis(axes, data.visits)
        score_axis(axes, data[score.name], score)
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
        f"{panels_sentence(data.level.nunique())}{steep_sentence(data[score.name], score)}"
    )


FIGURE = FigureKind("Visits", "axis", 50, data, draw, caption)
