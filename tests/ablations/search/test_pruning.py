"""Trials of a search that end early: by their seeds, or by the learning curve of the first."""

from __future__ import annotations

import numpy as np
from optuna.trial import TrialState

from ablations.runs.directory import State
from ablations.search.journal import KEYS, Journal, curve_of
from ablations.study.plans import plan_of
from helpers.hold import hold
from helpers.runs import states
from helpers.searching import SEARCH, noisy, question, sit, trials_of


def test_bad_settings_end_before_their_last_seed(home):
    sit(home, noisy(over=("offset=0:20",), seeds=8, changes=("mode=a,b",)), 12)
    trials = trials_of(home, "noisy-search")
    assert len(trials[0].intermediate_values) == 8
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert len(pruned) > 3
    assert all(4 <= len(trial.intermediate_values) < 8 for trial in pruned)
    assert len(list(home.runs())) == sum(len(trial.intermediate_values) for trial in trials)
    best = min((t for t in trials if t.state is TrialState.COMPLETE), key=lambda t: t.value)
    assert all(trial.params["offset"] >= best.params["offset"] for trial in pruned)


def median_after_a_step(trials):
    """The larger one of those that runs of 20 and of 30 steps are judged by.

    It only sinks while whoever is above it waits, and so does not become done.
    """
    curves = [curve_of(trial) for trial in trials]
    return max(np.median([c[at] for c in curves if min(c) == at]) for at in (3, 5))


def test_a_run_that_lags_is_ended_while_it_trains(ablate, home):
    """Six trials set the median; later ones that begin worse wait until they are ended."""
    arguments = [*SEARCH, "--workers", "2", "--prune", "curves", "--set", "steps=20,30"]
    arguments[arguments.index("--seeds") + 1] = "2"
    first = ablate(*arguments, "--trials", "6", "--set", "pause=0.01")
    assert first.returncode == 0, first.stdout + first.stderr
    hold(home, above=median_after_a_step(trials_of(home)))
    done = ablate(*arguments, "--trials", "16", "--set", "pause=0.01")
    assert done.returncode == 0, done.stdout + done.stderr
    trials = trials_of(home)
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert pruned, "nothing was ended early"
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial in pruned:
        first, second = (home.run(key) for key in trial.user_attrs[KEYS])
        assert not second.path.exists()
        curve = curve_of(trial)
        at = max(curve)
        others = [curve_of(one) for one in trials if one.state is TrialState.COMPLETE]
        median = np.median([other[at] for other in others if at in other])
        assert min(curve.values()) > median or first.result(), (trial.number, curve)
    assert "pruned" in done.stdout
    assert "cancelled: " not in done.stdout  # as those are told that a user cancelled
    cells = {cell.key for cell in plan_of(home, "toy-search").cells}
    asked = [trial.user_attrs[KEYS][: 1 if trial in pruned else 2] for trial in trials]
    assert cells == {key for keys in asked for key in keys}
    again = ablate(*arguments, "--trials", "16", "--set", "pause=0.01")
    assert "nothing is left to do" in again.stdout
    assert State.RUNNING not in states(home)


def test_a_killed_search_ends_the_same_trials_early(home):
    asked = question(prune="curves", changes=("steps=20",))
    search = sit(home, asked, 7)
    curves = [curve_of(trial) for trial in search.journal.trials]
    assert all(sorted(curve) == list(range(5, 100, 5)) for curve in curves)
    worst = {percent: max(curve[percent] for curve in curves) + 1 for percent in (5, 10)}
    assert search.journal.must_cut(worst)
    assert Journal(home.journal("toy-search")).must_cut(worst)
    best = {percent: min(curve[percent] for curve in curves) - 1 for percent in (5, 10)}
    assert not search.journal.must_cut(best)
    few = sit(home, question(prune="curves", name="few"), 4)
    assert not few.journal.must_cut(worst)
