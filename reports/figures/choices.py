"""What a search tried of every setting, and what came of it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from reports.data.search import search_of, trial_words, trials_of
from reports.data.subject import Subject
from reports.drawing.drawing import GREY, colour_of, groups, panels
from reports.drawing.figure import FigureKind
from reports.drawing.words import plain


def data(subject: Subject) -> pd.DataFrame:
    """A row a trial that is done and a setting: the `level` chosen, and its `position` across."""
    search = search_of(subject.study)
    name = next(iter(search.values))
    trials = trials_of(subject.study).set_index("trial", drop=False)
    rows = []
    for trial in search.done:
        for setting, level in trial.params.items():
            choice = search.choices[setting]
            levels = choice.get("levels")
            rows.append(
                {
                    **trials.loc[trial.number, ["trial", "state", "setting"]],
                    "choice": setting,
                    "level": level,
                    "position": levels.index(level) if levels else level,
                    "scale": "levels" if levels else "log" if choice["log"] else "linear",
                    "value": trials.value[trial.number],
                    "objective": name,
                }
            )
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame) -> Figure:
    """A panel a setting; darker points came later."""
    settings = groups(data, "choice")
    figure, axes = panels(len(settings), 1.75, sharey=True)
    for panel, (number, name, rows) in zip(axes, settings, strict=True):
        _panel(panel, rows, data.trial.max())
        panel.set_xlabel(name)
        if number % 2 == 0:  # the first of a row
            panel.set_ylabel(data.objective.iloc[0])
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, last: int) -> None:
    later = rows[rows.trial > 0]
    axes.scatter(
        later.position,
        later.value,
        s=14,
        c=later.trial,
        cmap="Blues",
        vmin=-last / 2,
        vmax=last,
        edgecolor=GREY,
        linewidth=0.4,
        zorder=3,
        urls=trial_words(later),
    )
    first = rows[rows.trial == 0]
    axes.scatter(first.position, first.value, s=55, marker="*", color=colour_of(0), zorder=4,
                 urls=trial_words(first))  # fmt: skip
    scale = rows.scale.iloc[0]
    if scale == "levels":
        known = rows.drop_duplicates("position").sort_values("position")
        axes.set_xticks(known.position, known.level.astype(str).map(plain), fontsize="x-small")
        axes.set_xlim(known.position.min() - 0.6, known.position.max() + 0.6)
        axes.grid(axis="x", visible=False)
    else:
        axes.set_xscale(scale)
        if scale == "log":  # its own labels are formulas
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())


def caption(data: pd.DataFrame) -> str:
    """What a point is."""
    return (
        f"{data.objective.iloc[0]} of the {data.trial.nunique()} trials that are done, by what was "
        "chosen of each setting; darker points came later, the star is the baseline. Other "
        "settings vary along: no designed comparison."
    )


FIGURE = FigureKind("What was chosen", "study", 14, data, draw, caption)
