"""Summary metrics of each level: every seed, their mean and its interval."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.levels import NothingToDrawError, keep_stitches
from reports.data.quantities import MANY, digits, main_metric, metrics_of
from reports.data.subject import Subject
from reports.drawing.captions import levels_words, listed, seeds_sentence, with_interval
from reports.drawing.drawing import (
    colour_of,
    groups,
    marker_of,
    name_ticks,
    panels,
)
from reports.drawing.figure import FigureKind
from reports.drawing.scales import keep_to_percent
from reports.drawing.style import inches
from reports.drawing.words import plain
from reports.statistics.interval import estimate


def data(subject: Subject) -> pd.DataFrame:
    """A row a run and metric."""
    study = subject.study
    if keep_stitches(study.runs.values(), study.plan.table):
        raise NothingToDrawError("of stitches each is drawn, by `accuracy`")
    main_metric(study)
    rows = [
        {
            "axis": subject.axis or "",
            "level": level.name,
            "seed": seed,
            "metric": metric.title,
            "label": metric.label,
            "digits": digits(study, metric),
            "value": run.value(metric),
        }
        for metric in metrics_of(study)[:MANY]
        for level in subject.levels
        for seed, run in sorted(level.runs.items())
        if run.value(metric) is not None
    ]
    if not rows:
        raise NothingToDrawError("no run tells a metric")
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame) -> Figure:
    """A panel a metric: a small point a seed, a large one their mean."""
    metrics = groups(data, "metric")
    width = inches()[0] / min(len(metrics), 2)
    if len(metrics) == 1:
        figure, one = plt.subplots()
        axes = [one]
    else:
        figure, axes = panels(len(metrics), 2.3)
    for panel, (_, _, rows) in zip(axes, metrics, strict=True):
        _panel(panel, rows, width)
    return figure


def _panel(axes: Axes, data: pd.DataFrame, width: float) -> None:
    levels = groups(data)
    for number, name, rows in levels:
        found = estimate(list(rows.value))
        words = [
            f"{name}, seed {seed}: {value:.{digits}f}"
            for seed, value, digits in zip(rows.seed, rows.value, rows.digits, strict=True)
        ]
        axes.scatter([number - 0.15] * len(rows), rows.value, s=9, color=colour_of(number),
                     alpha=0.6, linewidth=0, urls=words)  # fmt: skip
        axes.errorbar(
            number + 0.1,
            found.mean,
            yerr=found.half_width,
            fmt=marker_of(number),
            color=colour_of(number),
            markersize=5,
            capsize=2,
            elinewidth=0.9,
        )
    name_ticks(axes, [name for _, name, _ in levels], width)
    axes.set_xlabel(plain(data.axis.iloc[0]))
    axes.set_ylabel(data.label.iloc[0])
    if data.label.iloc[0].endswith("(%)"):
        keep_to_percent(axes)


def caption(data: pd.DataFrame) -> str:
    """The first metric of each level in numbers, over how many seeds."""
    first = data[data.metric == data.metric.iloc[0]]
    what, found = levels_words(data.axis.iloc[0], first.level.nunique()), []
    for _, name, rows in groups(first):
        one = estimate(list(rows.value))
        half_width = float("nan") if one.half_width is None else one.half_width
        text = with_interval(one.mean, half_width, digits=int(rows.digits.iloc[0]))
        found.append(f"{name} {text}")
    return (
        f"{listed(dict.fromkeys(data.label))}{what}; "
        f"small points are seeds. {first.metric.iloc[0]}: {'; '.join(found)}. "
        f"{seeds_sentence(first.groupby('level').seed.nunique())}"
    )


FIGURE = FigureKind("Metrics of each level", "axis", 5, data, draw, caption)
