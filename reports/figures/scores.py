"""What each row of the runs' tables scores, over what it costs."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reports.data.levels import NothingToDrawError, keep_stitches
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence
from reports.drawing.drawing import (
    colour_of,
    groups,
    handle_of,
    legend,
    marker_of,
)
from reports.drawing.figure import FigureKind
from reports.drawing.scales import cost_axis, keep_to_percent
from reports.drawing.words import plain


def data(subject: Subject) -> pd.DataFrame:
    """A row a level and row of the table: its cost, mean score over seeds, and interval."""
    table = subject.study.plan.table
    if table is None or table.cost is None:
        raise NothingToDrawError("the runs keep no table whose rows have a cost")
    if keep_stitches(subject.study.runs.values(), subject.study.plan.table):
        raise NothingToDrawError("of stitches `accuracy` draws more")
    score, cost = subject.baseline.score, table.cost
    others = {"cost": cost.name, **({"marked": table.marked} if table.marked else {})}
    parts = []
    for level in subject.levels:
        rows = level.rows(table.row, score.name, **others)
        rows = rows.rename_axis("row").reset_index().assign(level=level.name)
        rows["half_width"] = score.factor * rows.half_width.astype(float)
        rows["cost"] *= cost.factor
        rows["score"] *= score.factor
        parts.append(rows.assign(seeds=len(level.runs)))
    found = pd.concat(parts, ignore_index=True)
    found["marked"] = found.marked if table.marked else False
    words = {"cost_label": cost.label, "score_label": score.label, "rows": plain(table.row)}
    columns = ["level", "row", "cost", "score", "half_width", "marked", "seeds"]
    return found[columns].assign(**words)


def draw(data: pd.DataFrame) -> Figure:
    """A series for each level, in the order of cost; what is marked is a star."""
    figure, axes = plt.subplots()
    levels = groups(data)
    for number, name, part in levels:
        rows = part.sort_values("cost")
        axes.errorbar(
            rows.cost,
            rows.score,
            rows.half_width,
            color=colour_of(number),
            marker=marker_of(number),
            markersize=4,
            markerfacecolor="none",
            linewidth=0.8,
            elinewidth=0.6,
        )
        marked = rows[rows.marked.astype(bool)]
        axes.scatter(marked.cost, marked.score, marker="*", s=60, color=colour_of(number), zorder=4)
        words = [
            f"{row['row']}, {name}: {row['score']:.4g} at {row['cost']:.4g}"
            for row in rows.to_dict("records")
        ]
        axes.scatter(rows.cost, rows.score, s=40, alpha=0, urls=words)
    if data.score_label.iloc[0].endswith("(%)"):
        keep_to_percent(axes)
    cost_axis(axes, data.cost)
    axes.set_xlabel(data.cost_label.iloc[0])
    axes.set_ylabel(data.score_label.iloc[0])
    legend(figure, [handle_of(number) for number, _, _ in levels], [name for _, name, _ in levels])
    return figure


def caption(data: pd.DataFrame) -> str:
    """How many rows of each level, over how many seeds."""
    counts = ", ".join(f"{len(rows)} for {name}" for _, name, rows in groups(data))
    return (
        f"{data.score_label.iloc[0]} over {data.cost_label.iloc[0]}, a point for each "
        f"{data.rows.iloc[0]} ({counts}). {seeds_sentence(data.seeds)}"
    )


FIGURE = FigureKind("Score over cost", "axis", 10, data, draw, caption)
