"""Score minus the baseline's over MACs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reports.data.subject import Subject
from reports.drawing.drawing import (
    colour_of,
    groups,
    handle_of,
    legend,
    macs_axis,
    macs_unit,
    scatter,
    score_in,
    stitch_rows,
    title_in,
    words_of_score,
)
from reports.drawing.figure import FigureKind
from reports.drawing.style import COLOURS, COLUMN_INCHES
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
        shared = {"level": level.name, "baseline": baseline.label}
        points = {
            "route": both.index,
            "is_anchor": both.is_anchor.to_numpy(),
            "macs": both.macs.to_numpy(),
            "difference": score.factor * (both[name] - both.baseline).to_numpy(),
        }
        front = {"macs": budgets, "difference": score.factor * fronts}
        parts += [
            pd.DataFrame({**shared, "kind": "stitch", **points}),
            pd.DataFrame({**shared, "kind": "front", "is_anchor": False, **front}),
        ]
    together = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return together.assign(**words_of_score(score))


def draw(data: pd.DataFrame) -> Figure:
    """Points route by route; lines front against front, which needs no shared route."""
    figure, axes = plt.subplots(figsize=COLUMN_INCHES)
    unit = macs_unit(data.macs)
    axes.axhline(0, color=COLOURS[0], linewidth=0.9)
    levels = [(number + 1, name, rows) for number, name, rows in groups(data)]
    for number, _, rows in levels:
        points, front = rows[rows.kind == "stitch"], rows[rows.kind == "front"]
        scatter(axes, number, points, points.macs / unit, points.difference)
        axes.step(
            front.macs / unit,
            front.difference,
            where="post",
            color=colour_of(number),
            linewidth=0.9,
        )
    macs_axis(axes, data.macs)
    score = score_in(data)
    axes.set_ylabel(f"{score.title} minus baseline ({score.difference_unit})")
    legend(figure, [handle_of(n) for n, _, _ in levels], [name for _, name, _ in levels])
    return figure


def caption(data: pd.DataFrame) -> str:
    """How many sub-networks are compared, and with what."""
    shared = ", ".join(
        f"{(rows.kind == 'stitch').sum()} for {name}" for _, name, rows in groups(data)
    )
    return (
        f"{title_in(data)} minus that of {data.baseline.iloc[0]}. Points are sub-networks with "
        f"the same route in both ({shared}); the line compares the Pareto fronts at equal "
        "MACs, chosen by other images where the runs held some out."
    )


def _budgets(*spaces: pd.DataFrame) -> np.ndarray:
    low = max(space.macs.min() for space in spaces)
    budgets = np.unique(np.concatenate([space.macs.to_numpy(dtype=float) for space in spaces]))
    return budgets[budgets >= low]


FIGURE = FigureKind("Difference from the baseline", "axis", 20, data, draw, caption)
