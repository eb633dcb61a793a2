"""What a search found: the value of every trial, or of two values the trade-off."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.data.levels import keep_stitches
from reports.data.search import VALUES, search_of, trial_words, trials_of
from reports.data.subject import Subject
from reports.drawing.captions import listed
from reports.drawing.drawing import GREY, colour_of, legend
from reports.drawing.figure import FigureKind
from reports.statistics.interval import number

LOOKS = {"done": ("o", colour_of(1)), "ended early": ("D", GREY)}


def data(subject: Subject) -> pd.DataFrame:
    """A row a trial that tells a value; `best`: the best so far, or one that no other beats."""
    goals = search_of(subject.study).values
    columns = list(VALUES[: len(goals)])
    rows = trials_of(subject.study).dropna(subset=columns)
    signs = [-1 if goal == "maximize" else 1 for goal in goals.values()]
    costs = rows[columns] * signs
    done = rows.state == "done"
    if len(goals) == 1:
        best = costs.value.where(done).cummin()
        rows["best"] = done & (costs.value == best)
    else:
        rows["best"] = [
            ok and not ((costs <= one).all(axis=1) & (costs < one).any(axis=1) & done).any()
            for ok, (_, one) in zip(done, costs.iterrows(), strict=True)
        ]
    for column, (name, goal) in zip(columns, goals.items(), strict=True):
        rows[f"{column}_name"], rows[f"{column}_goal"] = name, goal
    held_out = (
        keep_stitches(subject.study.runs.values(), subject.study.plan.table) and "auc" in goals
    )
    return rows.assign(images="validation images" if held_out else "")


def _names(data: pd.DataFrame) -> list[str]:
    """What the values are called."""
    return [data[f"{column}_name"].iloc[0] for column in VALUES if column in data]


def draw(data: pd.DataFrame) -> Figure:
    """Value over trial with the best so far as a line; of two values the one over the other."""
    figure, axes = plt.subplots()
    names, images = _names(data), data.images.iloc[0]
    across = "trial" if len(names) == 1 else "second"
    _points(axes, data, across)
    best = data[data.best].sort_values(across)
    if len(names) == 1:
        ends = [*best.trial, data.trial.max()], [*best.value, best.value.iloc[-1]]
        axes.step(*ends, where="post", color=colour_of(2), linewidth=1, zorder=2)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    else:
        axes.plot(best[across], best.value, color=colour_of(2), linewidth=1, zorder=2)
    axes.set_xlabel("trial" if len(names) == 1 else names[1])
    axes.set_ylabel(f"{names[0]} ({images})" if images else names[0])
    line = Line2D([], [], color=colour_of(2), linewidth=1)
    shown = [state for state in LOOKS if (data.state == state).any()]
    points = [Line2D([], [], marker=LOOKS[s][0], color=LOOKS[s][1], linestyle="",
                     markerfacecolor="none", markersize=4) for s in shown]  # fmt: skip
    star = Line2D([], [], marker="*", color=colour_of(0), linestyle="", markersize=7)
    words = "best so far" if len(names) == 1 else "no other is better in both"
    legend(figure, [*points, star, line], [*shown, "baseline", words])
    return figure


def _points(axes: Axes, data: pd.DataFrame, x: str) -> None:
    baseline = data.trial == 0
    for state, (marker, colour) in LOOKS.items():
        rows = data[(data.state == state) & ~baseline]
        axes.scatter(
            rows[x],
            rows.value,
            s=18,
            marker=marker,
            linewidth=0.9,
            zorder=3,
            urls=trial_words(rows),
            facecolor="none",
            edgecolor=colour,
        )
    first = data[baseline]
    axes.scatter(first[x], first.value, s=60, marker="*", color=colour_of(0), zorder=4,
                 urls=trial_words(first))  # fmt: skip


def caption(data: pd.DataFrame) -> str:
    """How many trials, and the best."""
    names = _names(data)
    goals = ", ".join(data[f"{column}_goal"].iloc[0] for column in VALUES if column in data)
    counts = [f"{(data.state == state).sum()} {state}" for state in data.state.unique()]
    best = data[data.best].iloc[-1]
    text = f"{' and '.join(names)} ({goals}) of {len(data)} trials: {listed(counts)}."
    if len(names) > 1:
        return f"{text} {int(data.best.sum())} of them are beaten in both by no other."
    return (
        f"{text} The best, trial {best.trial} ({best.setting}), has "
        f"{number(best.value, digits=4)}; the baseline {_baseline(data)}. Chosen by "
        "the best of many, so its value is a little flattered; a study with its setting as an axis "
        "tells by how much."
    )


def _baseline(data: pd.DataFrame) -> str:
    first = data[data.trial == 0]
    return number(first.value.iloc[0], digits=4) if len(first) else "is not done"


FIGURE = FigureKind("Trials", "study", 5, data, draw, caption)
