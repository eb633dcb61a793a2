"""`ablate search` on a real SLURM: the launcher asks and tells, jobs work."""

from __future__ import annotations

import pytest
from optuna.trial import TrialState

from ablations.launch.scheduler import Options
from ablations.launch.slurm.scheduler import SlurmScheduler
from ablations.runs.directory import State
from ablations.search.journal import KEYS
from helpers.commands import TOY, run_ablate
from helpers.hold import hold, release
from helpers.processes import start, wait_for
from helpers.runs import states
from helpers.searching import trials_of

pytestmark = pytest.mark.xdist_group("slurm")
SEARCH = ("search", TOY, "--objective", "error", "--seeds", "1", "--over", "rate=0.05:0.6")
HERE = ("--cluster", "slurm", "--workers", "2", "--trials", "5", "--set", "pause=1")


def test_a_launcher_that_is_killed_goes_on_with_what_its_jobs_did(slurm_home):
    hold(slurm_home)
    launcher = start(slurm_home, *SEARCH, *HERE)
    wait_for(lambda: states(slurm_home)[State.RUNNING] == 2)
    launcher.kill()
    launcher.wait()
    release(slurm_home)
    wait_for(lambda: states(slurm_home) == {State.DONE: 2})  # its jobs went on
    done = run_ablate(slurm_home.root, *SEARCH, *HERE)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = trials_of(slurm_home)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 5
    runs = {run.key: run for run in slurm_home.runs()}
    assert sorted(runs) == sorted(key for trial in trials for key in trial.user_attrs[KEYS])
    assert all(run.attempt(1)["job"] for run in runs.values())
    assert all(run.inspect(slurm_home.observer()).attempt == 1 for run in runs.values())
    wait_for(lambda: not SlurmScheduler(slurm_home, Options()).queue("toy-search"))
