"""Score of the baseline's stitches by the block that they leave and the one that they enter."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from reports.data.levels import NothingToDrawError
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence
from reports.drawing.drawing import (
    groups,
    panels,
    score_in,
    stitch_rows,
    title_in,
    words_of,
    words_of_score,
)
from reports.drawing.figure import FigureKind
from reports.drawing.style import inches

JOINT = r"^(?P<front>\d+)\.(?P<front_block>\d+)>(?P<back>\d+)\.(?P<back_block>\d+)$"
COLOUR_MAP = "cividis"  # as light as it is high, to the colour-blind and in grey
NUMBERED_BLOCKS = 8  # more leave no room for a number in a cell


def data(subject: Subject) -> pd.DataFrame:
    """A row a stitch of two anchors; chains of more have no one cell."""
    rows = stitch_rows([subject.baseline])
    blocks = rows.route.str.extract(JOINT).dropna().astype(int)
    if blocks.empty:
        raise NothingToDrawError("no sub-network leaves one anchor's block for another's")
    score = score_in(rows)
    shown = ["route", "anchors", "between", "is_anchor", "macs", score.name, "half_width", "seeds"]
    kept = rows.loc[blocks.index, [*shown, *words_of_score(score)]]
    return pd.concat([kept, blocks], axis=1).reset_index(drop=True)


def draw(data: pd.DataFrame) -> Figure:
    """A panel for each pair of anchors, one colour scale for all."""
    pairs = groups(data, "between")
    figure, axes = panels(len(pairs), inches()[1] * (0.72 if len(pairs) > 1 else 1))
    score = score_in(data)
    low, high = data[score.name].min(), data[score.name].max()
    for panel, (number, name, rows) in zip(axes, pairs, strict=True):
        image = _cells(panel, rows, low, high)
        panel.set_title(name)
        panel.set_xlabel("enters block")
        if number % 2 == 0:  # the first of a row
            panel.set_ylabel("leaves after block")
    figure.colorbar(image, ax=axes, label=score.label, pad=0.03, aspect=28)
    return figure


def _cells(axes: Axes, rows: pd.DataFrame, low: float, high: float) -> AxesImage:
    shape = rows.front_block.max() + 1, rows.back_block.max() + 1
    cells, values = np.full(shape, np.nan), rows[score_in(rows).name]
    cells[rows.front_block, rows.back_block] = values
    image = axes.imshow(cells, cmap=COLOUR_MAP, vmin=low, vmax=high, aspect="equal")
    if max(shape) <= NUMBERED_BLOCKS:
        for i, j, value in zip(rows.front_block, rows.back_block, values, strict=True):
            dark = value < (low + high) / 2
            axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize="x-small",
                      color="white" if dark else "black")  # fmt: skip
    # nothing to see, but something to point at
    axes.scatter(rows.back_block, rows.front_block, s=80, alpha=0, urls=words_of(rows))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5]))
    axes.grid(visible=False)
    return image


def caption(data: pd.DataFrame) -> str:
    """How many stitches, and which is best and worst."""
    score = score_in(data)
    low_is_best = score.goal == "minimize"
    ordered = data.sort_values(score.name, kind="stable", ascending=not low_is_best)
    worst, best = ordered.iloc[0], ordered.iloc[-1]
    return (
        f"{title_in(data)} of the baseline's {len(data)} stitches of two anchors, by the block "
        "after which a stitch leaves the first and the block where it enters the second (counted "
        f"from 0). White: no stitch. Best: {best.route} with {best[score.name]:.1f} {score.unit}; "
        f"worst: {worst.route} with {worst[score.name]:.1f} {score.unit}. "
        f"{seeds_sentence(data.seeds, bars=False)}"
    )


FIGURE = FigureKind("Accuracy by blocks", "study", 20, data, draw, caption)
