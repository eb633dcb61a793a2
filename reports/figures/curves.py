"""Learning curves of a search's trials, and those that were ended early."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.levels import NothingToDrawError
from reports.data.search import STATES, search_of, setting_words, trial_words
from reports.data.subject import Subject
from reports.drawing.drawing import GREY, colour_of, groups, legend
from reports.drawing.figure import FigureKind

LOOKS: dict[str, dict[str, Any]] = {
    "done": {"color": colour_of(1), "linewidth": 0.8, "marker": "o"},
    "ended early": {"color": GREY, "linewidth": 0.8, "linestyle": "--", "marker": "x"},
    "best": {"color": colour_of(2), "linewidth": 1.6, "marker": "s"},
}


def data(subject: Subject) -> pd.DataFrame:
    """A row a trial and point of its curve: the first replicate's value by percent of its run."""
    search, rows = search_of(subject.study), []
    name, goal = next(iter(search.values.items()))
    best = (max if goal == "maximize" else min)(search.done, key=lambda trial: trial.value)
    for trial in search.trials:
        curve = dict(trial.curve)
        if curve and trial.seeds:
            curve[100] = trial.seeds[0]
        state = "best" if trial is best else STATES[trial.state]
        setting = setting_words(trial.params, search.trials[0].params)
        shared = {"trial": trial.number, "state": state, "setting": setting, "objective": name}
        rows += [{**shared, "percent": at, "value": curve[at]} for at in sorted(curve)]
    if not rows:
        raise NothingToDrawError("no trial told how good it was while it ran")
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame) -> Figure:
    """A line a trial; the best one stands out."""
    figure, axes = plt.subplots()
    shown = [state for state in LOOKS if (data.state == state).any()]
    for order, state in enumerate(shown):
        look = LOOKS[state]
        for _, _, rows in groups(data[data.state == state], "trial"):
            axes.plot(rows.percent, rows.value, markersize=3, zorder=2 + order, **look)
            axes.scatter(rows.percent, rows.value, s=30, alpha=0, urls=trial_words(rows))
    axes.set_xlabel("training done (%)")
    axes.set_ylabel(data.objective.iloc[0])
    handles = [Line2D([], [], markersize=3, **LOOKS[state]) for state in shown]
    legend(figure, handles, shown)
    return figure


def caption(data: pd.DataFrame) -> str:
    """How many were ended, and when."""
    ended = data[data.state == "ended early"].groupby("trial").percent.max()
    when = "; ".join(f"{(ended == at).sum()} at {at} %" for at in sorted(ended.unique()))
    early = f"{len(ended)} were ended early ({when})" if len(ended) else "none was ended early"
    return (
        f"{data.objective.iloc[0]} of the first replicate of {data.trial.nunique()} trials by the "
        f"share of its training; {early}."
    )


FIGURE = FigureKind("Learning curves", "study", 16, data, draw, caption)
