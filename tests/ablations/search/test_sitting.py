"""`ablate search`: whatever is killed when, so many trials and no more, and none of them twice."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import time

from optuna.trial import TrialState

from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.search.journal import KEYS
from ablations.study.plans import plan_of
from helpers.commands import TOY
from helpers.hold import hold, release
from helpers.processes import DEADLINE, descendants, start, wait_for
from helpers.runs import states, tracked_keys
from helpers.searching import SEARCH, question, sit, trials_of


def test_killed_twice_it_asks_for_as_many_as_it_should_and_none_twice(ablate, home):
    moments = random.Random(seed := time.time_ns())
    print("moments drawn by", seed)
    arguments = (*SEARCH, "--trials", "12", "--workers", "2", "--set", "pause=0.1")
    for told in (3, 6):
        launcher = start(home, *arguments)
        wait_for(lambda told=told: states(home)[State.DONE] >= told)
        time.sleep(moments.uniform(0, 1.5))
        processes = [*descendants(launcher)]
        launcher.kill()
        launcher.wait()
        for process in processes:
            if process.is_running():
                process.kill()
    last = ablate(*arguments)
    assert last.returncode == 0, last.stdout + last.stderr
    trials = trials_of(home)
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    keys = [key for trial in trials for key in trial.user_attrs[KEYS]]
    assert sorted(keys) == [run.key for run in home.runs()]  # each asked once, and no other run
    assert states(home) == {State.DONE: 12}
    assert tracked_keys(home) == dict.fromkeys(keys, 1)
    for trial in trials:
        assert trial.value == abs(home.run(trial.user_attrs[KEYS][0]).result()["metrics"]["final"])
    undisturbed = Home(home.root.with_name("undisturbed"))
    sit(undisturbed, question(changes=("pause=0.1",)), 9, workers=2)
    assert [trial.params for trial in trials_of(undisturbed)] == [t.params for t in trials[:9]]
    again = ablate(*arguments)
    assert "12 of 12 trials asked already" in again.stdout
    assert "nothing is left to do" in again.stdout
    assert len(trials_of(home)) == 12


def test_its_workers_do_one_trial_after_the_other_and_end_with_it(ablate, home):
    done = ablate(*SEARCH, "--trials", "6", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(home) == {State.DONE: 6}
    assert len(list(home.launches.glob("*_submitted.pkl"))) == 2
    assert not list(home.launches.glob("*_due.json"))
    launcher = start(home, *SEARCH, "--trials", "99", "--workers", "2")
    wait_for(lambda: states(home)[State.DONE] >= 8)
    processes = descendants(launcher)
    launcher.kill()
    launcher.wait()
    wait_for(lambda: not any(process.is_running() for process in processes))
    assert State.RUNNING not in states(home)


def test_interrupted_it_leaves_in_good_order_and_goes_on(ablate, home):
    arguments = (*SEARCH, "--trials", "3", "--workers", "2")
    hold(home)
    launcher = start(home, *arguments)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.wait(DEADLINE) == 130
    assert State.RUNNING not in states(home)
    release(home)
    assert ablate(*arguments).returncode == 0
    assert [trial.state for trial in trials_of(home)] == [TrialState.COMPLETE] * 3
    assert states(home) == {State.DONE: 3}


def test_what_grids_did_costs_nothing_and_what_it_did_grids_know(ablate, home):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    before = {run.key for run in home.runs()}
    found = ablate("search", TOY, "--objective", "error", "--seeds", "1", "--trials", "20")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all 8 settings of the space were tried" in found.stdout
    trials = trials_of(home)
    assert trials[0].params == {"rate": "0.1", "rule": "plain", "pace": "5"}
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == len(trials) == 8
    assert len(list(home.runs())) == 8
    for key in before:
        assert home.run(key).inspect(home.observer()).attempt == 1
    line = next(line for line in found.stdout.splitlines() if "ablate run" in line)
    best = min(trials, key=lambda trial: trial.value)
    planned = ablate("plan", *shlex.split(line)[2:], "--json")
    assert [cell["key"] for cell in json.loads(planned.stdout)["cells"]] == best.user_attrs[KEYS]
    shown = ablate("search", TOY, "--show")
    assert shown.stdout == found.stdout[-len(shown.stdout) :]
    print(shown.stdout)
    assert "what matters for error is not known yet" in shown.stdout
    assert "toy-search" in ablate("status", "toy-search").stdout


def test_failed_runs_are_told_and_the_search_goes_on(ablate, home, tmp_path):
    cure = tmp_path / "cure"
    arguments = (*SEARCH, "--workers", "2", "--set", f"fail_unless={cure}")
    first = ablate(*arguments, "--trials", "3")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "the toy was told to fail [/bold]" in first.stdout
    assert [trial.state for trial in trials_of(home)] == [TrialState.FAIL] * 3
    cure.touch()
    assert ablate(*arguments, "--trials", "5").returncode == 0
    assert len(plan_of(home, "toy-search").cells) == 5
    assert states(home) == {State.FAILED: 3, State.DONE: 2}
    expected = [TrialState.FAIL] * 3 + [TrialState.COMPLETE] * 2
    assert [trial.state for trial in trials_of(home)] == expected
