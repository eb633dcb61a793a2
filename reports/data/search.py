"""A search as figures see it: the record that it left with its plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ablations.study.search_record import SearchRecord
from ablations.tracking.reader import TrackedStudy
from reports.data.levels import Level, NothingToDrawError
from reports.statistics.interval import number

STATES = {"complete": "done", "pruned": "ended early", "fail": "failed", "running": "running"}
VALUES = ("value", "second")  # columns of values, whatever these are called


def search_of(study: TrackedStudy) -> SearchRecord:
    """The search that a study is.

    Raises:
        NothingToDrawError: the study is no search, or no trial of it is done.
    """
    found = study.plan.search
    if found is None:
        raise NothingToDrawError("it is no search")
    if not found.done:
        raise NothingToDrawError("no trial is done")
    return found


def winners(study: TrackedStudy) -> list[Level]:
    """The best trial for each value of a search, as levels; none where the baseline is the best."""
    search, found = study.plan.search, dict[int, str]()
    if search is None or not search.done:
        return []
    trials = {trial.number: trial for trial in search.done}
    for place, (name, goal) in enumerate(search.values.items()):
        values = {number: trial.values[place] for number, trial in trials.items() if trial.values}
        best = (max if goal == "maximize" else min)(values, key=values.__getitem__)
        found.setdefault(best, f"best {name}" if len(search.values) > 1 else "best")
    levels = []
    for trial, words in found.items():
        setting = {axis: str(value) for axis, value in trials[trial].params.items()}
        replicates = study.replicates(setting)
        runs = {seed: run for seed, run in replicates.items() if run is not None}
        if trial:  # the first is the baseline
            label = f"{words} (trial {trial})"
            levels.append(Level("", label, False, runs, len(replicates), study.plan.table))
    return levels


def trials_of(study: TrackedStudy) -> pd.DataFrame:
    """A row a trial: `trial`, `state`, `setting` in words, and its values in the columns `VALUES`.

    A trial that ended early has the value that it had then.
    """
    search, rows = search_of(study), []
    columns = VALUES[: len(search.values)]
    for trial in search.trials:
        values = trial.values or ()
        if not values and trial.state == "pruned":
            values = (trial.value_so_far,)
        row = {"trial": trial.number, "state": STATES[trial.state]}
        row |= {"setting": setting_words(trial.params, search.trials[0].params)}
        rows.append({**row, **dict(zip(columns, values, strict=False))})
    return pd.DataFrame(rows, columns=["trial", "state", "setting", *columns])


def setting_words(params: Mapping[str, Any], baseline: Mapping[str, Any]) -> str:
    """What differs from the baseline, which the first trial is."""
    changes = [f"{name} {value}" for name, value in params.items() if value != baseline[name]]
    return ", ".join(changes) or "baseline"


def trial_words(data: pd.DataFrame) -> list[str]:
    """What each trial is, for those who point at it."""
    return [
        f"trial {row['trial']}: {row['setting']}: {number(row['value'], digits=4)}, {row['state']}"
        for row in data.to_dict("records")
    ]
