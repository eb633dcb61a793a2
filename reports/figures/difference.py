"""Score minus the baseline's over MACs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.levels import Level
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence
from reports.drawing.drawing import (
    anchor_handle,
    colour_of,
    groups,
    handle_of,
    legend,
    scatter,
    score_in,
    stitch_rows,
    title_in,
    words_of_score,
)
from reports.drawing.figure import FigureKind
from reports.drawing.level_panels import (
    level_panels,
    name_axes,
    panels_sentence,
    shown_in_legend,
)
from reports.drawing.scales import cost_axis, macs_label, macs_unit
from reports.drawing.style import COLOURS
from reports.drawing.words import named, plain
from reports.statistics.interval import estimate
from snnet.front import front_at


def data(subject: Subject) -> pd.DataFrame:
    """Rows `stitch`: sub-networks that both have. Rows `front`: the best within each budget."""
    baseline, *levels = subject.compared()
    stitch_rows([baseline, *levels])  # refuses what cannot be compared
    score, parts = baseline.score, []
    name, goal = score.name, score.goal or "maximize"
    for level in levels:
        stitches = level.stitches
        both = stitches.join(baseline.stitches[name].rename("baseline"), how="inner")
        budgets = _budgets(baseline.stitches, stitches)
        ours, theirs = (front_at(one, budgets, name, goal) for one in (stitches, baseline.stitches))
        fronts = ours - theirs
        seeds = len(level.runs.keys() & baseline.runs.keys())
        shared = {"level": level.name, "baseline": baseline.label, "seeds": seeds}
        points = {
            "route": both.index,
            "between": [named(one, level.anchors) for one in both.anchors],
            "is_anchor": both.is_anchor.to_numpy(),
            "macs": both.macs.to_numpy(),
            "difference": score.factor * (both[name] - both.baseline).to_numpy(),
            "half_width": score.factor * _half_widths(level, baseline)[both.index].to_numpy(),
        }
        front = {"macs": budgets, "difference": score.factor * fronts}
        parts += [
            pd.DataFrame({**shared, "kind": "stitch", **points}),
            pd.DataFrame({**shared, "kind": "front", "is_anchor": False, **front}),
        ]
    together = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return together.assign(**words_of_score(score))


def _half_widths(level: Level, baseline: Level) -> pd.Series[float]:
    """Half widths of the difference of each route, paired by seed; NaN where seeds are few."""
    name = baseline.score.name
    gaps = [
        run.table.set_index("route")[name] - baseline.runs[seed].table.set_index("route")[name]
        for seed, run in level.runs.items()
        if seed in baseline.runs
    ]
    if not gaps:
        return pd.Series(np.nan, index=level.stitches.index)
    table = pd.concat(gaps, axis=1)
    widths = {route: estimate(list(row.dropna())).half_width for route, row in table.iterrows()}
    return pd.Series(widths, dtype=float)


def draw(data: pd.DataFrame) -> Figure:
    """Points route by route; lines front against front, which needs no shared route."""
    unit, score = macs_unit(data.macs), score_in(data)
    levels = {number + 1: rows for number, _, rows in groups(data)}
    names = {number + 1: name for number, name, _ in groups(data)}
    figure, parts = level_panels(names)
    for axes, shown in parts:
        axes.axhline(0, color=COLOURS[0], linewidth=0.9)
        for number in shown:
            _level(axes, number, levels[number], unit)
        cost_axis(axes, data.macs / unit)
    name_axes(
        figure, macs_label(data.macs), f"{score.title} minus baseline ({score.difference_unit})"
    )
    named = shown_in_legend(figure, names)
    handles = [*(handle_of(number) for number in named), anchor_handle()]
    legend(figure, handles, [*named.values(), "anchor"])
    return figure


def _level(axes: Axes, number: int, rows: pd.DataFrame, unit: float) -> None:
    points, front = rows[rows.kind == "stitch"], rows[rows.kind == "front"]
    axes.errorbar(
        points.macs / unit,
        points.difference,
        points.half_width,
        fmt="none",
        ecolor=colour_of(number),
        elinewidth=0.5,
        alpha=0.5,
    )
    scatter(axes, number, points, points.macs / unit, points.difference)
    axes.step(
        front.macs / unit,
        front.difference,
        where="post",
        color=colour_of(number),
        linewidth=0.9,
    )


def caption(data: pd.DataFrame) -> str:
    """How many sub-networks are compared, and with what."""
    shared = ", ".join(
        f"{(rows.kind == 'stitch').sum()} for {name}" for _, name, rows in groups(data)
    )
    return (
        f"{title_in(data)} minus that of {plain(data.baseline.iloc[0])}. Points are sub-networks "
        f"with the same route in both ({shared}); the line compares the Pareto fronts at equal "
        "MACs, chosen by other images where the runs held some out."
        f"{panels_sentence(1 + data.level.nunique())} {seeds_sentence(data.seeds)}"
    )


def _budgets(*spaces: pd.DataFrame) -> np.ndarray:
    low = max(space.macs.min() for space in spaces)
    budgets = np.unique(np.concatenate([space.macs.to_numpy(dtype=float) for space in spaces]))
    return budgets[budgets >= low]


FIGURE = FigureKind("Difference from the baseline", "axis", 20, data, draw, caption)
