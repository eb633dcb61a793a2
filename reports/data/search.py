"""A search as figures see it: the record that it left with its plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ablations.study.search_record import SearchRecord
from reports.data.levels import NothingToDrawError
from reports.data.subject import Subject
from reports.statistics.interval import number

STATES = {"complete": "done", "pruned": "ended early", "fail": "failed", "running": "running"}
VALUES = ("value", "second")  # columns of values, whatever these are called


def search_of(subject: Subject) -> SearchRecord:
    """The search that a study is.

    Raises:
        NothingToDrawError: the study is no search, or no trial of it is done.
    """
    found = subject.study.plan.search
    if found is None:
        raise NothingToDrawError("it is no search")
    if not found.done:
        raise NothingToDrawError("no trial is done")
    return found


def trials_of(subject: Subject) -> pd.DataFrame:
    """A row a trial: `trial`, `state`, `setting` in words, and its values in the columns `VALUES`.

    A trial that ended early has the value that it had then.
    """
    search, rows = search_of(subject), []
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
