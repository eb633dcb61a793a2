"""Training curves: what runs log while they go on."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ablations.study.metric import Metric
from reports.data.levels import NothingToDrawError, keep_stitches
from reports.data.quantities import MANY
from reports.data.subject import Subject
from reports.drawing.drawing import colour_of, groups, handle_of, legend, marker_of, panels
from reports.drawing.figure import FigureKind
from reports.drawing.style import COLUMN_INCHES

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
    metrics = groups(data, "metric")
    if len(metrics) == 1:
        figure, one = plt.subplots(figsize=COLUMN_INCHES)
        axes = [one]
    else:
        figure, axes = panels(len(metrics), 2.1)
    for panel, (_, _, rows) in zip(axes, metrics, strict=True):
        _lines(panel, rows)
        panel.set_xlabel(rows.unit.iloc[0])
        panel.set_ylabel(rows.label.iloc[0])
    names = list(dict.fromkeys(data.level))
    legend(figure, [handle_of(number) for number in range(len(names))], names)
    return figure


def _lines(axes: Axes, data: pd.DataFrame) -> None:
    for level, _, rows in groups(data):
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
