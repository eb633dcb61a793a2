"""The figures of a report. Each takes levels and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.front import front_at, pareto_front
from reports.levels import Level, area_gain, mean_gain
from reports.style import COLOURS, COLUMN_INCHES, MARKERS


def accuracy_over_macs(levels: Sequence[Level]) -> Figure:
    """MACs against top-1 of every sub-network, a series and a Pareto front for each level.

    Anchors are stars; the size of a point grows with its parameters; bars are 95 % intervals
    over seeds. Follows the figures of the SN-Net paper, section 4.
    """
    figure, axes = plt.subplots(figsize=COLUMN_INCHES)
    unit, unit_name = _macs_unit(levels)
    largest = max(level.stitches.params.max() for level in levels)
    for number, level in enumerate(levels):
        stitches = level.stitches
        colour = COLOURS[number % len(COLOURS)]
        for is_anchor, marker in ((False, MARKERS[number % len(MARKERS)]), (True, "*")):
            part = stitches[stitches.is_anchor == is_anchor]
            sizes = (30 if is_anchor else 6) + 34 * part.params / largest
            axes.scatter(
                part.macs / unit,
                100 * part.top1,
                s=sizes * (2 if is_anchor else 1),
                marker=marker,
                facecolor=colour if is_anchor else "none",
                edgecolor="white" if is_anchor else colour,
                linewidth=0.5 if is_anchor else 0.8,
                zorder=4 if is_anchor else 3,
            )
        spread = stitches.dropna(subset="half_width")
        axes.errorbar(
            spread.macs / unit,
            100 * spread.top1,
            100 * spread.half_width.astype(float),
            fmt="none",
            ecolor=colour,
            elinewidth=0.5,
            alpha=0.5,
        )
        front = pareto_front(stitches)
        axes.step(
            front.macs / unit, 100 * front.top1, where="post", color=colour, linewidth=0.9, zorder=2
        )
    axes.set_xlabel(f"MACs ({unit_name})")
    axes.set_ylabel("top-1 accuracy (%)")
    handles = [_handle(number, level) for number, level in enumerate(levels)]
    anchor = Line2D([], [], marker="*", color="#666666", linestyle="", markersize=7)
    _legend(figure, [*handles, anchor], [*(level.name for level in levels), "anchor"])
    return figure


def difference_from_baseline(levels: Sequence[Level]) -> Figure:
    """Top-1 minus the baseline's over MACs, in percentage points.

    Points: sub-networks that both have, route by route. Line: the best within each budget, front
    against front, which also compares spaces that share no route.
    """
    figure, axes = plt.subplots(figsize=COLUMN_INCHES)
    unit, unit_name = _macs_unit(levels)
    baseline = levels[0].stitches
    axes.axhline(0, color=COLOURS[0], linewidth=0.9)
    for number, level in enumerate(levels[1:], start=1):
        stitches = level.stitches
        colour = COLOURS[number % len(COLOURS)]
        both = stitches.join(baseline.top1.rename("baseline"), how="inner")
        for is_anchor, marker in ((False, MARKERS[number % len(MARKERS)]), (True, "*")):
            part = both[both.is_anchor == is_anchor]
            axes.scatter(
                part.macs / unit,
                100 * (part.top1 - part.baseline),
                s=60 if is_anchor else 14,
                marker=marker,
                facecolor=colour if is_anchor else "none",
                edgecolor="white" if is_anchor else colour,
                linewidth=0.5 if is_anchor else 0.8,
                zorder=3,
            )
        budgets = _budgets(baseline, stitches)
        fronts = front_at(stitches, budgets) - front_at(baseline, budgets)
        axes.step(budgets / unit, 100 * fronts, where="post", color=colour, linewidth=0.9)
    axes.set_xlabel(f"MACs ({unit_name})")
    axes.set_ylabel("top-1 minus baseline (points)")
    handles = [_handle(number, level) for number, level in enumerate(levels)]
    _legend(figure, handles[1:], [level.name for level in levels[1:]])
    return figure


def effects(axes_levels: Sequence[Sequence[Level]]) -> Figure:
    """Every level against the baseline, with seed intervals.

    Filled: mean top-1 over the stitches. Hollow: area under the front, which also compares
    levels that have other stitches than the baseline.
    """
    rows = [
        (f"{level.axis}: {level.label}", changes)
        for levels in axes_levels
        for level in levels[1:]
        if (changes := (mean_gain(level, levels[0]), area_gain(level, levels[0])))[0].n
    ]
    figure, axes = plt.subplots(figsize=(COLUMN_INCHES[0], 0.8 + 0.32 * len(rows)))
    axes.axvline(0, color=COLOURS[0], linewidth=0.9, zorder=1)
    for place, (_, changes) in enumerate(rows):
        for change, lift, marker, fill in zip(
            changes, (0.12, -0.18), "os", (True, False), strict=True
        ):
            axes.errorbar(
                change.mean,
                lift - place,
                xerr=change.half_width,
                fmt=marker,
                color=COLOURS[1],
                markerfacecolor=COLOURS[1] if fill else "white",
                markersize=4.5,
                elinewidth=0.9,
            )
        axes.annotate(
            changes[0].text(sign=True),
            (1.01, 0.12 - place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    axes.set_yticks([-place for place in range(len(rows))], [label for label, _ in rows])
    axes.set_ylim(0.5 - len(rows), 0.5)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("top-1 minus baseline (points)")
    handles = [
        Line2D([], [], color=COLOURS[1], marker=marker, markerfacecolor=face, linestyle="")
        for marker, face in (("o", COLOURS[1]), ("s", "white"))
    ]
    _legend(figure, handles, ["mean over stitches", "area under front"])
    return figure


def _macs_unit(levels: Sequence[Level]) -> tuple[float, str]:
    largest = max(level.stitches.macs.max() for level in levels)
    return (1e9, "billions") if largest >= 1e9 else (1e6, "millions")


def _budgets(*spaces: pd.DataFrame) -> np.ndarray:
    low = max(space.macs.min() for space in spaces)
    budgets = np.unique(np.concatenate([space.macs.to_numpy(dtype=float) for space in spaces]))
    return budgets[budgets >= low]


def _legend(figure: Figure, handles: Sequence[Line2D], names: Sequence[str]) -> None:
    """Above the axes, where it covers no point; in as many rows as the width asks for."""
    columns = max(1, min(len(names), 78 // (6 + max(len(name) for name in names))))
    figure.legend(handles, names, loc="outside upper center", ncols=columns, columnspacing=1.2)


def _handle(number: int, level: Level) -> Line2D:
    colour = COLOURS[number % len(COLOURS)]
    return Line2D(
        [],
        [],
        color=colour,
        marker=MARKERS[number % len(MARKERS)],
        markerfacecolor="none",
        markersize=4,
        linewidth=0.9,
    )
