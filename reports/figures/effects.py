"""Every level of every axis against the baseline."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.data.levels import area_gain, mean_gain
from reports.data.subject import NothingToDrawError, Subject
from reports.drawing.captions import listed, seeds_sentence, with_interval
from reports.drawing.drawing import legend
from reports.drawing.figure import FigureKind
from reports.drawing.style import COLOURS, COLUMN_INCHES

GAINS = {"mean over stitches": mean_gain, "area under front": area_gain}


def data(subject: Subject) -> pd.DataFrame:
    """Two rows a level: its gain in the mean, and in the area under the front."""
    rows = []
    for axis in subject.axes():
        baseline, *levels = axis.levels
        for level in levels:
            same = set(level.stitches.index) == set(baseline.stitches.index)
            for measure, gain in GAINS.items():
                change = gain(level, baseline)
                rows.append(
                    {
                        "axis": level.axis,
                        "level": level.label,
                        "measure": measure,
                        "gain": change.mean,
                        "half_width": change.half_width,
                        "seeds": change.n,
                        "same_stitches": same,
                    }
                )
    rows = [row for row in rows if row["seeds"]]
    if not rows:
        raise NothingToDrawError("no seed of a level and of the baseline is finished")
    return pd.DataFrame(rows).astype({"half_width": float})


def draw(data: pd.DataFrame) -> Figure:
    """Filled points for mean top-1 over stitches, its numbers beside; hollow ones for the area."""
    mean, area = (data[data.measure == measure] for measure in GAINS)
    figure, axes = plt.subplots(figsize=(COLUMN_INCHES[0], 0.8 + 0.32 * len(mean)))
    axes.axvline(0, color=COLOURS[0], linewidth=0.9, zorder=1)
    for rows, lift, marker, face in ((mean, 0.12, "o", COLOURS[1]), (area, -0.18, "s", "white")):
        for row, (gain, half_width) in enumerate(zip(rows.gain, rows.half_width, strict=True)):
            axes.errorbar(
                gain,
                lift - row,
                xerr=None if pd.isna(half_width) else half_width,
                fmt=marker,
                color=COLOURS[1],
                markerfacecolor=face,
                markersize=4.5,
                elinewidth=0.9,
            )
    for row, (gain, half_width) in enumerate(zip(mean.gain, mean.half_width, strict=True)):
        axes.annotate(
            with_interval(gain, half_width, sign=True),
            (1.01, 0.12 - row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    labels = [f"{axis}: {level}" for axis, level in zip(mean.axis, mean.level, strict=True)]
    axes.set_yticks([-row for row in range(len(mean))], labels)
    axes.set_ylim(0.5 - len(mean), 0.5)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("top-1 minus baseline (points)")
    handles = [
        Line2D([], [], color=COLOURS[1], marker=marker, markerfacecolor=face, linestyle="")
        for marker, face in (("o", COLOURS[1]), ("s", "white"))
    ]
    legend(figure, handles, list(GAINS))
    return figure


def caption(data: pd.DataFrame) -> str:
    """What is compared, where the stitches are not the same, and over how many seeds."""
    words = (
        "Each level against the baseline, all else equal; the numbers are those of the filled "
        "points. "
    )
    others = data[~data.same_stitches]
    if len(others):
        names = listed(dict.fromkeys(others.axis + " " + others.level))
        have = "has" if others.level.nunique() == 1 else "have"
        words += (
            f"{names} {have} other stitches than the baseline: there the area under the front "
            "compares what a budget buys (a space with more stitches has more tries at that). "
        )
    return words + seeds_sentence(data.seeds)


FIGURE = FigureKind("Effect of each level", "study", 10, data, draw, caption)
