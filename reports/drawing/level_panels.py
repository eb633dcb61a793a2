"""Axes that levels are drawn in: one pair for a few, small multiples where more would overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.drawing.drawing import groups, level_legend, panels, scatter, score_in
from reports.drawing.style import inches

MANY = 3  # levels beside the baseline that one pair of axes cannot hold
FULL_INCHES = 6.0  # from this width on three panels stand in a row, but two and two of four
TALLEST = 2.1  # inches of a panel


class LevelPanel(NamedTuple):
    """Axes, and the numbers of the levels that they show."""

    axes: Axes
    shown: Sequence[int]


def level_panels(names: Mapping[int, str]) -> tuple[Figure, list[LevelPanel]]:
    """One pair of axes for all levels; where these are many, one for each beside the baseline.

    Arguments:
        names: by number of the level, 0 being the baseline, which is in every panel.
    """
    others = [number for number in names if number]
    if len(others) < MANY:
        figure, axes = plt.subplots()
        return figure, [LevelPanel(axes, list(names))]
    columns = 3 if inches()[0] > FULL_INCHES and len(others) != 4 else 2
    height = min(0.9 * inches()[0] / columns, TALLEST)
    figure, drawn = panels(len(others), height, columns, sharex=True, sharey=True)
    for axes, number in zip(drawn, others, strict=True):
        axes.set_title(names[number])
    for axes in drawn[-columns:]:  # also above a place that is left empty
        axes.tick_params(labelbottom=True)
    baseline = [0] if 0 in names else []
    return figure, [
        LevelPanel(axes, [*baseline, number]) for axes, number in zip(drawn, others, strict=True)
    ]


def name_axes(figure: Figure, x: str, y: str) -> None:
    """Say what is across and what is up: once for all panels."""
    if len(figure.axes) == 1:
        figure.axes[0].set_xlabel(x)
        figure.axes[0].set_ylabel(y)
    else:
        figure.supxlabel(x, fontsize="medium")
        figure.supylabel(y, fontsize="medium")


def shown_in_legend(figure: Figure, names: Mapping[int, str]) -> dict[int, str]:
    """The levels that a legend names: all, or where panels do that, the baseline."""
    return dict(names) if len(figure.axes) == 1 else {0: names[0]} if 0 in names else {}


def panels_sentence(count: int) -> str:
    """What a caption says of panels of so many levels, the baseline counted."""
    return " A panel for each level beside the baseline." if count > MANY else ""


def scatter_levels(data: pd.DataFrame, x: str, *labels: str) -> tuple[Figure, list[Axes]]:
    """A point a sub-network: its score over the column `x`, level by level.

    Arguments:
        labels: of the column, and of the score.
    """
    levels, score = groups(data), score_in(data)
    names = {number: name for number, name, _ in levels}
    figure, parts = level_panels(names)
    for axes, shown in parts:
        for number in shown:
            rows = levels[number][2]
            scatter(axes, number, rows, rows[x], rows[score.name])
    name_axes(figure, *labels)
    level_legend(figure, list(shown_in_legend(figure, names).values()))
    return figure, [axes for axes, _ in parts]
