"""What a search leaves for reports: its trials, and what grids did in the same space."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.search.journal import KEYS, Journal, curve_of
from ablations.search.question import Question

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


Result = tuple[dict[str, Any], list[float]]  # a setting, and its values


def record_of(question: Question, journal: Journal, grids: Sequence[Result]) -> dict[str, Any]:
    """The search as JSON values, see `ablations.study.plan.Plan.search`.

    Arguments:
        grids: see `grid_results`.
    """
    return {
        "values": dict(zip(question.aim.names, question.aim.goals, strict=True)),
        "choices": question.space.choices,
        "trials": [
            {
                "number": trial.number,
                "state": trial.state.name.lower(),
                "params": trial.params,
                "values": trial.values,
                "seeds": list(trial.intermediate_values.values()),
                "curve": curve_of(trial),
            }
            for trial in journal.trials
        ],
        "grid": [{"params": params, "values": values} for params, values in grids],
    }


def grid_results(home: Home, question: Question, trials: Sequence[FrozenTrial]) -> list[Result]:
    """Settings of the space that were not tried as trials, but done as runs of grids; the means."""
    tried = {trial.user_attrs[KEYS][0] for trial in trials}
    found = []
    for params in question.space.grid():
        runs = [home.run(question.space.cell(params, seed).key) for seed in range(question.seeds)]
        if runs[0].key in tried or any(run.result() is None for run in runs):
            continue
        try:
            scores = [question.aim.score(run) for run in runs]
        except UserError:  # of an earlier version, that kept less
            continue
        found.append((params, [fmean(column) for column in zip(*scores, strict=True)]))
    return found
