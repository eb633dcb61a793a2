"""What a search leaves for reports: its trials, and what grids did in the same space."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.search.journal import KEYS, Journal, curve_of
from ablations.search.question import Question
from ablations.study.search_record import GridRecord, SearchRecord, TrialRecord

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def record_of(question: Question, journal: Journal, grids: Sequence[GridRecord]) -> SearchRecord:
    """The search as reports see it.

    Arguments:
        grids: see `grid_results`.
    """
    return SearchRecord(
        values=question.aim.goals,
        choices=question.space.choices,
        trials=tuple(
            TrialRecord(
                number=trial.number,
                state=trial.state.name.lower(),
                params=trial.params,
                values=None if trial.values is None else tuple(trial.values),
                seeds=tuple(trial.intermediate_values.values()),
                curve=curve_of(trial),
            )
            for trial in journal.trials
        ),
        grid=tuple(grids),
    )


def grid_results(home: Home, question: Question, trials: Sequence[FrozenTrial]) -> list[GridRecord]:
    """Settings of the space that were not tried as trials, but done as runs of grids."""
    tried = {trial.user_attrs[KEYS][0] for trial in trials}
    found = []
    for params in question.space.grid():
        runs = [home.run(question.space.key(params, seed)) for seed in range(question.seeds)]
        if runs[0].key in tried or any(run.result() is None for run in runs):
            continue
        try:
            scores = [question.aim.score(run) for run in runs]
        except UserError:  # of an earlier version, that kept less
            continue
        values = tuple(fmean(column) for column in zip(*scores, strict=True))
        found.append(GridRecord(params, values))
    return found
