"""Training curves: what runs log while they go on."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablations.study.metric import Metric
from reports.data.levels import NothingToDrawError, keep_stitches
from reports.data.quantities import MANY
from reports.data.subject import Subject
from reports.drawing.drawing import colour_of, groups, handle_of, legend, marker_of, panels
from reports.drawing.figure import FigureKind
from reports.drawing.level_panels import level_panels, name_axes, shown_in_legend

LOSS = "loss"


def data(subject: Subject) -> pd.DataFrame:
    """A row an epoch (or step, as the experiment counts), seed, level and logged metric."""
    stitches = keep_stitches(subject.study.runs.values(), subject.study.plan.table)
    shared = {"unit": "epoch" if stitches else "step"}
    rows = [
        {"level": level.name, "seed": seed, "epoch": step, "metric": name, "value": value, **shared}
        for name in _logged(subject)
        for level in subject.levels
        for seed, run in level.runs.items()
        for step, value in run.read_curve(name).items()
    ]
    if len({row["epoch"] for row in rows}) < 2:
        raise NothingToDrawError("its runs logged nothing over two epochs or more")
    factors = {one.name: one for one in subject.study.plan.metrics}
    found = pd.DataFrame(rows)
    known = [factors.get(name, Metric(name)) for name in found.metric]
    found["value"] *= [one.factor for one in known]
    found["label"] = [_label(one, stitches) for one in known]
    return found


def _logged(subject: Subject) -> list[str]:
    """What is drawn of all that runs logged: the loss and declared metrics, else everything.

    Of stitches the loss alone: what else their runs log belongs to other figures.
    """
    runs = [run for level in subject.levels for run in level.runs.values()]
    if keep_stitches(runs, subject.study.plan.table):
        return [LOSS]
    logged = sorted({name for run in runs for name in run.logged})
    known = [LOSS, *(one.name for one in subject.study.plan.metrics)]
    return ([name for name in known if name in logged] or logged)[:MANY]


def _label(metric: Metric, stitches: bool) -> str:
    return "training loss" if stitches and metric.name == LOSS else metric.label


def draw(data: pd.DataFrame) -> Figure:
    """A panel a metric: seeds as thin lines, their mean as a thick one with markers."""
    metrics, levels = groups(data, "metric"), groups(data)
    names = {number: name for number, name, _ in levels}
    if len(metrics) == 1:
        figure, parts = level_panels(names)
        for axes, shown in parts:
            _lines(axes, [levels[number] for number in shown])
        name_axes(figure, data.unit.iloc[0], data.label.iloc[0])
        names = shown_in_legend(figure, names)
    else:
        figure, drawn = panels(len(metrics), 2.1)
        for axes, (_, _, rows) in zip(drawn, metrics, strict=True):
            _lines(axes, groups(rows))
            axes.set_xlabel(rows.unit.iloc[0])
            axes.set_ylabel(rows.label.iloc[0])
    legend(figure, [handle_of(number) for number in names], list(names.values()))
    return figure


def _lines(axes: Axes, levels: Sequence[tuple[int, str, pd.DataFrame]]) -> None:
    for level, _, rows in levels:
        seeds = rows.pivot(index="epoch", columns="seed", values="value")
        if seeds.shape[1] > 1:
            axes.plot(seeds.index, seeds, color=colour_of(level), linewidth=0.5, alpha=0.5)
        mean = seeds.mean(axis=1)
        axes.plot(
            mean.index,
            mean,
            color=colour_of(level),
            linewidth=1.2,
            marker=marker_of(level),
            markerfacecolor="none",
            markersize=4,
            markevery=max(1, len(mean) // 8),
        )
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def caption(data: pd.DataFrame) -> str:
    """Where each level's first metric ends, over how many epochs and seeds."""
    first, unit = data.metric.iloc[0], data.unit.iloc[0]
    ends = "; ".join(
        f"{name}: {rows[rows.epoch == rows.epoch.max()].value.mean():.3g} after "
        f"{rows.epoch.max()} {unit}s, {rows.seed.nunique()} seed{'s' * (rows.seed.nunique() > 1)}"
        for _, name, rows in groups(data[data.metric == first])
    )
    what = (
        "Mean loss of each epoch, of the sub-networks that learn from labels."
        if unit == "epoch"
        else f"What runs log by {unit}."
    )
    lines = "Thin lines are seeds, thick ones their means. " if data.seed.nunique() > 1 else ""
    it = "It" if data.metric.nunique() == 1 else first
    return f"{what} {lines}{it} ends at: {ends}."


FIGURE = FigureKind("Training curves", "axis", 40, data, draw, caption)
