"""Which settings matter, over all that was tried: a search, or a grid of every combination."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ablations.search.importance import fewest, importances
from reports.data.levels import NothingToDrawError
from reports.data.quantities import AREA, Quantity, quantities
from reports.data.search import search_of
from reports.data.subject import Subject
from reports.drawing.drawing import colour_of
from reports.drawing.figure import FigureKind
from reports.drawing.style import inches
from reports.drawing.words import plain


def data(subject: Subject) -> pd.DataFrame:
    """A row a setting."""
    plan = subject.study.plan
    if plan.search:
        search = search_of(subject.study)
        name, choices = next(iter(search.values)), search.choices
        results = [(trial.params, trial.value) for trial in search.done]
        results += [(grid.params, grid.values[0]) for grid in search.grid]
        counts = {"trials": len(search.done), "settings": len(search.grid)}
    else:
        if plan.design != "factorial" or len(plan.axes) < 2:
            raise NothingToDrawError("importance needs a search, or every combination of two axes")
        known = quantities(subject.study)
        quantity = next((one for one in known if one.name == AREA), known[0])
        name = quantity.name
        choices = {axis: {"levels": levels} for axis, levels in plan.axes.items()}
        results = list(_settings(subject, quantity))
        counts = {"trials": 0, "settings": len(results)}
    found = importances(choices, results)
    if not found:
        enough = fewest(choices)
        raise NothingToDrawError(
            f"{len(results)} settings are done, and {enough} can tell which of {len(choices)} "
            "choices matter"
            if len(results) < enough
            else "all settings did alike"
        )
    shares = [{"setting": setting, "importance": 100 * share} for setting, share in found.items()]
    return pd.DataFrame(shares).assign(value=name, **counts)


def _settings(subject: Subject, quantity: Quantity) -> Iterator[tuple[dict[str, Any], float]]:
    """Each combination that has runs, and the mean of its seeds."""
    study = subject.study
    combinations = {tuple(cell.levels.items()): None for cell in study.plan.cells}
    for levels in map(dict, combinations):
        values = [quantity.value(run) for run in study.replicates(levels).values() if run]
        told = [value for value in values if value is not None]
        if told:
            yield levels, sum(told) / len(told)


def draw(data: pd.DataFrame) -> Figure:
    """A bar a setting."""
    figure, axes = plt.subplots(figsize=(inches()[0], 0.7 + 0.28 * len(data)))
    bars = axes.barh(data.setting.map(plain), data.importance, color=colour_of(1), height=0.6)
    axes.bar_label(
        bars, [f"{share:.0f} %" for share in data.importance], padding=3, fontsize="small"
    )
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * data.importance.max())
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"importance for {data.value.iloc[0]} (%)")
    return figure


def caption(data: pd.DataFrame) -> str:
    """What the shares are of, and over how many settings."""
    trials, settings = data.trials.iloc[0], data.settings.iloc[0]
    parts = [f"{trials} trials"] if trials else []
    parts += [f"{settings} settings of grids"] if settings else []
    return (
        f"Share of each setting in how much {data.value.iloc[0]} varies (Optuna's fANOVA), over "
        f"{' and '.join(parts)}. It tells what made a difference, not which level was better. No "
        "interval can be given: with as few settings, shares are wrong by ten points or so."
    )


FIGURE = FigureKind("What matters", "study", 12, data, draw, caption)
