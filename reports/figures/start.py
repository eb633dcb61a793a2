"""Does a good start make a good stitch? Accuracy before training against after."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.data.subject import Subject
from reports.drawing.captions import rank_correlation, seeds_sentence
from reports.drawing.drawing import GREY, groups, scatter_levels, stitch_rows
from reports.drawing.figure import FigureKind
from reports.statistics.interval import number


def data(subject: Subject) -> pd.DataFrame:
    """A row a sub-network and level."""
    return stitch_rows(subject.levels, "top1_before").drop(columns="half_width")


def draw(data: pd.DataFrame) -> Figure:
    """A point a sub-network; above the diagonal it gained."""
    figure, axes = scatter_levels(data, "top1_before")
    both = data[["top1", "top1_before"]].max().min()  # a point of the diagonal inside the axes
    axes.axline((both, both), slope=1, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
    axes.set_xlabel("top-1 before training (%)")
    return figure


def caption(data: pd.DataFrame) -> str:
    """What training brought at each level, and whether the order of the stitches stayed."""
    stitches = data[~data.is_anchor]
    levels = "; ".join(
        f"{name}: {number((rows.top1 - rows.top1_before).mean(), sign=True)} points, rank "
        f"correlation {rank_correlation(rows.top1_before, rows.top1)}, {len(rows)} stitches"
        for _, name, rows in groups(stitches)
    )
    return (
        "Top-1 of every sub-network before the joint training and after it; on the dashed line it "
        f"stays what it was. Mean over stitches without anchors: {levels}. "
        f"{seeds_sentence(data.seeds, bars=False)}"
    )


FIGURE = FigureKind("Before and after training", "axis", 30, data, draw, caption)
