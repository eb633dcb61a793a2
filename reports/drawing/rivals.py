"""How figures of scores over MACs show what needed no joint training."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ablations.study.metric import Metric
from reports.data.rivals import KINDS
from reports.drawing.captions import listed
from reports.statistics.interval import number

COLOUR = "#7a5195"  # of no level, and in grey lighter than the baseline's
BEFORE, EXIT, PATCH = KINDS.values()


class Look(NamedTuple):
    """Line and marker of one kind of rival."""

    line: str
    marker: str
    size: float
    words: str


LOOKS = {
    BEFORE: Look(":", "*", 7.0, "the anchors before it (hollow stars)"),
    EXIT: Look("--", "x", 3.5, "early exits of the last anchor (dashed)"),
    PATCH: Look("", "+", 4.5, "patched blocks, with nothing in place of a stitching layer (+)"),
}


def draw_rivals(axes: Axes, data: pd.DataFrame, unit: float, score: Metric) -> dict[str, Line2D]:
    """Draw the rows that are rivals; their handles in a legend, by name.

    They may lie far below all else, and do not stretch the axis, but for the anchors.
    """
    limits, handles = axes.get_ylim(), {}
    for kind, look in LOOKS.items():
        rows = data[data.level == kind]
        if rows.empty:
            continue
        if kind == EXIT:  # leaving after the last block is the anchor itself
            rows = pd.concat([rows, data[data.level == BEFORE].nlargest(1, "macs")])
        rows = rows.sort_values("macs")
        axes.plot(rows.macs / unit, rows[score.name], zorder=2, **_style(look))
        handles[kind] = Line2D([], [], **_style(look))
        if kind == BEFORE:
            limits = axes.get_ylim()
    axes.set_ylim(limits)
    return handles


def _style(look: Look) -> dict[str, Any]:
    return {
        "color": COLOUR,
        "linestyle": look.line,
        "linewidth": 0.8,
        "marker": look.marker,
        "markersize": look.size,
        "markerfacecolor": "none",
        "markeredgewidth": 0.7,
    }


def rivals_sentence(data: pd.DataFrame, score: Metric) -> str:
    """What of the figure was not trained jointly, and in which range; empty where nothing was."""
    found = []
    for kind, look in LOOKS.items():
        values = data[data.level == kind][score.name]
        if len(values):
            ends = dict.fromkeys(number(value) for value in (values.min(), values.max()))
            found.append(f"{look.words}, {' to '.join(ends)} {score.unit}")
    if not found:
        return ""
    return (
        f" Purple: what needs no joint training, with the baseline's anchors as its runs begin: "
        f"{listed(found)}; what lies outside of the axes is cut off."
    )
