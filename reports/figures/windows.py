"""Do more stitches give a better front? The number of stitches against the area under it."""

from __future__ import annotations

from functools import partial

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.data.levels import NothingToDrawError, area, mean
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence, with_interval
from reports.drawing.drawing import (
    colour_of,
    groups,
    level_legend,
    marker_of,
    score_in,
    stitch_rows,
    words_of_score,
)
from reports.drawing.figure import FigureKind
from reports.drawing.words import plain


def data(subject: Subject) -> pd.DataFrame:
    """A row a level."""
    rows = []
    levels = subject.compared()
    stitch_rows(levels)  # refuses what cannot be compared
    score = levels[0].score
    for level in levels:
        count = int((~level.stitches.is_anchor).sum())
        found = mean(level, partial(area, table=level.table))
        if pd.isna(found.mean):  # one network alone has no front
            continue
        rows.append(
            {
                "level": level.name,
                "stitches": count,
                "area": found.mean,
                "half_width": found.half_width,
                "seeds": found.n,
            }
        )
    if len({row["stitches"] for row in rows}) < 2:
        raise NothingToDrawError("all levels have equally many stitches")
    return pd.DataFrame(rows).astype({"half_width": float}).assign(**words_of_score(score))


def draw(data: pd.DataFrame) -> Figure:
    """A point a level, with its interval."""
    figure, axes = plt.subplots()
    for level, _, rows in groups(data):
        axes.errorbar(
            rows.stitches,
            rows.area,
            rows.half_width,
            fmt=marker_of(level),
            color=colour_of(level),
            markerfacecolor="none",
            markersize=5,
            elinewidth=0.9,
            capsize=2,
        )
    axes.margins(x=0.1, y=0.1)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.set_xlabel("stitches (anchors not counted)")
    axes.set_ylabel(f"area under the front ({score_in(data).unit})")
    level_legend(figure, [name for _, name, _ in groups(data)], anchors=False)
    return figure


def caption(data: pd.DataFrame) -> str:
    """The numbers of the points."""
    score = score_in(data)
    columns = (data[column] for column in ("level", "stitches", "area", "half_width"))
    points = "; ".join(
        f"{plain(level)}: {stitches} stitches, {with_interval(mean, half_width)} {score.unit}"
        for level, stitches, mean, half_width in zip(*columns, strict=True)
    )
    return (
        f"Area under the front (best {score.title} within a budget, averaged over budgets) by the "
        f"number of stitches. {points}. {seeds_sentence(data.seeds)}"
    )


FIGURE = FigureKind("Number of stitches", "axis", 25, data, draw, caption)
